//! Scopes: what a token of the API may be used for. A token names its scopes one by one; none contains another.

use std::fmt;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One thing that a token may be used for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scope { $($(#[$doc])* $name,)* }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The scope as the API writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

scopes! {
    /// See objects, sessions and what is still owed to targets.
    Read = "read",
    /// Read the trail, and what else names everything: receivers of events, and what is told to those who help.
    Audit = "audit",
    /// Create, change and delete objects.
    Objects = "objects",
    /// Set the secrets of user records.
    Secrets = "secrets",
    /// Bind a stored secret to where its record leads now, without typing it again.
    CredentialRebind = "credential.rebind",
    /// Check records against their targets, and confirm which server is behind one.
    Records = "records",
    /// End sessions.
    Sessions = "sessions",
    /// Try again what is still owed to a target.
    Cleanup = "cleanup",
}

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}: the scopes are {all}", all = Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "))]
pub struct ScopeError(pub String);

impl Scope {
    /// Reads a scope as the API writes it.
    ///
    /// # Errors
    /// [`ScopeError`] when there is none of that name.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| ScopeError(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_reads_back_and_nothing_else_does() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Ok(*scope));
        }
        let error = Scope::parse("Read").unwrap_err().to_string();
        assert!(error.contains("\"Read\"") && error.contains("read, audit, objects"), "{error}");
    }
}
