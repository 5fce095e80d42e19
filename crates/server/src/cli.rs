//! What the command line needs of the layers below, so that the binary depends on nothing but this crate and the wire.

pub use crate::clock::OsClock;
pub use crate::entropy::OsEntropy;
pub use mayfly_access::objects::{ObjectError, parse, resolve};
pub use mayfly_access::people::{PasswordError, PasswordHash};
pub use mayfly_domain::{Prefix, Secret, WallTime};
pub use mayfly_engine::ports::clock::Clock;
pub use mayfly_vault::{RecoveryKey, write_new};

use crate::config::Config;
use crate::keys;
use crate::wire_up::StartError;

/// The verifier key of the installation that these settings belong to, read from its audit key.
///
/// # Errors
/// [`StartError`] when the store or the key cannot be read.
pub fn audit_verifier_key(config: &Config) -> Result<String, StartError> {
    let installation = mayfly_store::installation(&config.data_directory)?;
    Ok(keys::verifier_key(&installation, &keys::audit_key(&config.keys)?.public_key()))
}
