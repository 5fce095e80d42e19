//! The audit trail as it is read, and the signing of its checkpoints. Writing happens only through
//! [`Ledger::commit`](crate::ports::ledger::Ledger::commit), so that a transition and its events are one.

use crate::ports::ledger::LedgerError;
use async_trait::async_trait;

/// One entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailEntry {
    /// Its place, counted from 0.
    pub sequence: u64,
    /// Its canonical bytes, as hashed.
    pub bytes: Vec<u8>,
}

/// The trail as it is read.
#[async_trait]
pub trait Trail: Send + Sync + 'static {
    /// Entries from `from` on, in order, at most `limit`.
    async fn entries(&self, from: u64, limit: u32) -> Result<Vec<TrailEntry>, LedgerError>;

    /// How many entries there are.
    async fn size(&self) -> Result<u64, LedgerError>;
}

/// How far each receiver of the trail has been served.
#[async_trait]
pub trait Cursors: Send + Sync + 'static {
    /// The next entry that this sink is to get; `None` when it never got one.
    async fn cursor(&self, sink: &str) -> Result<Option<u64>, LedgerError>;

    /// Notes that this sink has got every entry before `next`, durably.
    async fn advance(&self, sink: &str, next: u64) -> Result<(), LedgerError>;
}

/// The holder of the key that signs checkpoints. The key is never in the store.
pub trait CheckpointSigner: Send + Sync + 'static {
    /// The name and key that stand in front of each signature of a signed note (<https://c2sp.org/signed-note>).
    fn key_name(&self) -> &str;

    /// The Ed25519 public key, 32 bytes.
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature (RFC 8032) over `text`.
    fn sign(&self, text: &[u8]) -> [u8; 64];
}
