//! Draining the server before it is stopped.

use super::Api;
use super::administrator::{Administrator, LocalSocket};
use super::problem::{Body, Refusal};
use axum::Json;
use axum::extract::State;
use mayfly_domain::EndReason;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::status::{DrainAnswer, DrainRequest};
use std::sync::Arc;
use std::time::Duration;

/// The longest deadline of a drain: no session is that long.
const WITHIN_MOST: u64 = 7 * 24 * 3600;

/// Open nothing new, so that the server can be stopped without cutting anybody
///
/// Sessions that are open go on, and those who are in them may connect again. What is still open at the deadline is ended; without one
/// nothing is. Asking again replaces the deadline.
#[utoipa::path(
    post,
    path = paths::DRAIN,
    tag = "server",
    request_body = DrainRequest,
    responses((status = OK, body = DrainAnswer)),
    security(("socket" = [])),
)]
pub(super) async fn begin(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<DrainRequest>,
) -> Result<Json<DrainAnswer>, Refusal> {
    if request.within_s.is_some_and(|within| within > WITHIN_MOST) {
        return Err(Refusal::new(Code::Invalid, format!("a drain has at most {WITHIN_MOST} s")));
    }
    let (context, by) = (Arc::clone(&api.context), by.by().to_owned());
    let within = request.within_s.map(Duration::from_secs);
    let until = within.map(|within| context.clock.wall().plus(within));
    let number = context.drain.begin(until);
    let sessions = context.engine.running() as u64;
    let mut event = context.event(EventKind::ServerDraining, by.clone()).with("sessions", sessions);
    if let Some(until) = until {
        event = event.with("until", until);
    }
    // It holds also where it cannot be put on record: it opens nothing.
    if let Err(error) = context.record(vec![event]).await {
        tracing::error!(%error, "That the server is drained could not be put on record");
    }
    tracing::warn!(sessions, by, "The server is drained: nothing new is opened");
    if let Some(within) = within {
        let tasks = context.tasks.clone();
        tasks.spawn("drain", async move {
            context.clock.sleep_until(context.clock.boot().plus(within)).await;
            if context.drain.holds(number) {
                let text = "the server is about to be stopped";
                let ended = context.engine.end_where(|_, _| true, EndReason::ServerStopped, &by, text);
                tracing::warn!(sessions = ended, "The deadline of the drain has passed: what is still open is ended");
            }
        });
    }
    Ok(Json(DrainAnswer { sessions, until: until.map(|until| until.to_string()) }))
}

/// Open sessions again
#[utoipa::path(
    delete,
    path = paths::DRAIN,
    tag = "server",
    responses((status = OK)),
    security(("socket" = [])),
)]
pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
) -> Result<(), Refusal> {
    if api.context.drain.held().is_none() {
        return Err(Refusal::new(Code::NotFound, "the server is not being drained").next("mayfly status"));
    }
    // First on record, then in force: what cannot be put on record is not opened again.
    api.context.record(vec![api.context.event(EventKind::ServerDrainCancelled, by.by())]).await?;
    api.context.drain.cancel();
    Ok(())
}
