//! The check of a record against its target, and which server that is.

use super::Api;
use super::administrator::{Administrator, Records};
use super::problem::{Body, Refusal};
use crate::{bound, orders};
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::{Kind, Launch, MachineRecord, Object, ObjectId, Record};
use mayfly_dial::Dialer;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Administration, Failure, FailureClass, Permit, RecordName, TargetId, Trust};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::{Entry, Ledger, Write};
use mayfly_providers::{Check, CheckReport, Level};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::records::{self, CheckAnswer, CheckRequest, PinAnswer, PinRequest};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const fn level(level: Level) -> records::Level {
    match level {
        Level::Ok => records::Level::Ok,
        Level::Missing => records::Level::Missing,
        Level::Excess => records::Level::Excess,
        Level::NotTried => records::Level::NotTried,
    }
}

/// A record and what checks it.
pub(super) struct Asked {
    pub(super) name: RecordName,
    pub(super) record: Record,
    pub(super) provider: Arc<dyn Check>,
}

/// The record of that name, with which something is to be done on its target.
pub(super) async fn record(api: &Api, name: &str) -> Result<(RecordName, Record), Refusal> {
    let missing = || Refusal::new(Code::NotFound, format!("there is no record {name}")).next("mayfly ls");
    let name = RecordName::parse(name).map_err(|_| missing())?;
    match api.context.resource(&name).await? {
        Some(record) => Ok((name, record)),
        None if api.context.is_directory(&name).await? => {
            let text = format!("{name} is a directory: this is not built for directories yet");
            Err(Refusal::new(Code::Conflict, text))
        }
        None => Err(missing()),
    }
}

impl Asked {
    pub(super) async fn find(api: &Api, name: &str) -> Result<Self, Refusal> {
        let (name, record) = record(api, name).await?;
        let no_provider = || Refusal::new(Code::Server, "this build cannot check records of this kind");
        let provider = api.context.providers.check(orders::provider(&record)).ok_or_else(no_provider)?;
        Ok(Self { name, record, provider })
    }

    /// Who answers there.
    pub(super) async fn found(&self, api: &Api, by: &Administration) -> Result<TargetId, Failure> {
        bound::check_links(&api.context.store, &self.record).await?;
        let settings = orders::provider_settings(&self.record, &api.context.authorities);
        self.provider.identify(by, &self.record.resource().administration(), &settings).await
    }

    /// Who is known to be there.
    pub(super) async fn known(&self, api: &Api) -> Result<Option<TargetId>, Refusal> {
        Ok(api.context.store.known_target(&self.record.resource().administration().destination.endpoint).await?)
    }

    /// What a check says where the host is not the one that the record trusts, so that nothing else could be looked at.
    fn another_host(&self, failure: &Failure) -> CheckReport {
        let mut report = CheckReport::default();
        let pinned = matches!(self.record.resource().trust, Trust::HostKey { .. });
        let fix = if pinned { vec![format!("mayfly record pin {}", self.name)] } else { Vec::new() };
        report.add(Level::Missing, failure.text.clone(), fix);
        report
    }
}

/// Ask who answers at a record's address, and pin it
///
/// Where the identity that was confirmed is given and is the one that answers, sessions are opened there from now on.
#[utoipa::path(
    post,
    path = paths::RECORD_PIN,
    tag = "records",
    params(("name" = String, Path, description = "The record")),
    request_body = PinRequest,
    responses((status = OK, body = PinAnswer)),
    security(("token" = ["records"])),
)]
pub(super) async fn pin(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Records>,
    Path(name): Path<String>,
    Body(request): Body<PinRequest>,
) -> Result<Json<PinAnswer>, Refusal> {
    let asked = Asked::find(&api, &name).await?;
    if let Record::Machine(machine) = &asked.record {
        return pin_host_key(&api, &by, machine, request.identity).await.map(Json);
    }
    let (found, known) = (asked.found(&api, &by).await?, asked.known(&api).await?);
    let endpoint = asked.record.resource().administration().destination.endpoint;
    let mut pinned = known.as_ref().map(ToString::to_string);
    if let Some(confirmed) = request.identity {
        if confirmed != found.as_str() {
            let text = format!("{endpoint} answers as {found}, not as {confirmed}: nothing was pinned");
            return Err(Refusal::new(Code::Conflict, text));
        }
        let mut event = api.context.event(EventKind::TargetPinned, by.by());
        event.record = Some(asked.name.clone());
        event.target = Some(found.to_string());
        let event = event.with("was", pinned.as_deref().unwrap_or("nothing"));
        let writes = vec![Write::Know { endpoint: endpoint.clone(), target: Some(found.clone()) }];
        api.context.store.commit(Entry { writes, events: vec![event] }).await?;
        pinned = Some(confirmed);
    }
    let (record, endpoint, identity) = (asked.name.to_string(), endpoint.to_string(), found.to_string());
    Ok(Json(PinAnswer { record, endpoint, identity, pinned }))
}

/// How long a host gets to show its key.
const HOST_KEY_LIMIT: Duration = Duration::from_secs(15);

