//! A server whose store may not be the one that counts: what it refuses, and the one request that makes it act.

use super::Api;
use super::administrator::{Administrator, LocalSocket};
use super::problem::{Body, Refusal};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mayfly_domain::audit::EventKind;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::status::{ActivateAnswer, ActivateRequest};
use std::sync::Arc;

/// What an observing server does besides reading: becoming one that acts, and giving out a backup, which changes nothing.
const ALLOWED: &[&str] = &[paths::ACTIVATE, paths::BACKUP];

/// Refuses whatever could change something, here or on a target, while the server only observes.
pub(super) async fn only_observing(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD) || ALLOWED.contains(&request.uri().path());
    if reads || !api.context.store.observing() {
        return next.run(request).await;
    }
    let text = "this server only observes and changes nothing, since its store may not be the one that counts";
    Refusal::new(Code::Conflict, text).next("mayfly status").next("mayfly server activate").into_response()
}

/// Make this copy of the store the one that acts: a new epoch begins, and what was issued before is void
///
/// The server then takes itself up anew. Sessions that the store knows as open are taken out.
#[utoipa::path(
    post,
    path = paths::ACTIVATE,
    tag = "server",
    request_body = ActivateRequest,
    responses((status = OK, body = ActivateAnswer)),
    security(("socket" = [])),
)]
pub(super) async fn activate(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<ActivateRequest>,
) -> Result<Json<ActivateAnswer>, Refusal> {
    let store = &api.context.store;
    super::sessions::check_reason(Some(&request.reason))?;
    if request.reason.trim().is_empty() {
        return Err(Refusal::new(Code::Invalid, "activating a copy of the store needs a reason"));
    }
    let doubts: Vec<_> = store.doubts().iter().map(ToString::to_string).collect();
    let mut event = api.context.event(EventKind::ServerActivated, by.by());
    event.reason = Some(request.reason);
    let event = event.with("epoch", store.next_epoch()).with("doubts", doubts.join("; "));
    let epoch = store.activate(vec![event]).await?;
    tracing::warn!(epoch, by = by.by(), "This copy of the store is the one that acts from now on");
    // Last, since the server that answers this is ended by it.
    api.context.activated.notify_one();
    Ok(Json(ActivateAnswer { epoch, doubts }))
}
