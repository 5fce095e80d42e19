//! The trail as it is read. There is no way to write or delete an entry from outside (SECURITY-CASES 91).

use super::Api;
use super::administrator::{Administrator, Audit};
use super::problem::{Parameters, Refusal};
use axum::Json;
use axum::extract::State;
use mayfly_domain::WallTime;
use mayfly_engine::ports::trail::Trail;
use mayfly_export::{Encoding, Entry};
use mayfly_wire::audit::{AuditAnswer, AuditQuery, ExportAnswer, ExportQuery};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
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

/// Read the trail as CSV, CEF, OCSF or JSON lines
#[utoipa::path(
    get,
    path = paths::AUDIT_EXPORT,
    tag = "audit",
    params(ExportQuery),
    responses((status = OK, body = ExportAnswer)),
    security(("token" = ["audit"])),
)]
pub(super) async fn export(
    State(api): State<Arc<Api>>,
    _: Administrator<Audit>,
    Parameters(query): Parameters<ExportQuery>,
) -> Result<Json<ExportAnswer>, Refusal> {
    let invalid = |text: String| Refusal::new(Code::Invalid, text);
    let form = Encoding::parse(&query.form)
        .ok_or_else(|| invalid(format!("{:?} is no form of the trail: use jsonl, csv, cef or ocsf", query.form)))?;
    let moment = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => WallTime::parse(text)
            .map(Some)
            .ok_or_else(|| invalid(format!("{text:?} is no moment: write it like 2026-11-24T16:00:00Z"))),
    };
    let (from, until) = (moment(&query.from)?, moment(&query.until)?);
    let limit = query.limit.unwrap_or(ENTRIES_MOST).clamp(1, ENTRIES_MOST);
    let found = api.context.store.entries(query.first.unwrap_or(0), limit).await?;
    let next = if found.len() == limit as usize { found.last().map(|entry| entry.sequence + 1) } else { None };
    let wanted = |entry: &Entry| from.is_none_or(|from| entry.at >= from) && until.is_none_or(|until| entry.at < until);
    let mut lines = Vec::new();
    for entry in found {
        let entry = Entry::read(entry)
            .map_err(|error| Refusal::new(Code::Server, error.to_string()).next("mayfly audit verify"))?;
        if wanted(&entry) {
            lines.push(form.line(&entry));
        }
    }
    Ok(Json(ExportAnswer { head: form.head(), lines, next }))
}
