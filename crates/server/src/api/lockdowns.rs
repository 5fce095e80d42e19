//! Lockdowns: started and lifted at the local socket, seen by whoever may read.

use super::Api;
use super::administrator::{Administrator, LocalSocket, Read};
use super::problem::{Body, Refusal};
use super::sessions::check_reason;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::store::{HeldLockdown, Lockdowns as _};
use mayfly_domain::Lockdown;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::lockdowns::{self, LockdownAnswer, LockdownRequest};
use mayfly_wire::problem::Code;
use mayfly_wire::{Page, paths};
use std::sync::Arc;

fn worded(held: &HeldLockdown) -> lockdowns::Lockdown {
    lockdowns::Lockdown {
        lockdown: held.lockdown.to_string(),
        reason: held.reason.clone(),
        by: held.by.clone(),
        since: held.since.to_string(),
    }
}

fn parse(text: &str) -> Result<Lockdown, Refusal> {
    Lockdown::parse(text).map_err(|error| Refusal::new(Code::Invalid, error.to_string()).next("mayfly lockdown ls"))
}

/// List the lockdowns that hold
#[utoipa::path(
    get,
    path = paths::LOCKDOWNS,
    tag = "lockdowns",
    responses((status = OK, body = Page<lockdowns::Lockdown>)),
    security(("token" = ["read"])),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, _: Administrator<Read>) -> Json<Page<lockdowns::Lockdown>> {
    Json(Page { items: api.context.lockdowns.held().iter().map(worded).collect(), next: None })
}

/// Start a lockdown: nothing is opened any more, and what is open is cut
///
/// It holds at once, also where the store does not answer; `recorded` says whether it outlasts this run of the server.
#[utoipa::path(
    post,
    path = paths::LOCKDOWNS,
    tag = "lockdowns",
    request_body = LockdownRequest,
    responses((status = OK, body = LockdownAnswer)),
    security(("socket" = [])),
)]
pub(super) async fn start(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<LockdownRequest>,
) -> Result<Json<LockdownAnswer>, Refusal> {
    let context = &api.context;
    let lockdown = parse(&request.lockdown)?;
    check_reason(Some(&request.reason))?;
    if request.reason.trim().is_empty() {
        return Err(Refusal::new(Code::Invalid, "a lockdown needs a reason"));
    }
    let (by, since) = (by.by().to_owned(), context.clock.wall());
    let held = HeldLockdown { lockdown: lockdown.clone(), reason: request.reason, by: by.clone(), since };
    // Cutting never waits for the store.
    context.lockdowns.hold(held.clone());
    let ended = context.cut(&lockdown, &by, &format!("access is locked down: {}", held.reason));
    let mut event = context.event(EventKind::LockdownStarted, by).with("lockdown", &lockdown).with("ended", ended);
    event.reason = Some(held.reason.clone());
    let recorded = context.store.hold(held.clone(), vec![event]).await;
    if let Err(error) = &recorded {
        tracing::error!(%error, %lockdown, "A lockdown holds for this run only, since it could not be written down");
    }
    Ok(Json(LockdownAnswer { lockdown: worded(&held), ended: ended as u64, recorded: recorded.is_ok() }))
}

/// Lift a lockdown
#[utoipa::path(
    delete,
    path = paths::LOCKDOWN,
    tag = "lockdowns",
    params(("lockdown" = String, Path, description = "`all`, `person:NAME` or `record:NAME`")),
    responses((status = OK)),
    security(("socket" = [])),
)]
pub(super) async fn lift(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Path(lockdown): Path<String>,
) -> Result<(), Refusal> {
    let lockdown = parse(&lockdown)?;
    let event = api.context.event(EventKind::LockdownLifted, by.by()).with("lockdown", &lockdown);
    // First on record, then in force: what cannot be put on record is not opened again.
    if !api.context.store.lift(&lockdown, vec![event.clone()]).await? {
        let holds = api.context.lockdowns.held().iter().any(|held| held.lockdown == lockdown);
        if !holds {
            return Err(
                Refusal::new(Code::NotFound, format!("there is no lockdown {lockdown}")).next("mayfly lockdown ls")
            );
        }
        // It could not be written down when it was started.
        api.context.record(vec![event]).await?;
    }
    api.context.lockdowns.lift(&lockdown);
    Ok(())
}
