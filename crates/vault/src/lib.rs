//! Sealing: the only crate that holds keys. A secret is sealed for one place in the store and one destination, and is given
//! back only for exactly these.
//!
//! Three layers, so that a rotation touches only the middle one: the *installation's key*, kept outside the store, seals
//! *record keys*, one random key for each sealed value, and a record key seals the *value*. The envelope carries both sealed
//! layers; see [`Sealed`].
//!
//! Invariants, stated as absences: no key is ever made as a side effect; no value without an envelope is taken for a secret;
//! no process is spawned here, so a key that comes from a command is fetched by the caller and given as text.

mod aead;
mod audit_key;
mod check;
mod envelope;
mod error;
mod key;
mod line;
mod pem;
mod recovery;
mod slot;
mod source;
mod stream;
mod vault;

pub use audit_key::AuditKey;
pub use check::KeyCheck;
pub use envelope::Sealed;
pub use error::VaultError;
pub use key::{Fingerprint, InstallationKey, KeyText, KeyTextError};
pub use line::SecretLine;
pub use pem::PrivatePem;
pub use recovery::{RecoveryKey, RecoveryTextError};
pub use slot::Slot;
pub use source::{KeySource, SourceError, write_new};
pub use stream::{OpeningReader, SealingWriter};
pub use vault::Vault;
