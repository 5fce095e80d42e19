//! What every kind of target has in common, for scenarios that run on each of them with the same code.

use crate::{Installation, MachineWorld, MysqlWorld, World};
use anyhow::Result;

/// A target and the installation that serves it.
#[expect(async_fn_in_trait, reason = "nothing here runs on more than one thread")]
pub trait Target {
    /// The installation.
    fn installation(&self) -> &Installation;

    /// Waits until every session is out and expects the target to be as it was.
    ///
    /// # Errors
    /// With what differs.
    async fn as_before(&self, what: &str) -> Result<()>;
}

impl Target for World {
    fn installation(&self) -> &Installation {
        &self.installation
    }

    async fn as_before(&self, what: &str) -> Result<()> {
        Self::as_before(self, what).await
    }
}

impl Target for MysqlWorld {
    fn installation(&self) -> &Installation {
        &self.installation
    }

    async fn as_before(&self, what: &str) -> Result<()> {
        Self::as_before(self, what)
    }
}

impl Target for MachineWorld {
    fn installation(&self) -> &Installation {
        &self.installation
    }

    async fn as_before(&self, what: &str) -> Result<()> {
        Self::as_before(self, what)
    }
}
