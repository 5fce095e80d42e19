//! Reports for those who review access.

use super::Api;
use super::administrator::{Administrator, Read};
use super::problem::{Parameters, Refusal};
use super::sessions::{PAGE_MOST, moment};
use crate::access_report;
use axum::Json;
use axum::extract::State;
use mayfly_domain::{Login, NameError, PersonName, RecordName, WallTime};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::history::UseAsked;
use mayfly_wire::problem::Code;
use mayfly_wire::reports::{AccessReportQuery, AccessRow};
use mayfly_wire::{Page, paths};
use std::sync::Arc;

/// Report who may open what, and who did
///
/// One row for each person and record that they may open now or opened in the span, by person and record: an access review.
#[utoipa::path(
    get,
    path = paths::REPORT_ACCESS,
    tag = "reports",
    params(AccessReportQuery),
    responses((status = OK, body = Page<AccessRow>)),
    security(("token" = ["read"])),
)]
pub(super) async fn access(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Parameters(query): Parameters<AccessReportQuery>,
) -> Result<Json<Page<AccessRow>>, Refusal> {
    let invalid = |error: NameError| Refusal::new(Code::Invalid, error.to_string());
    let after = query.after.as_deref().map(Login::parse).transpose();
    let after = after.map_err(|_| Refusal::new(Code::Invalid, "`after` is the `next` of a page before"))?;
    let limit = query.limit.unwrap_or(PAGE_MOST).clamp(1, PAGE_MOST);
    let now = api.context.clock.wall();
    let asked = UseAsked {
        person: query.person.as_deref().map(PersonName::parse).transpose().map_err(invalid)?,
        record: query.record.as_deref().map(RecordName::parse).transpose().map_err(invalid)?,
        from: moment("from", query.from.as_deref())?.unwrap_or(WallTime::from_micros(0)),
        // Nobody has used anything after now.
        until: moment("until", query.until.as_deref())?.map_or(now, |until| until.min(now)),
    };
    let (items, next) = access_report::page(&api.context, &asked, after, limit).await?;
    Ok(Json(Page { items, next }))
}
