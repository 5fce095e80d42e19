//! Errors as SQL Server numbers them (Microsoft's page "Database Engine events and errors", and the pages of the statements).
//! The texts are the documents'; nobody should look at them, since a server says them in its own language.

/// An error of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqlError {
    pub(crate) number: u32,
    pub(crate) class: u8,
    pub(crate) text: String,
}

impl SqlError {
    /// An error of class 16: the client can mend it.
    pub(crate) fn new(number: u32, text: impl Into<String>) -> Self {
        Self { number, class: 16, text: text.into() }
    }

    /// One of another class.
    pub(crate) fn of_class(class: u8, number: u32, text: impl Into<String>) -> Self {
        Self { number, class, text: text.into() }
    }

    /// The text is no SQL.
    pub(crate) fn syntax(near: &str) -> Self {
        Self::of_class(15, 102, format!("Incorrect syntax near '{near}'."))
    }

    /// What a real server may well understand and the stand-in does not. It is never taken for done: the number is none of SQL
    /// Server's, and the text names what it was.
    pub(crate) fn unknown(what: &str) -> Self {
        Self::new(UNKNOWN, format!("STAND-IN: this is not SQL Server, and it does not understand: {what}"))
    }

    /// The principal is not there, or may not be seen.
    pub(crate) fn no_such(kind: &str, name: &str, verb: &str) -> Self {
        let text =
            format!("Cannot {verb} the {kind} '{name}', because it does not exist or you do not have permission.");
        Self::new(15151, text)
    }

    /// The right is missing.
    pub(crate) fn not_permitted() -> Self {
        Self::new(15247, "User does not have permission to perform this action.")
    }

    /// The log-in was refused, without saying why.
    pub(crate) fn login_failed(name: &str) -> Self {
        Self::of_class(14, 18456, format!("Login failed for user '{name}'."))
    }
}

/// The number of [`SqlError::unknown`].
pub(crate) const UNKNOWN: u32 = 59_999;
