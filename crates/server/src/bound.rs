//! For which record and destination a secret is kept, and whether the record still leads there. A secret that is kept for
//! another one is given out only to undo what was made there.

use mayfly_access::objects::{Launch, Record, UserRecord};
use mayfly_access::store::{Bound, SealedSecret, Secrets};
use mayfly_domain::audit::hex;
use mayfly_domain::{Destination, Failure, FailureClass, RecordName, Secret, Trust};
use mayfly_store::Store;
use mayfly_vault::{Sealed, Slot, Vault, VaultError};

/// Where secrets are in the store.
const TABLE: &str = "secrets";
const COLUMN: &str = "secret";

/// The place of a user record's secret in the store, for the record and the destination that it serves. `owner` is `None` for
/// what was sealed before records were part of the binding.
fn slot<'a>(user: &'a RecordName, owner: Option<&'a RecordName>, destination: &'a Destination) -> Slot<'a> {
    let owner = owner.map(RecordName::as_str);
    Slot { table: TABLE, row: user.as_str(), column: COLUMN, destination: Some(destination), owner }
}

/// The place of a user record's secret alone, for sealing its record key anew.
pub(crate) fn place_of(user: &RecordName) -> Slot<'_> {
    Slot { table: TABLE, row: user.as_str(), column: COLUMN, destination: None, owner: None }
}

/// The place of a secret that is bound so.
pub(crate) fn slot_of<'a>(user: &'a RecordName, bound: &'a Bound) -> Slot<'a> {
    slot(user, Some(&bound.resource), &bound.destination)
}

/// Opens a secret to be sent to `to`, where that is what it was sealed for.
///
/// # Errors
/// [`VaultError::DestinationChanged`] where it is not, and whatever else the vault says.
pub(crate) fn open(vault: &Vault, kept: &SealedSecret, to: &Destination) -> Result<Secret, VaultError> {
    let owner = kept.bound.as_ref().map(|bound| &bound.resource);
    vault.open(&slot(&kept.user, owner, to), &Sealed::from_bytes(kept.sealed.clone()))
}

/// What the secret of a user record is sent for by what the records say now; `None` when the record does not use it.
pub(crate) fn now(user: &RecordName, record: &Record) -> Option<Bound> {
    let resource = record.resource();
    resource.destination_of(user).map(|destination| Bound { resource: resource.name.clone(), destination })
}

/// Whether a secret may be sent as the records say now.
pub(crate) fn fits(vault: &Vault, kept: &SealedSecret, now: &Bound) -> bool {
    let same_record = kept.bound.as_ref().is_none_or(|bound| bound.resource == now.resource);
    same_record && open(vault, kept, &now.destination).is_ok()
}

/// What a secret is bound to, in words that differ where the bindings do.
pub(crate) fn words(bound: &Bound) -> String {
    let digest = |text: &str| {
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        format!("sha256:{}", hex(hash.as_ref().get(..16).unwrap_or_default()))
    };
    let trust = match &bound.destination.trust {
        Trust::VerifyFull { ca_pem } => format!("TLS verify_full by the authorities {}", digest(ca_pem)),
        Trust::VerifyCa { ca_pem } => format!("TLS verify_ca by the authorities {}", digest(ca_pem)),
        Trust::HostKey { fingerprint } => format!("host key {fingerprint}"),
        Trust::HostAuthority { keys } => format!("host authorities {}", digest(keys)),
        Trust::NotPinned => "no host key pinned".to_owned(),
        Trust::Plaintext => "without encryption".to_owned(),
    };
    format!("{} at {} ({trust})", bound.resource, bound.destination.endpoint)
}

/// What to do about a secret that is bound to something else.
pub(crate) fn way_out(user: &RecordName) -> String {
    format!(
        "type it again with `mayfly secret set {user}`, or, with the permission credential.rebind, keep it for the new \
         destination with `mayfly secret rebind {user}`"
    )
}

/// What is said of a secret that was sealed for something else than where it would be sent.
pub(crate) fn moved(user: &RecordName, was: Option<&Bound>, to: &str) -> String {
    let was = was.map_or_else(|| "another host, port or trust".to_owned(), words);
    format!("the secret of user record {user} was set for {was}, and would be sent for {to}: {}", way_out(user))
}

/// Refuses a record whose credentials were set for another record. Where they are sent is looked at when they are opened; this
/// also holds where a connection made with them is open already.
///
/// # Errors
/// A [`Failure`] that says what to do.
pub(crate) async fn check_links(store: &Store, record: &Record) -> Result<(), Failure> {
    let resource = record.resource();
    let launch = match &resource.jit.launch {
        Launch::Existing { user } => Some(user),
        Launch::Ephemeral => None,
    };
    for user in std::iter::once(&resource.administrative).chain(launch) {
        let kept = Secrets::get(store, user).await;
        let kept =
            kept.map_err(|error| Failure::new(FailureClass::Busy, format!("a credential could not be read: {error}")))?;
        if let Some(was) = kept.and_then(|kept| kept.bound).filter(|was| was.resource != resource.name)
            && let Some(now) = now(user, record)
        {
            return Err(Failure::new(FailureClass::CredentialsRefused, moved(user, Some(&was), &words(&now))));
        }
    }
    Ok(())
}

/// Whether a user record's secret may be given out to open something by what the user record says now.
pub(crate) fn serves(kept: &SealedSecret, user: &UserRecord) -> bool {
    kept.bound.as_ref().is_none_or(|bound| bound.resource == user.resource)
}
