//! `LOGIN7`, with which a client logs in (MS-TDS 2.2.6.4): a head of fixed length, a table of places, the fields, and a list of
//! features that the client asks for.

mod features;
mod fields;
mod flags;
mod message;
mod password;

pub use features::{Feature, FeatureId, Features, MAX_FEATURES};
pub use flags::LoginFlags;
pub use message::Login;
pub use password::{conceal, reveal};

/// The longest name or password, in UTF-16 units (MS-TDS 2.2.6.4: `cchUserName` and the others are at most 128).
pub const MAX_FIELD_LEN: usize = 128;

/// The longest path of a database's file, in UTF-16 units.
pub const MAX_FILE_LEN: usize = 260;
