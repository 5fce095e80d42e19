//! What installs the helper of a record's target: the program that is all that the administrative credential may run there.

use super::Api;
use super::administrator::{Administrator, Records};
use super::problem::{Body, Refusal};
use super::records::Asked;
use crate::orders;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::{Launch, Object, Record};
use mayfly_access::store::Objects;
use mayfly_domain::audit::EventKind;
use mayfly_providers::{HelperRequest, Served};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::records::{HelpersAnswer, HelpersRequest};
use std::net::IpAddr;
use std::sync::Arc;

/// Print what limits the administrative log-in on a record's target to a helper
///
/// A shell script, to be run there as root. The helper takes what the records need that lead to the target.
#[utoipa::path(
    post,
    path = paths::RECORD_HELPERS,
    tag = "records",
    params(("name" = String, Path, description = "The record")),
    request_body = HelpersRequest,
    responses((status = OK, body = HelpersAnswer)),
    security(("token" = ["records"])),
)]
pub(super) async fn helpers(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Records>,
    Path(name): Path<String>,
    Body(request): Body<HelpersRequest>,
) -> Result<Json<HelpersAnswer>, Refusal> {
    let asked = Asked::find(&api, &name).await?;
    let from = match request.from.as_deref().map(str::parse::<IpAddr>) {
        Some(Err(_)) => return Err(Refusal::new(Code::Invalid, "the address is not an IP address")),
        Some(Ok(address)) => Some(address),
        None => None,
    };
    let question = HelperRequest {
        record: asked.name.clone(),
        place: asked.record.resource().administration(),
        prefix: api.context.prefix.clone(),
        installation: api.context.store.installation().clone(),
        claimed: crate::orphans::claimed(&api.context).await?,
        from,
        served: served(&api, &asked.record).await?,
    };
    let none = || {
        let text = format!("{} is administered without a helper: there is nothing to install", asked.name);
        Refusal::new(Code::Conflict, text).next(format!("mayfly record check {}", asked.name))
    };
    let script = asked.provider.helper(&by, &question).await?.ok_or_else(none)?;
    let mut event = api.context.event(EventKind::RecordHelperPrinted, by.by());
    event.record = Some(asked.name.clone());
    api.context.record(vec![event]).await?;
    Ok(Json(HelpersAnswer { record: asked.name.to_string(), script }))
}

/// What every record needs that leads to the same place as this one: a helper has one list for all of them.
async fn served(api: &Api, asked: &Record) -> Result<Vec<Served>, Refusal> {
    let place = asked.resource().administration().destination.endpoint;
    let snapshot = Objects::snapshot(&*api.context.store).await?;
    let mut served = Vec::new();
    for object in snapshot.objects {
        let record = match object {
            Object::Database(record) => Record::Database(record),
            Object::Machine(record) => Record::Machine(record),
            Object::Person(_) | Object::User(_) | Object::Directory(_) => continue,
        };
        let resource = record.resource();
        let same_kind = orders::provider(&record) == orders::provider(asked);
        if !same_kind || resource.administration().destination.endpoint != place {
            continue;
        }
        let existing = match &resource.jit.launch {
            Launch::Existing { user } => api.context.user(user).await?.map(|user| user.login),
            Launch::Ephemeral => None,
        };
        let elevate = resource.jit.elevate.as_ref().map(|grant| grant.role.clone());
        served.push(Served {
            elevate,
            existing,
            settings: orders::provider_settings(&record, &api.context.authorities),
        });
    }
    Ok(served)
}
