//! What is wrong with an object: which object, which field, which line, and what to do.

use std::fmt;

/// One fault of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectError {
    /// The object as `Kind/name` as far as it could be read, for example `Database/orders`, `object 3`, or empty when the
    /// input as a whole is at fault.
    pub object: String,
    /// The path of the field, for example `spec.jit.elevate`; empty when it is the object as a whole.
    pub path: String,
    /// The line of the input, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        for part in [&self.object, &self.path] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for ObjectError {}
