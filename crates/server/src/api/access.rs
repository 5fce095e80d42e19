//! What a person may open, which they ask with their password or having signed in, and what there is to know of a record, which administrators ask.
//! Both are told by the one decision that also lets in; nothing is opened here.

use super::Api;
use super::administrator::{Administrator, Read};
use super::connect::{notes, sign_in};
use super::person::SignedIn;
use super::problem::{Body, Parameters, Refusal};
use crate::bound;
use crate::peer::Peer;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use mayfly_access::objects::{Launch, Object, Person, Record};
use mayfly_access::store::{Objects, Secrets};
use mayfly_domain::{PersonName, RecordName, Secret};
use mayfly_wire::access::{
    Access, AccessAnswer, AccessQuery, AccessRequest, Credential, PersonAccess, RecordAnswer, SecretState,
};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::sync::Arc;

/// Sign in and see what you may open
#[utoipa::path(
    post,
    path = paths::ACCESS,
    tag = "sessions",
    request_body = AccessRequest,
    responses((status = OK, body = AccessAnswer)),
)]
pub(super) async fn access(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Body(request): Body<AccessRequest>,
) -> Result<Json<AccessAnswer>, Refusal> {
    let password = Secret::new(request.password);
    let wrong = |_| Refusal::new(Code::SignIn, super::connect::WRONG);
    let person = PersonName::parse(&request.person).map_err(wrong)?;
    let asked = request.record.as_deref().map(RecordName::parse).transpose();
    let asked = asked.map_err(|error| Refusal::new(Code::Invalid, error.to_string()))?;
    let person = sign_in(&api.context, person, password, peer.source()).await?;
    told(&api, &person, asked).await.map(Json)
}

/// See what you may open, having signed in
#[utoipa::path(
    get,
    path = paths::ACCESS,
    tag = "sessions",
    params(AccessQuery),
    responses((status = OK, body = AccessAnswer)),
    security(("person" = [])),
)]
pub(super) async fn own(
    State(api): State<Arc<Api>>,
    SignedIn(oneself): SignedIn,
    Parameters(query): Parameters<AccessQuery>,
) -> Result<Json<AccessAnswer>, Refusal> {
    let asked = query.record.as_deref().map(RecordName::parse).transpose();
    let asked = asked.map_err(|error| Refusal::new(Code::Invalid, error.to_string()))?;
    let person = api.context.person(oneself.person()).await?;
    let person = person.ok_or_else(|| Refusal::new(Code::SignIn, super::connect::WRONG))?;
    told(&api, &person, asked).await.map(Json)
}

/// What a person may open of what they ask about, which is all of theirs unless they name a record.
async fn told(api: &Api, person: &Person, asked: Option<RecordName>) -> Result<AccessAnswer, Refusal> {
    let mut records = Vec::new();
    for name in asked.map_or_else(|| person.may_launch.clone(), |name| vec![name]) {
        let record = api.context.resource(&name).await?;
        records.push(decided(api, person, &name, record.as_ref()));
    }
    records.sort_by(|one, other| one.record.cmp(&other.record));
    Ok(AccessAnswer { person: person.name.to_string(), records })
}

/// Whether a person may open a record now. Of what is not among theirs nothing is told, not even that it is there.
fn decided(api: &Api, person: &Person, name: &RecordName, record: Option<&Record>) -> Access {
    let why_not = api.context.decide(Some(person), record).err().map(|refusal| refusal.to_string());
    let theirs = record.filter(|_| person.may_launch.contains(name));
    Access {
        record: name.to_string(),
        kind: theirs.map(|record| record.kind().to_string()).unwrap_or_default(),
        allowed: why_not.is_none(),
        notes: theirs.filter(|_| why_not.is_none()).map(notes).unwrap_or_default(),
        why_not,
    }
}

/// What there is to know of a record
#[utoipa::path(
    get,
    path = paths::RECORD,
    tag = "records",
    params(("name" = String, Path, description = "The record")),
    responses((status = OK, body = RecordAnswer)),
    security(("token" = ["read"])),
)]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Path(name): Path<String>,
) -> Result<Json<RecordAnswer>, Refusal> {
    let asked = super::records::record(&api, &name).await?;
    let (name, record) = asked;
    let resource = record.resource();
    let launch = match &resource.jit.launch {
        Launch::Existing { user } => Some(credential(&api, user, &record).await?),
        Launch::Ephemeral => None,
    };
    let mut people = Vec::new();
    for object in Objects::snapshot(&*api.context.store).await?.objects {
        let Object::Person(person) = object else { continue };
        if person.may_launch.contains(&name) {
            let why_not = api.context.decide(Some(&person), Some(&record)).err().map(|refusal| refusal.to_string());
            people.push(PersonAccess { person: person.name.to_string(), allowed: why_not.is_none(), why_not });
        }
    }
    Ok(Json(RecordAnswer {
        record: name.to_string(),
        kind: record.kind().to_string(),
        labels: resource.labels.clone(),
        host: resource.host.clone(),
        port: resource.port,
        administrative_port: resource.administrative_port,
        administrative: credential(&api, &resource.administrative, &record).await?,
        launch,
        notes: notes(&record),
        people,
    }))
}

async fn credential(api: &Api, user: &RecordName, record: &Record) -> Result<Credential, Refusal> {
    let kept = Secrets::get(&*api.context.store, user).await?;
    let secret = match (kept, bound::now(user, record)) {
        (None, _) => SecretState::Missing,
        (Some(kept), Some(now)) if bound::fits(&api.context.vault, &kept, &now) => SecretState::Set,
        (Some(_), _) => SecretState::BoundElsewhere,
    };
    let login = api.context.user(user).await?.map(|user| user.login).unwrap_or_default();
    Ok(Credential { user: user.to_string(), login, secret })
}
