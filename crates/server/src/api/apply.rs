//! Applying declarative objects: all of them or none, against what is there now; or only saying what would be done.

use super::Api;
use super::administrator::{Administrator, Objects as ObjectsScope};
use super::objects::object_id;
use super::problem::{Body, Refusal};
use super::revision::{Expected, Tag};
use crate::{bound, orders};
use axum::Json;
use axum::extract::State;
use mayfly_access::objects::{self, Object, ObjectId, Record};
use mayfly_access::store::{ApplyOutcome, Batch, Bound, Objects, Secrets, Snapshot};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{EndReason, Trust};
use mayfly_engine::ports::ledger::Ledger;
use mayfly_wire::objects::{Action, Applied, ApplyAnswer, ApplyRequest};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often an apply is tried again when somebody else applied in between.
const TRIES: u32 = 5;

fn faults(faults: Vec<objects::ObjectError>) -> Refusal {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Refusal::new(Code::Invalid, lines.join("\n"))
}

/// Create, change and delete objects, all of them or none
///
/// With `If-Match` nothing is done when the objects are at another revision by now.
#[utoipa::path(
    post,
    path = paths::OBJECTS,
    tag = "objects",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of the objects that this was made for")),
    request_body = ApplyRequest,
    responses((status = OK, body = ApplyAnswer)),
    security(("token" = ["objects"])),
)]
pub(super) async fn apply(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<ObjectsScope>,
    expected: Expected,
    Body(request): Body<ApplyRequest>,
) -> Result<(Tag, Json<ApplyAnswer>), Refusal> {
    let put = objects::parse(&request.documents, &objects::no_files).map_err(faults)?;
    accepted(&api, &put).map_err(faults)?;
    let named: Vec<ObjectId> = request.delete.iter().map(|text| object_id(text)).collect::<Result<_, _>>()?;
    check_prune(&put, &request.prune)?;
    for _ in 0..TRIES {
        let before = Objects::snapshot(&*api.context.store).await?;
        expected.check(before.revision)?;
        let delete = with_pruned(&before, &put, named.clone(), &request.prune);
        objects::check(&before.objects, &put, &delete).map_err(faults)?;
        let planned = plan(&api, &before, &put, &delete, by.by());
        if request.dry_run {
            let applied = shown(&before, &put, planned.applied);
            let answer = ApplyAnswer { revision: before.revision, objects: applied, notes: Vec::new() };
            return Ok((Tag(before.revision), Json(answer)));
        }
        let batch = Batch { expected: before.revision, put: planned.changed, delete, events: planned.events };
        if batch.put.is_empty() && batch.delete.is_empty() {
            return Ok((Tag(before.revision), Json(answer(&api, before.revision, planned.applied).await?)));
        }
        match api.context.store.apply(batch).await? {
            ApplyOutcome::Applied { revision } => {
                api.context.engine.credentials_changed();
                end_what_is_no_longer_allowed(&api).await?;
                return Ok((Tag(revision), Json(answer(&api, revision, planned.applied).await?)));
            }
            ApplyOutcome::Stale { .. } => {}
            ApplyOutcome::InUse { object, changes } => {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                let detail = format!("{object} is needed to undo {}: delete it when they are done", changes.join(", "));
                return Err(Refusal::new(Code::Conflict, detail).next("mayfly cleanup ls"));
            }
        }
    }
    Err(Refusal::new(Code::Conflict, "somebody else is applying objects too: try again"))
}

/// What providers say of the settings of resources, which are saved only if they can be kept.
fn accepted(api: &Api, put: &[Object]) -> Result<(), Vec<objects::ObjectError>> {
    let mut faults = Vec::new();
    for object in put {
        let record = match object {
            Object::Database(record) => Record::Database(record.clone()),
            Object::Machine(record) => Record::Machine(record.clone()),
            Object::Person(_) | Object::User(_) | Object::Directory(_) => continue,
        };
        let settings = orders::provider_settings(&record, &api.context.authorities);
        let provider = api.context.providers.check(orders::provider(&record));
        if let Some(Err(failure)) = provider.map(|provider| provider.accepts(&settings)) {
            let object = object.id().to_string();
            faults.push(objects::ObjectError { object, path: String::new(), line: None, text: failure.text });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn has_all(object: &Object, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| object.labels().get(key) == Some(value))
}

/// Refuses a set whose objects do not all have the labels by which others are pruned: the next prune would not know them.
fn check_prune(put: &[Object], prune: &BTreeMap<String, String>) -> Result<(), Refusal> {
    match put.iter().find(|object| !has_all(object, prune)) {
        None => Ok(()),
        Some(object) => {
            let wanted: Vec<String> = prune.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let text = format!(
                "{} does not have the labels {} by which is pruned: give them to every object of the set",
                object.id(),
                wanted.join(",")
            );
            Err(Refusal::new(Code::Invalid, text))
        }
    }
}

/// What is deleted: what was named, and what is pruned.
fn with_pruned(
    before: &Snapshot,
    put: &[Object],
    mut delete: Vec<ObjectId>,
    prune: &BTreeMap<String, String>,
) -> Vec<ObjectId> {
    if prune.is_empty() {
        return delete;
    }
    for object in before.objects.iter().filter(|object| has_all(object, prune)) {
        let id = object.id();
        if !delete.contains(&id) && !put.iter().any(|kept| kept.id() == id) {
            delete.push(id);
        }
    }
    delete
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
        let object = id.to_string();
        if let Some(kind) = kind {
            planned.events.push(api.context.event(kind, by).with("object", &object));
        }
        planned.applied.push(Applied { object, action, before: None, after: None });
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

/// What would be done, with each object that would change as it is and as it would be.
fn shown(before: &Snapshot, put: &[Object], applied: Vec<Applied>) -> Vec<Applied> {
    let text = |objects: &[Object], name: &str| {
        let found = objects.iter().find(|object| object.id().to_string() == name);
        found.map(|object| objects::export(std::slice::from_ref(object)))
    };
    let complete = |mut applied: Applied| {
        if applied.action != Action::Unchanged {
            applied.before = text(&before.objects, &applied.object);
            applied.after = text(put, &applied.object).filter(|_| applied.action != Action::Deleted);
        }
        applied
    };
    applied.into_iter().map(complete).collect()
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
                let now = Bound { resource: resource.name.clone(), destination };
                if !bound::fits(&api.context.vault, secret, &now) {
                    notes.push(bound::moved(name, secret.bound.as_ref(), &bound::words(&now)));
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
