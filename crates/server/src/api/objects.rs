//! Declarative objects as they are listed and written out.

use super::Api;
use super::administrator::{self, Administrator, Read};
use super::problem::{Parameters, Refusal};
use super::revision::Tag;
use super::sessions::PAGE_MOST;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use mayfly_access::objects::{self, Kind, Object, ObjectId, Resource};
use mayfly_access::store::{Objects, Secrets, Snapshot};
use mayfly_domain::RecordName;
use mayfly_wire::Page;
use mayfly_wire::objects::{ExportQuery, Listed, ObjectQuery};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::collections::BTreeSet;
use std::sync::Arc;

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
) -> Result<(Tag, Json<Page<Listed>>), Refusal> {
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
    let next = last.map(|item| format!("{}/{}", item.kind, item.name));
    Ok((Tag(snapshot.revision), Json(Page { items, next })))
}

/// Write objects as YAML that can be applied again
#[utoipa::path(
    get,
    path = paths::EXPORT,
    tag = "objects",
    params(ExportQuery),
    responses((status = OK, body = serde_json::Value, content_type = "application/yaml")),
    security(("token" = ["objects"])),
)]
pub(super) async fn export(
    State(api): State<Arc<Api>>,
    _: Administrator<administrator::Objects>,
    Parameters(query): Parameters<ExportQuery>,
) -> Result<(Tag, [(HeaderName, &'static str); 1], String), Refusal> {
    let kind = query.kind.as_deref().map(parse_kind).transpose()?;
    let Snapshot { revision, mut objects } = Objects::snapshot(&*api.context.store).await?;
    let named = |object: &Object| query.name.as_ref().is_none_or(|name| object.id().name() == name);
    objects.retain(|object| kind.is_none_or(|kind| object.id().kind() == kind) && named(object));
    Ok((Tag(revision), [(CONTENT_TYPE, "application/yaml")], objects::export(&objects)))
}

/// Whether an object holds the text asked for, in whatever case, in its name, its summary or a label as `key=value`.
fn holds(item: &Listed, asked: &str) -> bool {
    let found = |text: &str| text.to_lowercase().contains(asked);
    found(&item.name) || found(&item.summary) || item.labels.iter().any(|(key, value)| found(&format!("{key}={value}")))
}

fn parse_kind(text: &str) -> Result<Kind, Refusal> {
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| Refusal::new(Code::Invalid, "the kinds are Person, User, Database, Machine and Directory"))
}

/// Where sessions connect, and where it is administered if that is another port.
fn reached(resource: &Resource) -> String {
    let sessions = resource.sessions().endpoint;
    match resource.administrative_port {
        same if same == sessions.port => sessions.to_string(),
        other => format!("{sessions}, administered on port {other}"),
    }
}

fn listed(object: &Object, with_secret: &BTreeSet<RecordName>) -> Listed {
    let id = object.id();
    let (summary, has_secret) = match object {
        Object::Person(person) => {
            let opens: Vec<&str> = person.may_launch.iter().map(RecordName::as_str).collect();
            let state = if person.disabled { "disabled" } else { "may open" };
            (format!("{state} {}", opens.join(", ")), None)
        }
        Object::User(user) => (format!("{} on {}", user.login, user.resource), Some(with_secret.contains(&user.name))),
        Object::Database(record) => (reached(&record.resource), None),
        Object::Machine(record) => (reached(&record.resource), None),
        Object::Directory(record) => (format!("{} port {}", record.hosts.join(", "), record.administrative_port), None),
    };
    Listed {
        kind: id.kind().as_str().to_owned(),
        name: id.name().to_owned(),
        labels: object.labels().clone(),
        summary: summary.trim_end().to_owned(),
        has_secret,
    }
}

pub(super) fn object_id(text: &str) -> Result<ObjectId, Refusal> {
    let wrong = || Refusal::new(Code::Invalid, "what is deleted is named KIND/NAME, for example Database/orders");
    let (kind, name) = text.split_once('/').ok_or_else(wrong)?;
    ObjectId::new(parse_kind(kind)?, name).map_err(|error| Refusal::new(Code::Invalid, error.to_string()))
}
