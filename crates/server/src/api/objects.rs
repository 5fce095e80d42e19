//! Declarative objects and the secrets of user records.

use super::Api;
use super::administrator::{self, Administrator, Read};
use super::problem::{Body, Parameters, Refusal};
use super::sessions::PAGE_MOST;
use crate::credentials::slot;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::objects::{self, Kind, Object, ObjectId, Resource};
use mayfly_access::store::{ApplyOutcome, Batch, Objects, SealedSecret, SecretOutcome, Secrets, Snapshot};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{EndReason, RecordName, Secret, Trust};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::Ledger;
use mayfly_vault::Sealed;
use mayfly_wire::Page;
use mayfly_wire::objects::{Action, Applied, ApplyAnswer, ApplyRequest, Listed, ObjectQuery, SecretRequest};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often an apply is tried again when somebody else applied in between.
const TRIES: u32 = 5;
/// The longest secret, in bytes.
const SECRET_MOST: usize = 4096;

/// List objects
#[utoipa::path(
    get,
    path = paths::OBJECTS,
    tag = "objects",
    params(ObjectQuery),
    responses((status = OK, body = Page<Listed>)),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Parameters(query): Parameters<ObjectQuery>,
) -> Result<Json<Page<Listed>>, Refusal> {
    let kind = query.kind.as_deref().map(parse_kind).transpose()?;
    let after = query.after.as_deref().map(object_id).transpose()?;
    let limit = query.limit.unwrap_or(PAGE_MOST).clamp(1, PAGE_MOST) as usize;
    let snapshot = Objects::snapshot(&*api.context.store).await?;
    let with_secret: BTreeSet<RecordName> =
        Secrets::all(&*api.context.store).await?.into_iter().map(|secret| secret.user).collect();
    let wanted = |object: &&Object| {
        let id = object.id();
        kind.is_none_or(|kind| id.kind() == kind) && after.as_ref().is_none_or(|after| id > *after)
    };
    let asked = query.q.unwrap_or_default().to_lowercase();
    let listed = snapshot.objects.iter().filter(wanted).map(|object| listed(object, &with_secret));
    // One more than wanted says whether there is another page.
    let mut items: Vec<Listed> = listed.filter(|item| holds(item, &asked)).take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    Ok(Json(Page { next: last.map(|item| format!("{}/{}", item.kind, item.name)), items }))
}

/// Whether an object holds the text asked for, in whatever case, in its name, its summary or a label as `key=value`.
fn holds(item: &Listed, asked: &str) -> bool {
    let found = |text: &str| text.to_lowercase().contains(asked);
    found(&item.name) || found(&item.summary) || item.labels.iter().any(|(key, value)| found(&format!("{key}={value}")))
}

fn parse_kind(text: &str) -> Result<Kind, Refusal> {
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| Refusal::new(Code::Invalid, "the kinds are Person, User, Database and Machine"))
}

fn of_resource(resource: &Resource) -> (&BTreeMap<String, String>, String, Option<bool>) {
    (&resource.labels, resource.sessions().endpoint.to_string(), None)
}

fn listed(object: &Object, with_secret: &BTreeSet<RecordName>) -> Listed {
    let id = object.id();
    let (labels, summary, has_secret) = match object {
        Object::Person(person) => {
            let opens: Vec<&str> = person.may_launch.iter().map(RecordName::as_str).collect();
            let state = if person.disabled { "disabled" } else { "may open" };
            (&person.labels, format!("{state} {}", opens.join(", ")), None)
        }
        Object::User(user) => {
            (&user.labels, format!("{} on {}", user.login, user.resource), Some(with_secret.contains(&user.name)))
        }
        Object::Database(record) => of_resource(&record.resource),
        Object::Machine(record) => of_resource(&record.resource),
    };
    Listed {
        kind: id.kind().as_str().to_owned(),
        name: id.name().to_owned(),
        labels: labels.clone(),
        summary: summary.trim_end().to_owned(),
        has_secret,
    }
}

