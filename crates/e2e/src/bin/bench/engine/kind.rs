//! What the benchmark has to know of a kind of target.

use anyhow::Result;
use async_trait::async_trait;
use mayfly_domain::{CredentialRef, Destination, Endpoint, Place, RecordName, Trust};
use mayfly_testbed::Login;

/// A target on this machine's loopback, and its one administrator.
pub(super) fn place_of(port: u16, ca_pem: &str) -> Place {
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
    let trust = Trust::VerifyFull { ca_pem: ca_pem.to_owned() };
    // A name of ours that is always good.
    let record = RecordName::parse("admin").unwrap_or_else(|_| unreachable!("a good name"));
    Place { destination: Destination { endpoint, trust }, credential: CredentialRef { record } }
}

/// A running target of one kind.
#[async_trait]
pub(super) trait Kind: Send + Sync {
    /// What it is called in the table.
    fn title(&self) -> &'static str;

    /// The provider's name.
    fn provider(&self) -> &'static str;

    /// Where and as whom it is administered.
    fn place(&self) -> Place;

    /// The administrator.
    fn administrator(&self) -> Login;

    /// The group or role that every account is made a member of.
    fn group(&self) -> &'static str;

    /// A connection of the administrator's for raw statements.
    async fn raw(&self) -> Result<Box<dyn Raw>>;

    /// Makes so many accounts that stay, each a member of the group.
    async fn fill(&self, accounts: usize) -> Result<()>;

    /// How many accounts of sessions or of [`Raw`] are there.
    async fn left(&self) -> Result<usize>;
}

/// An administrator without Mayfly.
#[async_trait]
pub(super) trait Raw: Send {
    /// Makes an account and takes it away, by the same statements as the provider, one request each.
    async fn cycle(&mut self) -> Result<()>;
}
