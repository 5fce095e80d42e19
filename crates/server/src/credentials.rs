//! Where a secret may go: the store keeps it sealed, the vault opens it for exactly one destination, and only here do the
//! two meet.

use crate::bound;
use async_trait::async_trait;
use mayfly_access::objects::{Object, ObjectId, Record};
use mayfly_access::store::{Bound, Objects, Secrets};
use mayfly_dial::ssh::SshLogin;
use mayfly_dial::{Credential, Credentials};
use mayfly_domain::{CredentialRef, Destination, Failure, FailureClass, Permit, RecordName, Secret};
use mayfly_store::Store;
use mayfly_vault::{Vault, VaultError};
use std::sync::Arc;

/// What is said when a secret is a password and the machine that is administered with it takes only keys.
pub(crate) fn password_refused(record: &Record, user: &RecordName, secret: &Secret) -> Option<String> {
    let Record::Machine(machine) = record else { return None };
    if machine.administrative_password || machine.resource.administrative != *user {
        return None;
    }
    let Ok(SshLogin::Password(_)) = SshLogin::of_secret(secret) else { return None };
    let name = &machine.resource.name;
    Some(format!(
        "the secret of user record {user} is a password, but {name} is administered with a key: give a private key (ssh-keygen -t \
         ed25519 -N ''), or set `rotation.password: true` in {name}"
    ))
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
        permit: Permit<'_>,
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
        // What was made is taken away again, whatever the record says by now.
        let opening = !matches!(permit, Permit::Undo(_));
        let moved = || {
            let to = bound::words(&Bound { resource: user.resource.clone(), destination: to.clone() });
            missing(&bound::moved(name, kept.bound.as_ref(), &to))
        };
        if opening && !bound::serves(&kept, &user) {
            return Err(moved());
        }
        let secret = bound::open(&self.vault, &kept, to).map_err(|error| match error {
            VaultError::DestinationChanged => moved(),
            other => missing(&format!("the secret of user record {name} cannot be opened: {other}")),
        })?;
        if opening {
            let machine = ObjectId::Machine(user.resource.clone());
            let found = Objects::get(&*self.store, &machine).await.map_err(|e| unavailable(&e))?;
            if let Some(Object::Machine(machine)) = found
                && let Some(refusal) = password_refused(&Record::Machine(machine), name, &secret)
            {
                return Err(missing(&refusal));
            }
        }
        Ok(Credential { login: user.login, secret })
    }

    fn revision(&self) -> u64 {
        self.store.credentials_revision()
    }
}