/// Create, change and delete objects, all of them or none
#[utoipa::path(
    post,
    path = paths::OBJECTS,
    tag = "objects",
    request_body = ApplyRequest,
    responses((status = OK, body = ApplyAnswer)),
    security(("token" = ["objects"])),
)]
pub(super) async fn apply(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<administrator::Objects>,
    Body(request): Body<ApplyRequest>,
) -> Result<Json<ApplyAnswer>, Refusal> {
    let faults = |faults: Vec<objects::ObjectError>| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Refusal::new(Code::Invalid, lines.join("\n"))
    };
    let put = objects::parse(&request.documents, &objects::no_files).map_err(faults)?;
    let delete: Vec<ObjectId> = request.delete.iter().map(|text| object_id(text)).collect::<Result<_, _>>()?;
    for _ in 0..TRIES {
        let before = Objects::snapshot(&*api.context.store).await?;
        objects::check(&before.objects, &put, &delete).map_err(faults)?;
        let planned = plan(&api, &before, &put, &delete, by.by());
        let batch =
            Batch { expected: before.revision, put: planned.changed, delete: delete.clone(), events: planned.events };
        if batch.put.is_empty() && batch.delete.is_empty() {
            return Ok(Json(answer(&api, before.revision, planned.applied).await?));
        }
        match api.context.store.apply(batch).await? {
            ApplyOutcome::Applied { revision } => {
                end_what_is_no_longer_allowed(&api).await?;
                return Ok(Json(answer(&api, revision, planned.applied).await?));
            }
            ApplyOutcome::Stale { .. } => {}
            ApplyOutcome::InUse { object, changes } => {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "{}/{} is needed to undo {}: delete it when they are done",
                    object.kind().as_str(),
                    object.name(),
                    changes.join(", ")
                );
                return Err(Refusal::new(Code::Conflict, detail).next("mayfly cleanup ls"));
            }
        }
    }
    Err(Refusal::new(Code::Conflict, "somebody else is applying objects too: try again"))
}

fn object_id(text: &str) -> Result<ObjectId, Refusal> {
    let wrong = || Refusal::new(Code::Invalid, "what is deleted is named KIND/NAME, for example Database/orders");
    let (kind, name) = text.split_once('/').ok_or_else(wrong)?;
    ObjectId::new(parse_kind(kind)?, name).map_err(|error| Refusal::new(Code::Invalid, error.to_string()))
}

/// What an apply would do.
struct Planned {
    changed: Vec<Object>,
    applied: Vec<Applied>,
    events: Vec<Event>,
}

fn plan(api: &Api, before: &Snapshot, put: &[Object], delete: &[ObjectId], by: &str) -> Planned {
    let mut planned = Planned { changed: Vec::new(), applied: Vec::new(), events: Vec::new() };
    let mut add = |id: &ObjectId, action: Action, kind: Option<EventKind>| {
        let object = format!("{}/{}", id.kind().as_str(), id.name());
        if let Some(kind) = kind {
            planned.events.push(api.context.event(kind, by).with("object", &object));
        }
        planned.applied.push(Applied { object, action });
    };
    let mut changed = Vec::new();
    for object in put {
        let id = object.id();
        match before.objects.iter().find(|known| known.id() == id) {
            Some(known) if known == object => add(&id, Action::Unchanged, None),
            Some(_) => {
                add(&id, Action::Updated, Some(EventKind::RecordUpdated));
                changed.push(object.clone());
            }
            None => {
                add(&id, Action::Created, Some(EventKind::RecordCreated));
                changed.push(object.clone());
            }
        }
    }
    for id in delete {
        let known = before.objects.iter().any(|known| known.id() == *id);
        let action = if known { Action::Deleted } else { Action::Unchanged };
        add(id, action, known.then_some(EventKind::RecordDeleted));
    }
    planned.changed = changed;
    planned
}

