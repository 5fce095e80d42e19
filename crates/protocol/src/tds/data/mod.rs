//! Values and their types (MS-TDS 2.2.5.4 and 2.2.5.5), as far as the catalogue of a server and the parameters of statements
//! need them. Others are an error, never skipped: where a value ends is only known by its type.

mod collation;
mod types;
mod value;

pub use collation::Collation;
pub use types::DataType;
pub use value::{DateTime, Value};

/// The longest value that is read, in bytes.
pub const MAX_VALUE_LEN: usize = 1024 * 1024;
