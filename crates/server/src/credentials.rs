//! Where a secret may go: the store keeps it sealed, the vault opens it for exactly one destination, and only here do the
//! two meet.

use async_trait::async_trait;
use mayfly_access::objects::{Object, ObjectId};
use mayfly_access::store::{Objects, Secrets};
use mayfly_dial::{Credential, Credentials};
use mayfly_domain::{CredentialRef, Destination, Failure, FailureClass, Permit, RecordName};
use mayfly_store::Store;
use mayfly_vault::{Sealed, Slot, Vault, VaultError};
use std::sync::Arc;

/// The place of a user record's secret in the store, for the destination to which it may be sent.
pub(crate) fn slot<'a>(user: &'a RecordName, destination: &'a Destination) -> Slot<'a> {
    Slot { table: "secrets", row: user.as_str(), column: "secret", destination: Some(destination) }
}

/// The secrets of this server.
pub(crate) struct SealedCredentials {
    store: Arc<Store>,
    vault: Arc<Vault>,
}

impl SealedCredentials {
    /// Over this store and vault.
    pub(crate) const fn new(store: Arc<Store>, vault: Arc<Vault>) -> Self {
        Self { store, vault }
    }
}

fn unavailable(error: &mayfly_access::store::StoreError) -> Failure {
    Failure::new(FailureClass::Busy, format!("a credential could not be read: {error}"))
}

#[async_trait]
impl Credentials for SealedCredentials {
    async fn fetch(
        &self,
        _permit: Permit<'_>,
        credential: &CredentialRef,
        to: &Destination,
    ) -> Result<Credential, Failure> {
        let name = &credential.record;
        let missing = |what: &str| Failure::new(FailureClass::CredentialsRefused, what.to_owned());
        let object = Objects::get(&*self.store, &ObjectId::User(name.clone())).await.map_err(|e| unavailable(&e))?;
        let Some(Object::User(user)) = object else {
            return Err(missing(&format!("there is no user record {name}: apply it again")));
        };
        let kept = Secrets::get(&*self.store, name).await.map_err(|e| unavailable(&e))?;
        let Some(kept) = kept else {
            return Err(missing(&format!("user record {name} has no secret: set it with `mayfly secret set {name}`")));
        };
        let secret = self.vault.open(&slot(name, to), &Sealed::from_bytes(kept.sealed)).map_err(|error| match error {
            VaultError::DestinationChanged => missing(&format!(
                "the secret of user record {name} was set for another host, port or trust than {}: type it again with \
                 `mayfly secret set {name}`",
                to.endpoint
            )),
            other => missing(&format!("the secret of user record {name} cannot be opened: {other}")),
        })?;
        Ok(Credential { login: user.login, secret })
    }
}
