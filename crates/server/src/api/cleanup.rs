//! What is still owed to a target, or stays there by policy.

use super::Api;
use super::administrator::{Administrator, Cleanup, Read};
use super::problem::{Parameters, Refusal};
use super::sessions::PAGE_MOST;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_domain::{ChangeId, FailureClass};
use mayfly_engine::ports::ledger::{Held, Ledger};
use mayfly_providers::Registry;
use mayfly_wire::cleanup::{Manual, Owed};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::{Page, PageQuery};
use std::sync::Arc;

/// A change as it is shown.
pub(crate) fn owed(held: Held) -> Owed {
    let change = held.change;
    Owed {
        id: change.id.to_string(),
        kind: change.kind.as_str().to_owned(),
        session: change.session.to_string(),
        held_by: held.holds.iter().map(ToString::to_string).collect(),
        target: change.target.to_string(),
        endpoint: change.place.destination.endpoint.to_string(),
        account: change.account.to_string(),
        group: change.group,
        state: change.state.as_str().to_owned(),
        since: change.since.to_string(),
        can_log_in: change.can_log_in,
        tries: change.tries,
        next_try: change.next_try.map(|at| at.to_string()),
        failure_class: change.failure.as_ref().map(|failure| failure.class.as_str().to_owned()),
        who: change.failure.as_ref().map(|failure| who(failure.class).to_owned()),
        failure: change.failure.map(|failure| failure.text),
    }
}

/// Who can set a failure of this class right.
const fn who(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Unreachable => "whoever runs the target, or the network between it and this server",
        FailureClass::CredentialsRefused => "whoever holds the administrative credential: set its secret again",
        FailureClass::NotPermitted => "an administrator of the target: `mayfly record check` prints the missing rights",
        FailureClass::Conflict => "an administrator of the target: something else stands where ours should be",
        FailureClass::IdentityChanged => {
            "whoever runs the target: another server answers there; if it was replaced, `mayfly record pin` confirms it"
        }
        FailureClass::Busy | FailureClass::OutcomeUnknown => "nobody has to: it is tried again",
        FailureClass::Bug => "the makers of Mayfly: report it with this text",
    }
}

fn change_id(text: &str) -> Result<ChangeId, Refusal> {
    ChangeId::parse(text).map_err(|error| {
        Refusal::new(Code::Invalid, format!("this is not the id of a change: {error}")).next("mayfly cleanup ls")
    })
}

/// List what is still owed to a target, or stays there by policy
#[utoipa::path(
    get,
    path = paths::CLEANUP,
    tag = "cleanup",
    params(PageQuery),
    responses((status = OK, body = Page<Owed>)),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Page<Owed>>, Refusal> {
    let limit = query.limit.unwrap_or(PAGE_MOST).clamp(1, PAGE_MOST);
    let after = query.after.as_deref().map(change_id).transpose()?;
    let rows = api.context.store.outstanding(after.as_ref(), limit).await?;
    let next = if rows.len() == limit as usize { rows.last().map(|held| held.change.id.to_string()) } else { None };
    Ok(Json(Page { items: rows.into_iter().map(owed).collect(), next }))
}

/// Show one change
#[utoipa::path(
    get,
    path = paths::CLEANUP_ONE,
    tag = "cleanup",
    params(("id" = String, Path, description = "The change")),
    responses((status = OK, body = Owed)),
    security(("token" = ["read"])),
)]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Path(id): Path<String>,
) -> Result<Json<Owed>, Refusal> {
    let id = change_id(&id)?;
    let held = api.context.store.change(&id).await?;
    held.map(|held| Json(owed(held)))
        .ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no change {id}")).next("mayfly cleanup ls"))
}

/// Print how one change is undone by hand
///
/// A shell script for an administrator of the target, who needs neither this server nor its keys for it.
#[utoipa::path(
    get,
    path = paths::CLEANUP_MANUAL,
    tag = "cleanup",
    params(("id" = String, Path, description = "The change")),
    responses((status = OK, body = Manual)),
    security(("token" = ["read"])),
)]
pub(super) async fn manual(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Path(id): Path<String>,
) -> Result<Json<Manual>, Refusal> {
    let id = change_id(&id)?;
    let missing = || Refusal::new(Code::NotFound, format!("there is no change {id}")).next("mayfly cleanup ls");
    let held = api.context.store.change(&id).await?.ok_or_else(missing)?;
    Ok(Json(Manual { id: id.to_string(), script: Registry::by_hand(&held.change)? }))
}

/// Try one change now
#[utoipa::path(
    post,
    path = paths::CLEANUP_RETRY,
    tag = "cleanup",
    params(("id" = String, Path, description = "The change")),
    responses((status = OK, body = Owed)),
    security(("token" = ["cleanup"])),
)]
pub(super) async fn retry(
    State(api): State<Arc<Api>>,
    _: Administrator<Cleanup>,
    Path(id): Path<String>,
) -> Result<Json<Owed>, Refusal> {
    let id = change_id(&id)?;
    api.context.engine.retry(&id).await?;
    let held = api.context.store.change(&id).await?;
    held.map(|held| Json(owed(held))).ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no change {id}")))
}
