//! What the command line needs of the layers below, so that the binary depends on nothing but this crate and the wire.

pub use crate::clock::OsClock;
pub use crate::entropy::OsEntropy;
pub use mayfly_access::objects::resolve;
pub use mayfly_access::people::{PasswordError, PasswordHash};
pub use mayfly_domain::{Prefix, Secret, WallTime};
pub use mayfly_engine::ports::clock::Clock;