/// The same for a machine: the identity is its host key, and pinning it changes the record.
async fn pin_host_key(
    api: &Api,
    by: &Administration,
    machine: &MachineRecord,
    confirmed: Option<String>,
) -> Result<PinAnswer, Refusal> {
    let destination = machine.resource.administration().destination;
    let endpoint = &destination.endpoint;
    let pinned = match &machine.resource.trust {
        Trust::HostKey { fingerprint } => Some(fingerprint.clone()),
        Trust::HostAuthority { .. } => {
            let text = format!("{} trusts an authority of hosts: a single key is not pinned", machine.resource.name);
            return Err(Refusal::new(Code::Conflict, text));
        }
        _ => None,
    };
    let seen = Dialer.ssh_host_key(Permit::Inspect(by), &destination, HOST_KEY_LIMIT).await;
    let seen = seen.map_err(|error| Refusal::from(Failure::new(error.class(), error.person_text())))?.fingerprint;
    let (record, address) = (machine.resource.name.to_string(), endpoint.to_string());
    let Some(confirmed) = confirmed else {
        return Ok(PinAnswer { record, endpoint: address, identity: seen, pinned });
    };
    if confirmed != seen {
        let text = format!("{endpoint} shows the host key {seen}, not {confirmed}: nothing was pinned");
        return Err(Refusal::new(Code::Conflict, text));
    }
    let event = |kind| {
        let mut event = api.context.event(kind, by.by());
        event.record = Some(machine.resource.name.clone());
        event
    };
    let was = pinned.as_deref().unwrap_or("nothing");
    let pinning = event(EventKind::TargetPinned).with("host_key", &seen).with("was", was);
    let object = format!("{}/{}", Kind::Machine, machine.resource.name);
    let events = vec![event(EventKind::RecordUpdated).with("object", object)];
    // The key is what the administrator confirmed; whichever machine shows it is the one from now on. Forgotten first: if
    // only this is done, the key that was trusted before is still the only one.
    // What is owed there is undone on the host with that key too, if it is the machine on which it was done.
    let forget = Write::Know { endpoint: endpoint.clone(), target: None };
    let now = Trust::HostKey { fingerprint: seen.clone() };
    let trust = Write::Trust { from: destination.clone(), trust: now.clone() };
    api.context.store.commit(Entry { writes: vec![forget, trust], events: vec![pinning] }).await?;
    let pin = |object: &mut Object| match object {
        // A record that leads elsewhere by now, or trusts somebody else, is not what was confirmed.
        Object::Machine(machine) if machine.resource.administration().destination == destination => {
            machine.resource.trust = now.clone();
        }
        _ => {}
    };
    let name = &machine.resource.name;
    api.context.edit(&ObjectId::Machine(name.clone()), pin, &events).await?;
    let record_now = api.context.resource(name).await?;
    if record_now.is_none_or(|record| record.resource().trust != now) {
        let text = format!("somebody changed {name} meanwhile: look at it, and pin it again");
        return Err(Refusal::new(Code::Conflict, text));
    }
    Ok(PinAnswer { record, endpoint: address, identity: seen.clone(), pinned: Some(seen) })
}

/// Check a record against its target
#[utoipa::path(
    post,
    path = paths::RECORD_CHECK,
    tag = "records",
    params(("name" = String, Path, description = "The record")),
    request_body = CheckRequest,
    responses((status = OK, body = CheckAnswer)),
    security(("token" = ["records"])),
)]
pub(super) async fn check(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Records>,
    Path(name): Path<String>,
    Body(request): Body<CheckRequest>,
) -> Result<Json<CheckAnswer>, Refusal> {
    let asked = Asked::find(&api, &name).await?;
    let second_address = match request.second_address.as_deref().map(str::parse::<IpAddr>) {
        Some(Err(_)) => return Err(Refusal::new(Code::Invalid, "the second address is not an IP address")),
        Some(Ok(address)) => Some(address),
        None => None,
    };
    let report = match asked.found(&api, &by).await {
        Ok(found) => look(&api, &by, &asked, found, second_address).await?,
        Err(failure) if failure.class == FailureClass::IdentityChanged => asked.another_host(&failure),
        Err(failure) => return Err(failure.into()),
    };
    let Asked { name, record, .. } = asked;
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

/// Looks at the target that answers, and says whether it is the one that was there until now.
async fn look(
    api: &Api,
    by: &Administration,
    asked: &Asked,
    found: TargetId,
    second_address: Option<IpAddr>,
) -> Result<CheckReport, Refusal> {
    let resource = asked.record.resource();
    let question = mayfly_providers::CheckRequest {
        record: asked.name.clone(),
        place: resource.administration(),
        elevate: resource.jit.elevate.as_ref().map(|grant| grant.role.clone()),
        database: match &asked.record {
            Record::Database(database) => Some(database.default_database.clone()),
            Record::Machine(_) => None,
        },
        lifts_existing: matches!(resource.jit.launch, Launch::Existing { .. }),
        settings: orders::provider_settings(&asked.record, &api.context.authorities),
        prefix: api.context.prefix.clone(),
        authority: matches!(asked.record, Record::Machine(_)).then(|| api.context.authorities.of(&asked.name)),
        our_address: None,
        second_address,
        now: api.context.clock.wall(),
    };
    let mut report = asked.provider.check(by, &question).await?;
    if let Some(known) = asked.known(api).await?.filter(|known| *known != found) {
        let what =
            format!("another server answers there: {found}, where {known} was until now; nothing is opened on it");
        report.add(Level::Missing, what, vec![format!("mayfly record pin {}", asked.name)]);
    }
    Ok(report)
}
