//! Reports for those who review access.

use super::Api;
use super::administrator::{Administrator, Read, Records};
use super::problem::{Parameters, Refusal};
use super::records::Asked;
use super::sessions::{PAGE_MOST, moment};
use crate::{access_report, standing_report};
use axum::Json;
use axum::extract::{Path, State};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Failure, FailureClass, Login, NameError, PersonName, RecordName, WallTime};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::history::UseAsked;
use mayfly_wire::problem::Code;
use mayfly_wire::reports::{AccessReportQuery, AccessRow, StandingAnswer};
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

/// Look who on a record's target holds for good what its sessions are given for a time
#[utoipa::path(
    post,
    path = paths::RECORD_STANDING,
    tag = "reports",
    params(("name" = String, Path, description = "The record")),
    responses((status = OK, body = StandingAnswer)),
    security(("token" = ["records"])),
)]
pub(super) async fn standing(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Records>,
    Path(name): Path<String>,
) -> Result<Json<StandingAnswer>, Refusal> {
    let asked = Asked::find(&api, &name).await?;
    let found = asked.found(&api, &by).await?;
    if let Some(known) = asked.known(&api).await?.filter(|known| *known != found) {
        let text = format!("another server answers there: {found}, where {known} was until now");
        return Err(Failure::new(FailureClass::IdentityChanged, text).into());
    }
    let answer = standing_report::look(&api.context, &by, &asked.record, &asked.provider).await?;
    let mut event = api.context.event(EventKind::RecordChecked, by.by());
    event.record = Some(asked.name);
    api.context.record(vec![event.with("standing", answer.accounts.len())]).await?;
    Ok(Json(answer))
}
