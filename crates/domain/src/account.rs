//! Names and marks of the accounts that Mayfly makes: the name has to be valid and unique on every kind of target, the
//! mark says on the target itself whose account it is, so that it can be found, and only then be touched, without the ledger.

use crate::crockford;
use crate::entropy::Entropy;
use crate::ids::{InstallationId, SessionId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the name of every account of this installation starts with: `[a-z][a-z0-9_]{0,6}`, `keeper_` unless set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(String);

/// The text is not a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a prefix of account names is a letter a-z and at most six more of a-z, 0-9 and _")]
pub struct PrefixError;

impl Prefix {
    /// Checks a text and takes it as a prefix.
    ///
    /// # Errors
    /// [`PrefixError`] when it is not one to seven of the characters that every target takes.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
        let rest = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        // `pg_` is reserved by PostgreSQL; no other kind of target reserves a prefix within this alphabet.
        if first && rest && text.len() <= 7 && !text.starts_with("pg_") {
            Ok(Self(text.to_owned()))
        } else {
            Err(PrefixError)
        }
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("keeper_".to_owned())
    }
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;
    fn try_from(text: String) -> Result<Self, PrefixError> {
        Self::parse(&text)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> String {
        prefix.0
    }
}

/// The name of an account on a target. Made by us it is the prefix and 13 characters (65 random bits); read from a record
/// it is whatever the target calls its existing account, and as untrusted as anything a person typed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountName(String);

impl AccountName {
    /// Draws the name of a new account. A name is never used twice, so a session of an older account never regains rights.
    pub fn random(prefix: &Prefix, entropy: &mut dyn Entropy) -> Self {
        Self(format!("{}{}", prefix.as_str(), crockford::encode(entropy.bits(), 13)))
    }

    /// The name of an account that exists on the target already.
    pub fn existing(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this name has the shape of one that this installation makes.
    pub fn is_made_with(&self, prefix: &Prefix) -> bool {
        self.0.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.len() == 13 && crockford::is_encoded(rest))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The mark of ours that an account carries on the target, where the target has a place for it (a comment, a description).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The installation that made the account.
    pub installation: InstallationId,
    /// The session that it was made for.
    pub session: SessionId,
}

impl Mark {
    /// Reads a mark back; `None` when the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("mayfly ")?;
        let (installation, session) = rest.split_once(' ')?;
        Some(Self { installation: InstallationId::parse(installation).ok()?, session: SessionId::parse(session).ok()? })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mayfly {} {}", self.installation, self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(7);
                *byte = self.0;
            }
        }
    }

    #[test]
    fn a_name_of_ours_has_twenty_characters_and_is_recognised() {
        let prefix = Prefix::default();
        let name = AccountName::random(&prefix, &mut Counting(1));
        assert_eq!(name.as_str().len(), 20);
        assert!(name.is_made_with(&prefix));
        assert!(!AccountName::existing("keeper_").is_made_with(&prefix));
        assert!(!AccountName::existing("keeper_deploy").is_made_with(&prefix));
        assert!(!AccountName::existing("postgres").is_made_with(&prefix));
    }

    #[test]
    fn prefixes_are_limited_to_what_every_target_takes() {
        for good in ["keeper_", "a", "m1_"] {
            assert!(Prefix::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "_a", "1a", "Keeper", "a-b", "toolong_", "é", "pg_x"] {
            assert!(Prefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mark_reads_back_and_near_misses_do_not() {
        let mut entropy = Counting(2);
        let mark =
            Mark { installation: InstallationId::random(&mut entropy), session: SessionId::random(&mut entropy) };
        assert_eq!(Mark::parse(&mark.to_string()), Some(mark.clone()));
        for text in
            ["", "mayfly", "mayfly a b", &format!("{mark} "), &format!(" {mark}"), &mark.to_string().to_uppercase()]
        {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