/// The answer, with what is still to be done: secrets that are missing or were set for another destination.
async fn answer(api: &Api, revision: u64, applied: Vec<Applied>) -> Result<ApplyAnswer, Refusal> {
    let snapshot = Objects::snapshot(&*api.context.store).await?;
    let secrets = Secrets::all(&*api.context.store).await?;
    let mut notes = Vec::new();
    for resource in snapshot.objects.iter().filter_map(Object::resource) {
        if resource.trust == Trust::NotPinned {
            let name = &resource.name;
            notes.push(format!("{name} has no host key pinned yet, nothing is sent there: mayfly record pin {name}"));
        }
    }
    for object in &snapshot.objects {
        let Object::User(user) = object else { continue };
        let name = &user.name;
        let mut resources = snapshot.objects.iter().filter_map(Object::resource);
        let Some(resource) = resources.find(|known| known.name == user.resource) else { continue };
        let Some(destination) = resource.destination_of(name) else { continue };
        match secrets.iter().find(|secret| secret.user == *name) {
            // First the host has to be known.
            None if destination.trust == Trust::NotPinned => {}
            None => notes.push(format!("user record {name} has no secret yet: mayfly secret set {name}")),
            Some(secret) => {
                let sealed = Sealed::from_bytes(secret.sealed.clone());
                if api.context.vault.open(&slot(name, &destination), &sealed).is_err() {
                    notes.push(format!(
                        "the secret of user record {name} was set for another host, port or trust; type it again: \
                         mayfly secret set {name}"
                    ));
                }
            }
        }
    }
    Ok(ApplyAnswer { revision, objects: applied, notes })
}

/// Ends sessions of people who may no longer open what they have open: what was applied holds at once.
async fn end_what_is_no_longer_allowed(api: &Api) -> Result<(), Refusal> {
    let mut after = None;
    loop {
        let page = api.context.store.open_sessions(after.as_ref(), 500).await?;
        for session in &page {
            let person = api.context.person(&session.person).await?;
            let record = api.context.resource(&session.record).await?;
            let allowed = api.context.decide(person.as_ref(), record.as_ref()).is_ok();
            if !allowed {
                let text = Some("you may no longer open this".to_owned());
                // How it goes is shown by `sessions ls` and `cleanup ls`; applying does not wait for targets.
                drop(api.context.engine.end(&session.id, EndReason::Terminated, "server", text));
            }
        }
        match page.last() {
            Some(last) if page.len() == 500 => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Set the secret of a user record
#[utoipa::path(
    put,
    path = paths::SECRET,
    tag = "objects",
    params(("name" = String, Path, description = "The user record")),
    request_body = SecretRequest,
    responses((status = OK)),
    security(("token" = ["secrets"])),
)]
pub(super) async fn set_secret(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<administrator::Secrets>,
    Path(name): Path<String>,
    Body(request): Body<SecretRequest>,
) -> Result<(), Refusal> {
    let secret = Secret::new(request.secret);
    let missing =
        |name: &str| Refusal::new(Code::NotFound, format!("there is no user record {name}")).next("mayfly ls -k user");
    let name = RecordName::parse(&name).map_err(|_| missing(&name))?;
    if secret.expose().is_empty() || secret.expose().len() > SECRET_MOST || secret.expose().contains('\0') {
        return Err(Refusal::new(Code::Invalid, format!("a secret has 1 to {SECRET_MOST} bytes and no NUL")));
    }
    let user = api.context.user(&name).await?.ok_or_else(|| missing(name.as_str()))?;
    let unused = || {
        let detail =
            format!("user record {name} is not used by {}: name it in `rotation` or `launch` first", user.resource);
        Refusal::new(Code::Conflict, detail)
    };
    let record = api.context.resource(&user.resource).await?.ok_or_else(unused)?;
    let destination = record.resource().destination_of(&name).ok_or_else(unused)?;
    if destination.trust == Trust::NotPinned {
        let detail = format!("{} has no host key pinned yet: a secret is kept for a host that is known", user.resource);
        return Err(Refusal::new(Code::Conflict, detail).next(format!("mayfly record pin {}", user.resource)));
    }
    let sealed = api
        .context
        .vault
        .seal(&slot(&name, &destination), &secret, &mut api.context.entropy())
        .map_err(|error| Refusal::new(Code::Server, error.to_string()))?;
    let mut event = api.context.event(EventKind::SecretSet, by.by());
    event.record = Some(name.clone());
    let event = event.with("destination", &destination.endpoint);
    let kept = SealedSecret {
        user: name.clone(),
        sealed: sealed.into_bytes(),
        set_at: api.context.clock.wall(),
        set_by: by.by().to_owned(),
    };
    match Secrets::put(&*api.context.store, kept, vec![event]).await? {
        SecretOutcome::Stored => Ok(()),
        SecretOutcome::NoSuchRecord => Err(missing(name.as_str())),
    }
}
