//! People: switched off, which always works and cuts what they have open, and on again.

use super::Api;
use super::administrator::{Administrator, Objects as ObjectsScope};
use super::problem::{Body, Refusal};
use super::sessions::check_reason;
use crate::context::Context;
use crate::edit::Edited;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::{Object, ObjectId};
use mayfly_access::store::StoreError;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Lockdown, PersonName};
use mayfly_wire::paths;
use mayfly_wire::people::{SwitchAnswer, SwitchRequest};
use mayfly_wire::problem::Code;
use std::sync::Arc;

fn missing(name: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is no person {name}")).next("mayfly ls -k person")
}

/// Writes down that a person is switched off or on.
async fn write(
    context: &Context,
    name: &PersonName,
    disabled: bool,
    by: &str,
    reason: Option<String>,
) -> Result<Edited, StoreError> {
    let kind = if disabled { EventKind::PersonDisabled } else { EventKind::PersonEnabled };
    let mut event = context.event(kind, by);
    event.person = Some(name.clone());
    event.reason = reason;
    let switch = |object: &mut Object| {
        if let Object::Person(person) = object {
            person.disabled = disabled;
        }
    };
    context.edit(&ObjectId::Person(name.clone()), switch, &[event]).await
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
    // Until it is written down, or for the rest of this run if it cannot be.
    context.lockdowns.switch_off(&person);
    let ended = context.cut(&Lockdown::Person(person.clone()), by.by(), &reason) as u64;
    let written = write(context, &person, true, by.by(), request.reason).await;
    if written.is_ok() {
        context.lockdowns.switched_off(&person);
    }
    match written {
        Ok(Edited::Done | Edited::Same) => {
            Ok(Json(SwitchAnswer { person: name, disabled: true, ended, recorded: true }))
        }
        Ok(Edited::Missing) => Err(missing(&name)),
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
    match write(&api.context, &person, false, by.by(), request.reason).await? {
        Edited::Missing => Err(missing(&name)),
        Edited::Done | Edited::Same => {
            api.context.lockdowns.switched_on(&person);
            Ok(Json(SwitchAnswer { person: name, disabled: false, ended: 0, recorded: true }))
        }
    }
}
