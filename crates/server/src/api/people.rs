//! People: switched off, which always works and cuts what they have open, and on again.

use super::Api;
use super::administrator::{Administrator, Objects as ObjectsScope};
use super::problem::{Body, Refusal};
use super::sessions::check_reason;
use crate::context::Context;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::{Object, ObjectId};
use mayfly_access::store::{ApplyOutcome, Batch, Held, Objects, StoreError};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Lockdown, PersonName};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::paths;
use mayfly_wire::people::{SwitchAnswer, SwitchRequest};
use mayfly_wire::problem::Code;
use std::sync::Arc;

/// How often a change is tried again when somebody else changed objects in between.
const TRIES: u32 = 20;

fn missing(name: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is no person {name}")).next("mayfly ls -k person")
}

/// What became of switching a person.
enum Switched {
    /// It is written down, or was so before.
    Done,
    /// There is no such person.
    Missing,
}

/// Writes down that a person is switched off or on.
async fn write(
    context: &Arc<Context>,
    name: &PersonName,
    disabled: bool,
    by: &str,
    reason: Option<&str>,
) -> Result<Switched, StoreError> {
    for _ in 0..TRIES {
        let revision = Objects::snapshot(&*context.store).await?.revision;
        let found = Objects::get(&*context.store, &ObjectId::Person(name.clone())).await?;
        let Some(Object::Person(mut person)) = found else { return Ok(Switched::Missing) };
        if person.disabled == disabled {
            return Ok(Switched::Done);
        }
        person.disabled = disabled;
        let kind = if disabled { EventKind::PersonDisabled } else { EventKind::PersonEnabled };
        let mut event = context.event(kind, by);
        event.person = Some(name.clone());
        event.reason = reason.map(str::to_owned);
        let put = vec![Object::Person(person)];
        let batch = Batch { expected: revision, put, delete: Vec::new(), events: vec![event] };
        if let ApplyOutcome::Applied { .. } = context.store.apply(batch).await? {
            return Ok(Switched::Done);
        }
    }
    Err(StoreError::Unavailable("somebody else changes objects all the time".to_owned()))
}

/// Switch a person off: they open nothing any more, and what they have open is cut
///
/// It holds at once, also where the store does not answer; `recorded` says whether it outlasts this run of the server.
#[utoipa::path(
    post,
    path = paths::PERSON_DISABLE,
    tag = "people",
    params(("name" = String, Path, description = "The person")),
    request_body = SwitchRequest,
    responses((status = OK, body = SwitchAnswer)),
    security(("token" = ["objects"])),
)]
pub(super) async fn disable(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<ObjectsScope>,
    Path(name): Path<String>,
    Body(request): Body<SwitchRequest>,
) -> Result<Json<SwitchAnswer>, Refusal> {
    let context = &api.context;
    check_reason(request.reason.as_deref())?;
    let person = PersonName::parse(&name).map_err(|_| missing(&name))?;
    let reason = request.reason.clone().unwrap_or_else(|| "this person is disabled".to_owned());
    let lockdown = Lockdown::Person(person.clone());
    let had = context.lockdowns.held().into_iter().any(|held| held.lockdown == lockdown);
    if !had {
        // Until it is written down, or for the rest of this run if it cannot be.
        let since = context.clock.wall();
        let (lockdown, by) = (lockdown.clone(), by.by().to_owned());
        context.lockdowns.hold(Held { lockdown, reason: reason.clone(), by, since });
    }
    let ended = context.cut(&lockdown, by.by(), &reason) as u64;
    let switched = write(context, &person, true, by.by(), request.reason.as_deref()).await;
    if switched.is_ok() && !had {
        context.lockdowns.lift(&lockdown);
    }
    match switched {
        Ok(Switched::Done) => Ok(Json(SwitchAnswer { person: name, disabled: true, ended, recorded: true })),
        Ok(Switched::Missing) => Err(missing(&name)),
        Err(error) => {
            tracing::error!(%error, %person, "A person is locked out for this run only, since it could not be written down");
            Ok(Json(SwitchAnswer { person: name, disabled: true, ended, recorded: false }))
        }
    }
}

/// Switch a person on again
#[utoipa::path(
    post,
    path = paths::PERSON_ENABLE,
    tag = "people",
    params(("name" = String, Path, description = "The person")),
    request_body = SwitchRequest,
    responses((status = OK, body = SwitchAnswer)),
    security(("token" = ["objects"])),
)]
pub(super) async fn enable(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<ObjectsScope>,
    Path(name): Path<String>,
    Body(request): Body<SwitchRequest>,
) -> Result<Json<SwitchAnswer>, Refusal> {
    check_reason(request.reason.as_deref())?;
    let person = PersonName::parse(&name).map_err(|_| missing(&name))?;
    match write(&api.context, &person, false, by.by(), request.reason.as_deref()).await? {
        Switched::Done => Ok(Json(SwitchAnswer { person: name, disabled: false, ended: 0, recorded: true })),
        Switched::Missing => Err(missing(&name)),
    }
}
