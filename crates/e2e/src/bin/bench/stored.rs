//! The store of an installation whose server does not run, opened as that server does.

use crate::clock::Machine;
use anyhow::{Context, Result};
use mayfly_e2e::Installation;
use mayfly_engine::ports::trail::CheckpointSigner;
use mayfly_store::{Settings, Store};
use mayfly_vault::{AuditKey, KeySource};
use std::sync::Arc;

/// Signs checkpoints as the installation's own server does, so that it takes the store for its own.
struct Signer {
    name: String,
    key: AuditKey,
}

impl CheckpointSigner for Signer {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.public_key()
    }

    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text)
    }
}

/// Opens the store of an installation whose server does not run.
pub(crate) fn open(installation: &Installation) -> Result<Store> {
    let settings =
        Settings { directory: installation.data(), checkpoints: installation.directory().join("log/checkpoints") };
    let owner = mayfly_store::installation(&settings.directory)?;
    let key = KeySource::File(installation.config().with_file_name("audit.key")).load(&|_| None)?;
    let signer = Arc::new(Signer { name: format!("mayfly/{owner}"), key });
    Store::open(&settings, Arc::new(Machine), signer).context("the store of the benchmark")
}
