//! The trail as it is read. There is no way to write or delete an entry from outside (SECURITY-CASES 91).

use super::Api;
use super::administrator::{Administrator, Audit};
use super::problem::{Parameters, Refusal};
use axum::Json;
use axum::extract::State;
use mayfly_engine::ports::trail::Trail;
use mayfly_wire::audit::{AuditAnswer, AuditQuery};
use mayfly_wire::paths;
use std::sync::Arc;

const ENTRIES_MOST: u32 = 1000;
const ENTRIES_DEFAULT: u32 = 20;

/// Read the trail
#[utoipa::path(
    get,
    path = paths::AUDIT,
    tag = "audit",
    params(AuditQuery),
    responses((status = OK, body = AuditAnswer)),
    security(("token" = ["audit"])),
)]
pub(super) async fn read(
    State(api): State<Arc<Api>>,
    _: Administrator<Audit>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditAnswer>, Refusal> {
    let limit = query.limit.unwrap_or(ENTRIES_DEFAULT).clamp(1, ENTRIES_MOST);
    let size = api.context.store.size().await?;
    let from = query.from.unwrap_or_else(|| size.saturating_sub(u64::from(limit)));
    let entries = api.context.store.entries(from, limit).await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Json(AuditAnswer { size, entries: entries.into_iter().map(|entry| text(entry.bytes)).collect() }))
}
