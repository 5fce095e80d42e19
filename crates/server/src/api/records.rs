//! The check of a record against its target.

use super::Api;
use super::problem::{Administrator, Body, Refusal};
use crate::orders;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::Launch;
use mayfly_domain::RecordName;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use mayfly_providers::Level;
use mayfly_wire::problem::Code;
use mayfly_wire::records::{self, CheckAnswer, CheckRequest};
use std::net::IpAddr;
use std::sync::Arc;

const fn level(level: Level) -> records::Level {
    match level {
        Level::Ok => records::Level::Ok,
        Level::Missing => records::Level::Missing,
        Level::Excess => records::Level::Excess,
        Level::NotTried => records::Level::NotTried,
    }
}

pub(super) async fn check(
    State(api): State<Arc<Api>>,
    Administrator(by): Administrator,
    Path(name): Path<String>,
    Body(request): Body<CheckRequest>,
) -> Result<Json<CheckAnswer>, Refusal> {
    let missing = || Refusal::new(Code::NotFound, format!("there is no record {name}")).next("mayfly ls");
    let name = RecordName::parse(&name).map_err(|_| missing())?;
    let record = api.context.database(&name).await?.ok_or_else(missing)?;
    let second_address = match request.second_address.as_deref().map(str::parse::<IpAddr>) {
        Some(Err(_)) => return Err(Refusal::new(Code::Invalid, "the second address is not an IP address")),
        Some(Ok(address)) => Some(address),
        None => None,
    };
    let no_provider = || Refusal::new(Code::Server, "this build cannot check records of this kind");
    let provider = api.context.providers.check(orders::DATABASE_PROVIDER).ok_or_else(no_provider)?;
    let asked = mayfly_providers::CheckRequest {
        place: record.administration(),
        elevate: record.jit.elevate.as_ref().map(|grant| grant.role.clone()),
        lifts_existing: matches!(record.jit.launch, Launch::Existing { .. }),
        settings: orders::provider_settings(&record),
        prefix: api.context.prefix.clone(),
        our_address: None,
        second_address,
        now: api.context.clock.wall(),
    };
    let report = provider.check(&by, &asked).await?;
    let mut event = api.context.event(EventKind::RecordChecked, by.by());
    event.record = Some(name.clone());
    let (missing, excess) = (report.of(Level::Missing).count(), report.of(Level::Excess).count());
    api.context.record(vec![event.with("missing", missing).with("excess", excess)]).await?;
    let if_destroyed = orders::if_destroyed(&record).unwrap_or_default().to_owned();
    let findings = report.findings.into_iter().map(|found| records::Finding {
        level: level(found.level),
        what: found.what,
        fix: found.fix,
    });
    Ok(Json(CheckAnswer { record: name.to_string(), findings: findings.collect(), if_destroyed }))
}
