//! Targets: where they are, what is owed to them, and writing one off that no longer exists.

use super::Api;
use super::administrator::{Administrator, LocalSocket, Read};
use super::problem::{Body, Parameters, Refusal};
use super::sessions::check_reason;
use crate::orders;
use crate::owed::targets;
use axum::Json;
use axum::extract::State;
use mayfly_domain::{Administration, FailureClass, Place, TargetId};
use mayfly_engine::WriteOffRefusal;
use mayfly_engine::ports::ledger::Ledger;
use mayfly_wire::problem::Code;
use mayfly_wire::targets::{Target, TargetQuery, WriteOffAnswer, WriteOffRequest};
use mayfly_wire::{Page, paths};
use std::sync::Arc;

/// The most changes of one target whose places are asked; changes of one target have mostly one place.
const PLACES_OF: u32 = 10_000;

/// List targets, with what is owed to each
#[utoipa::path(
    get,
    path = paths::TARGETS,
    tag = "targets",
    params(TargetQuery),
    responses((status = OK, body = Page<Target>)),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Parameters(query): Parameters<TargetQuery>,
) -> Result<Json<Page<Target>>, Refusal> {
    let mut items = targets(&api.context).await?;
    if let Some(wanted) = query.target {
        items.retain(|target| is_meant(target, &wanted));
        if items.is_empty() {
            return Err(unknown(&wanted));
        }
    }
    Ok(Json(Page { items, next: None }))
}

fn is_meant(target: &Target, wanted: &str) -> bool {
    target.target == wanted || target.records.iter().any(|record| record == wanted)
}

fn unknown(wanted: &str) -> Refusal {
    let text = format!("no target is known as {wanted}: give its identity, or a record that leads to it");
    Refusal::new(Code::NotFound, text).next("mayfly target ls")
}

/// Write off a target that no longer exists
///
/// What is owed there is listed for ever, and looked for again: if the target ever answers, it is removed. Refused while the target
/// answers, or while somebody does of whom that is not known.
#[utoipa::path(
    post,
    path = paths::TARGET_WRITE_OFF,
    tag = "targets",
    request_body = WriteOffRequest,
    responses((status = OK, body = WriteOffAnswer)),
    security(("socket" = [])),
)]
pub(super) async fn write_off(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<WriteOffRequest>,
) -> Result<Json<WriteOffAnswer>, Refusal> {
    let WriteOffRequest { target: wanted, reason } = request;
    check_reason(Some(&reason))?;
    let found: Vec<Target> =
        targets(&api.context).await?.into_iter().filter(|target| is_meant(target, &wanted)).collect();
    let id = match found.as_slice() {
        [] => return Err(unknown(&wanted)),
        [one] => TargetId::from_text(one.target.clone()),
        several => {
            let ids: Vec<&str> = several.iter().map(|target| target.target.as_str()).collect();
            let text = format!("several targets are known as {wanted}: name one of {}", ids.join(", "));
            return Err(Refusal::new(Code::Conflict, text));
        }
    };
    let seen = look(&api, &by, &id).await?;
    let changes = api.context.engine.write_off(&id, &by, &reason, &seen.join("; ")).await.map_err(refused)?;
    let now = targets(&api.context).await?.into_iter().find(|target| target.target == id.as_str());
    let target = now.unwrap_or_else(|| Target { target: id.to_string(), ..Target::default() });
    Ok(Json(WriteOffAnswer { target, changes: changes as u64, seen }))
}

fn refused(refusal: WriteOffRefusal) -> Refusal {
    match refusal {
        WriteOffRefusal::NoReason => Refusal::new(Code::Invalid, refusal.to_string()),
        WriteOffRefusal::NothingOwed => Refusal::new(Code::Conflict, refusal.to_string()).next("mayfly target ls"),
        WriteOffRefusal::SessionsOpen(_) => {
            Refusal::new(Code::Conflict, refusal.to_string()).next("mayfly sessions ls")
        }
        WriteOffRefusal::Ledger(error) => error.into(),
    }
}

/// Asks at every place of what is owed who answers there. Returns what each ran into.
///
/// # Errors
/// When the target answers, or somebody of whom it is not known that they are another.
async fn look(api: &Api, by: &Administration, target: &TargetId) -> Result<Vec<String>, Refusal> {
    let mut asked: Vec<Place> = Vec::new();
    let mut seen = Vec::new();
    for change in api.context.store.owed_on(target, PLACES_OF).await? {
        if asked.contains(&change.place) {
            continue;
        }
        asked.push(change.place.clone());
        let no_provider = || Refusal::new(Code::Server, "this build has no provider for what is owed there");
        let provider = api.context.providers.check(&change.provider).ok_or_else(no_provider)?;
        let endpoint = &change.place.destination.endpoint;
        let settings = orders::settings_at(&api.context, &change.place).await?;
        match provider.identify(by, &change.place, &settings).await {
            Ok(found) if found == *target => {
                let text = format!("{target} answers at {endpoint}: what is owed there is removed, not written off");
                return Err(Refusal::new(Code::Conflict, text).next("mayfly cleanup ls"));
            }
            Ok(other) => seen.push(format!("{endpoint} answers as {other}")),
            Err(failure) => match failure.class {
                FailureClass::Unreachable | FailureClass::IdentityChanged | FailureClass::Conflict => {
                    seen.push(failure.text);
                }
                FailureClass::CredentialsRefused
                | FailureClass::NotPermitted
                | FailureClass::Busy
                | FailureClass::OutcomeUnknown
                | FailureClass::Bug => {
                    let text = format!("something answers at {endpoint}, perhaps {target} itself: {}", failure.text);
                    return Err(Refusal::new(Code::Conflict, text));
                }
            },
        }
    }
    Ok(seen)
}
