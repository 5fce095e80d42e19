//! Where a secret may go: the port through which whoever dials gets the secret of a credential, for one destination only.

use async_trait::async_trait;
use mayfly_domain::{CredentialRef, Destination, Failure, Permit, Secret};

/// A login name with its secret, as a target takes them.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The name of the account on the target.
    pub login: String,
    /// Its password.
    pub secret: Secret,
}

/// The holder of secrets. The server implements it with the vault and the store.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The secret of `credential` for use at `to`.
    ///
    /// A secret is sealed for one destination (DESIGN §5): when `to` differs from it in host, port or trust, nothing is
    /// given out. The caller sends the secret only over a connection to `to` whose trust was established.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do: the record has no secret, its destination changed, the key is wrong, or the
    /// store does not answer.
    async fn fetch(
        &self,
        permit: Permit<'_>,
        credential: &CredentialRef,
        to: &Destination,
    ) -> Result<Credential, Failure>;

    /// Rises whenever a credential may have changed: a connection that was opened before is not used again, since it is the
    /// log-in of somebody whom the administrator has put another in the place of.
    fn revision(&self) -> u64;
}
