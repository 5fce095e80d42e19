//! Who the server is and how it is; the certificate of the local authority.

use super::Api;
use super::administrator::Read;
use super::person::Caller;
use super::problem::Refusal;
use crate::readiness;
use crate::{authority, orphans, overview};
use axum::Json;
use axum::extract::State;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::status::{Mode, Status};
use std::sync::Arc;

/// Who the server is and how it is
#[utoipa::path(get, path = paths::STATUS, tag = "server", responses((status = OK, body = Status)))]
pub(crate) async fn status(
    State(api): State<Arc<Api>>,
    caller: Result<Caller<Read>, Refusal>,
) -> Result<Json<Status>, Refusal> {
    let mut status = told(&api, matches!(caller, Ok(Caller::Administrator(..)))).await?;
    if let Ok(Caller::Person(oneself)) = caller {
        status.person = Some(oneself.person().to_string());
        status.signed_in_until = Some(oneself.until().to_string());
    }
    Ok(Json(status))
}

/// How the server is, as an administrator or anybody is told.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn told(api: &Api, administrator: bool) -> Result<Status, Refusal> {
    let held = if administrator { api.context.lockdowns.held() } else { Vec::new() };
    let unready = readiness::unready(&api.context);
    let cleanup = overview::cleanup(&*api.context.store).await?;
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        installation: api.context.store.installation().to_string(),
        run: api.context.run.to_string(),
        mode: if api.context.store.observing() { Mode::Observing } else { Mode::Acting },
        epoch: api.context.store.epoch(),
        draining: api.context.drain.held().is_some(),
        ready: unready.is_empty(),
        unready,
        sessions: api.context.engine.running() as u64,
        cleanup_pending: cleanup.pending,
        cleanup_can_log_in: cleanup.can_log_in,
        orphans: orphans::open(&api.context).await?,
        lockdowns: held.iter().map(|held| held.lockdown.to_string()).collect(),
        administrator,
        person: None,
        signed_in_until: None,
    })
}

/// The certificate of the local authority, as PEM
#[utoipa::path(
    get,
    path = paths::CA,
    tag = "server",
    responses((status = OK, body = String, content_type = "text/plain")),
)]
pub(crate) async fn authority(State(api): State<Arc<Api>>) -> Result<String, Refusal> {
    authority::certificate(&api.data_directory).map_err(|error| {
        tracing::error!(%error, "The certificate of the local authority cannot be read");
        Refusal::new(Code::Server, "the certificate of the local authority cannot be read: see the server's log")
    })
}
