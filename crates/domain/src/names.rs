//! Names that people type: of persons, of records, and the two joined in the user name that a native client sends
//! (`alice~orders`). One rule at the edge, so that no name needs care again further in: it cannot start with a dash, hold a
//! control character, a quote, a separator of a path, a principal list or a connection string (SECURITY-CASES 14, 43, 46).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is longer than this kind of name may be.
    #[error("a name of a {what} has at most {most} characters")]
    TooLong {
        /// The kind of thing named.
        what: &'static str,
        /// The limit in characters.
        most: usize,
    },
    /// The text has a character, or an order of characters, that a name cannot have.
    #[error("a name of a {what} is made of a-z and 0-9, with single `.`, `_` or `-` between them")]
    Malformed {
        /// The kind of thing named.
        what: &'static str,
    },
    /// A user name of a native client does not name a person and a record.
    #[error("the user name is PERSON~RECORD, for example alice~orders")]
    NotALogin,
}

/// `^[a-z0-9]+([._-][a-z0-9]+)*$`
fn well_formed(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut after_alphanumeric = false;
    for byte in text.bytes() {
        let this = alphanumeric(byte);
        if !(this || after_alphanumeric && matches!(byte, b'.' | b'_' | b'-')) {
            return false;
        }
        after_alphanumeric = this;
    }
    after_alphanumeric
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest such name, in characters.
            pub const MOST: usize = $most;

            /// Checks a text and takes it as a name; upper case is not folded here.
            ///
            /// # Errors
            /// [`NameError`] when it is too long or malformed.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if text.len() > $most {
                    return Err(NameError::TooLong { what: $what, most: $most });
                }
                if !well_formed(text) {
                    return Err(NameError::Malformed { what: $what });
                }
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name!(
    /// The name of a person, as it stands on the wire.
    PersonName,
    "person",
    32
);
name!(
    /// The name of a record: a machine, database, directory or user record.
    RecordName,
    "record",
    63
);

/// The user name that a native client sends: who, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who signs in.
    pub person: PersonName,
    /// The record that they want to open.
    pub record: RecordName,
}

impl Login {
    /// Reads `PERSON~RECORD`, folding case. Where a client cannot type `~`, `--`, `#` and `:` are taken too, in that order.
    ///
    /// # Errors
    /// [`NameError`] when there is no separator, or either side is not a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > PersonName::MOST + RecordName::MOST + 2 {
            return Err(NameError::NotALogin);
        }
        let text = text.to_ascii_lowercase();
        let (person, record) = ["~", "--", "#", ":"]
            .iter()
            .find_map(|separator| text.split_once(separator))
            .ok_or(NameError::NotALogin)?;
        Ok(Self { person: PersonName::parse(person)?, record: RecordName::parse(record)? })
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.person, self.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn separators_are_tried_in_order_and_case_is_folded() {
        for text in ["alice~orders", "alice--orders", "alice#orders", "alice:orders", "ALICE~Orders"] {
            assert_eq!(Login::parse(text).unwrap().to_string(), "alice~orders", "{text}");
        }
        assert_eq!(Login::parse("a-b~c.d_e").unwrap().record.as_str(), "c.d_e");
    }

    /// SECURITY-CASES 14, 43, 46: control characters, leading dashes, list and path separators.
    #[test]
    fn hostile_names_are_refused() {
        for text in [
            "",
            "~",
            "alice",
            "alice~",
            "~orders",
            "-a~b",
            "a~-b",
            "a~b;c",
            "a~b host=x",
            "a~b\n",
            "a~b\0",
            "a~b,c",
            "a~*",
            "a~b/c",
            "a~b\\c",
            "a~b'c",
            "a~b\"c",
            "é~b",
            "a~b~c",
            "a~..",
            "a~b..c",
            "a~b@c",
        ] {
            assert!(Login::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn limits_hold_at_their_edges() {
        assert!(PersonName::parse(&"a".repeat(32)).is_ok());
        assert!(PersonName::parse(&"a".repeat(33)).is_err());
        assert!(RecordName::parse(&"a".repeat(63)).is_ok());
        assert!(RecordName::parse(&"a".repeat(64)).is_err());
    }

    proptest! {
        #[test]
        fn a_login_prints_as_it_reads(person in "[a-z0-9]{1,8}([._-][a-z0-9]{1,4}){0,3}", record in "[a-z0-9]{1,8}([._-][a-z0-9]{1,4}){0,3}") {
            let login = Login::parse(&format!("{person}~{record}")).unwrap();
            prop_assert_eq!(Login::parse(&login.to_string()).unwrap(), login);
        }

        #[test]
        fn nothing_makes_it_panic(text in ".{0,200}") {
            let _ = Login::parse(&text);
        }
    }
}
