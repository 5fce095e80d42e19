//! The secrets of user records: set, and bound to where their record leads now. They are never given out.

use super::Api;
use super::administrator::{self, Administrator};
use super::problem::{Body, Refusal};
use crate::bound;
use crate::credentials::password_refused;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::Record;
use mayfly_access::store::{Bound, SealedSecret, SecretOutcome, Secrets};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{Administration, RecordName, Secret, Trust};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::objects::{RebindAnswer, RebindRequest, SecretRequest};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::sync::Arc;

/// The longest secret, in bytes.
const SECRET_MOST: usize = 4096;

/// A user record, the record that it serves, and what its secret is sent for by now.
struct Served {
    user: RecordName,
    record: Record,
    now: Bound,
}

impl Served {
    async fn find(api: &Api, name: &str) -> Result<Self, Refusal> {
        let missing =
            || Refusal::new(Code::NotFound, format!("there is no user record {name}")).next("mayfly ls -k user");
        let name = RecordName::parse(name).map_err(|_| missing())?;
        let user = api.context.user(&name).await?.ok_or_else(missing)?;
        let unused = || {
            let detail =
                format!("user record {name} is not used by {}: name it in `rotation` or `launch` first", user.resource);
            Refusal::new(Code::Conflict, detail)
        };
        if api.context.is_directory(&user.resource).await? {
            let detail = format!("{} is a directory: nothing uses the secrets of its accounts yet", user.resource);
            return Err(Refusal::new(Code::Conflict, detail));
        }
        let record = api.context.resource(&user.resource).await?.ok_or_else(unused)?;
        let now = bound::now(&name, &record).ok_or_else(unused)?;
        if now.destination.trust == Trust::NotPinned {
            let detail =
                format!("{} has no host key pinned yet: a secret is kept for a host that is known", user.resource);
            return Err(Refusal::new(Code::Conflict, detail).next(format!("mayfly record pin {}", user.resource)));
        }
        Ok(Self { user: name, record, now })
    }

    /// Seals the secret for what it is sent for now, and keeps it with the event.
    async fn keep(self, api: &Api, by: &Administration, secret: &Secret, event: Event) -> Result<(), Refusal> {
        let Self { user, now, .. } = self;
        let sealed = api
            .context
            .vault
            .seal(&bound::slot_of(&user, &now), secret, &mut api.context.entropy())
            .map_err(|error| Refusal::new(Code::Server, error.to_string()))?;
        let mut event = event.with("destination", &now.destination.endpoint);
        event.record = Some(user.clone());
        let kept = SealedSecret {
            user: user.clone(),
            sealed: sealed.into_bytes(),
            bound: Some(now),
            set_at: api.context.clock.wall(),
            set_by: by.by().to_owned(),
        };
        match Secrets::put(&*api.context.store, kept, vec![event]).await? {
            SecretOutcome::Stored => {
                api.context.engine.credentials_changed();
                Ok(())
            }
            SecretOutcome::NoSuchRecord => {
                let detail = format!("user record {user} was deleted meanwhile");
                Err(Refusal::new(Code::NotFound, detail).next("mayfly ls -k user"))
            }
        }
    }
}

/// Set the secret of a user record
#[utoipa::path(
    put,
    path = paths::SECRET,
    tag = "objects",
    params(("name" = String, Path, description = "The user record")),
    request_body = SecretRequest,
    responses((status = OK)),
    security(("token" = ["secrets"])),
)]
pub(super) async fn set(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<administrator::Secrets>,
    Path(name): Path<String>,
    Body(request): Body<SecretRequest>,
) -> Result<(), Refusal> {
    let secret = Secret::new(request.secret);
    if secret.expose().is_empty() || secret.expose().len() > SECRET_MOST || secret.expose().contains('\0') {
        return Err(Refusal::new(Code::Invalid, format!("a secret has 1 to {SECRET_MOST} bytes and no NUL")));
    }
    let served = Served::find(&api, &name).await?;
    if let Some(refusal) = password_refused(&served.record, &served.user, &secret) {
        return Err(Refusal::new(Code::Conflict, refusal));
    }
    let event = api.context.event(EventKind::SecretSet, by.by());
    served.keep(&api, &by, &secret, event).await
}

/// Bind the stored secret of a user record to where its record leads now
///
/// After the host, the port or the trust of a record was changed, or its credential linked from another record, the secret is
/// not sent anywhere until it was set again, or this was done. Without `to` nothing is done, and the answer says what would be.
#[utoipa::path(
    post,
    path = paths::SECRET_REBIND,
    tag = "objects",
    params(("name" = String, Path, description = "The user record")),
    request_body = RebindRequest,
    responses((status = OK, body = RebindAnswer)),
    security(("token" = ["credential.rebind"])),
)]
pub(super) async fn rebind(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<administrator::Rebind>,
    Path(name): Path<String>,
    Body(request): Body<RebindRequest>,
) -> Result<Json<RebindAnswer>, Refusal> {
    let served = Served::find(&api, &name).await?;
    let set = || format!("mayfly secret set {}", served.user);
    let kept = Secrets::get(&*api.context.store, &served.user).await?.ok_or_else(|| {
        Refusal::new(Code::Conflict, format!("user record {} has no secret yet", served.user)).next(set())
    })?;
    let was = kept.bound.as_ref().ok_or_else(|| {
        let detail = "this secret was set before it was kept for what: it cannot be bound anew";
        Refusal::new(Code::Conflict, detail).next(set())
    })?;
    let (was_words, now) = (bound::words(was), bound::words(&served.now));
    let answer =
        |bound| RebindAnswer { name: served.user.to_string(), was: was_words.clone(), now: now.clone(), bound };
    if *was == served.now {
        return Ok(Json(answer(true)));
    }
    let Some(to) = request.to else { return Ok(Json(answer(false))) };
    if to != now {
        let detail = format!("user record {} would be sent for {now} by now, not for what was confirmed", served.user);
        return Err(Refusal::new(Code::Conflict, detail).next(format!("mayfly secret rebind {}", served.user)));
    }
    let secret = bound::open(&api.context.vault, &kept, &was.destination).map_err(|error| {
        Refusal::new(Code::Conflict, format!("the secret of {} cannot be opened: {error}", served.user)).next(set())
    })?;
    if let Some(refusal) = password_refused(&served.record, &served.user, &secret) {
        return Err(Refusal::new(Code::Conflict, refusal));
    }
    let event = api.context.event(EventKind::SecretRebound, by.by()).with("was", &was_words).with("now", &now);
    let done = answer(true);
    served.keep(&api, &by, &secret, event).await?;
    Ok(Json(done))
}
