//! Typed identifiers. Each is a short prefix that says what it names and 16 characters that carry 80 random bits, so that an
//! id can be read aloud, found with `grep`, and never mistaken for one of another kind. An id is a name, never a permission.

use crate::crockford;
use crate::entropy::Entropy;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind is `{prefix}` and 16 characters of 0-9 and a-z without i, l, o and u")]
pub struct IdError {
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Draws a new id.
            pub fn random(entropy: &mut dyn Entropy) -> Self {
                Self(format!("{}{}", $prefix, crockford::encode(entropy.bits(), 16)))
            }

            /// Reads an id back from its text.
            ///
            /// # Errors
            /// [`IdError`] when the text is not an id of this kind.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                match text.strip_prefix($prefix) {
                    Some(rest) if rest.len() == 16 && crockford::is_encoded(rest) => Ok(Self(text.to_owned())),
                    _ => Err(IdError { prefix: $prefix }),
                }
            }

            /// The id as text.
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
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// One installation of Mayfly: made by `server init`, carried by every mark that it leaves on a target.
    InstallationId,
    "ins_"
);
id!(
    /// One run of one server process. A session belongs to a run; after a restart the sessions of earlier runs go out.
    RunId,
    "run_"
);
id!(
    /// One session: one use of a permission to open a record.
    SessionId,
    "ses_"
);
id!(
    /// One change on a target, as the ledger lists it.
    ChangeId,
    "chg_"
);
id!(
    /// One client's stream through the broker.
    ConnectionId,
    "con_"
);

id!(
    /// One token of the API: a name for lists and the trail, never a permission.
    ApiTokenId,
    "tok_"
);
id!(
    /// One token of a person who has signed in: a name for the trail, never a permission.
    PersonTokenId,
    "sgn_"
);

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn an_id_reads_back_and_another_kind_is_refused() {
        let id = SessionId::random(&mut Fixed(0xa5));
        assert_eq!(SessionId::parse(id.as_str()), Ok(id.clone()));
        assert!(ChangeId::parse(id.as_str()).is_err());
        assert!(SessionId::parse("ses_").is_err());
        assert!(SessionId::parse("ses_000000000000000i").is_err());
        assert!(SessionId::parse("ses_00000000000000000").is_err());
    }

    #[test]
    fn serde_refuses_what_parse_refuses() {
        assert!(serde_json::from_str::<SessionId>("\"run_0000000000000000\"").is_err());
        assert!(serde_json::from_str::<SessionId>("\"ses_0000000000000000\"").is_ok());
    }
}
