//! Sessions: the list of them, everything about one, and the end of one.

use super::administrator::{Administrator, Read, Sessions};
use super::person::{Caller, not_theirs};
use super::problem::{Body, Parameters, Refusal};
use super::{Api, cleanup};
use axum::Json;
use axum::extract::{Path, State};
use mayfly_domain::{
    AccountName, ChangeState, EndReason, NameError, Oneself, PersonName, RecordName, SessionId, SessionState, WallTime,
};
use mayfly_engine::Closing;
use mayfly_engine::ports::history::{Asked, History};
use mayfly_engine::ports::ledger::{Footprint, Held, Ledger, SessionRow};
use mayfly_wire::Page;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::sessions::{EndAnswer, EndRequest, Session, SessionQuery, Story};
use std::sync::Arc;
use std::time::Duration;

/// The most items of one page.
pub(super) const PAGE_MOST: u32 = 500;
/// The most entries of the trail that are told of one session.
const ENTRIES_MOST: u32 = 1_000;
/// The longest reason that somebody may give, in characters.
const REASON_MOST: usize = 500;
/// How long the answer to an end waits until everything is seen to be gone. Connections are cut and the end is written down long
/// before; a target that does not answer must not keep whoever asks waiting.
const END_WAIT: Duration = Duration::from_secs(5);

fn worded(row: SessionRow) -> Session {
    Session {
        id: row.id.to_string(),
        person: row.person.to_string(),
        record: row.record.to_string(),
        target: row.target.to_string(),
        account: row.account.to_string(),
        state: row.state.as_str().to_owned(),
        opened_at: row.opened_at.to_string(),
        deadline: row.deadline.to_string(),
        since: row.since.to_string(),
        end_reason: row.end_reason.map(|reason| reason.as_str().to_owned()),
    }
}

/// Refuses a reason that is too long.
pub(super) fn check_reason(reason: Option<&str>) -> Result<(), Refusal> {
    if reason.is_some_and(|reason| reason.chars().count() > REASON_MOST) {
        return Err(Refusal::new(Code::Invalid, format!("a reason has at most {REASON_MOST} characters")));
    }
    Ok(())
}

pub(super) fn session_id(text: &str) -> Result<SessionId, Refusal> {
    SessionId::parse(text).map_err(|error| {
        Refusal::new(Code::Invalid, format!("this is not the id of a session: {error}")).next("mayfly sessions ls")
    })
}

/// List sessions, the newest first; of a person who has signed in, their own
#[utoipa::path(
    get,
    path = paths::SESSIONS,
    tag = "sessions",
    params(SessionQuery),
    responses((status = OK, body = Page<Session>)),
    security(("token" = ["read"]), ("person" = [])),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller<Read>,
    Parameters(query): Parameters<SessionQuery>,
) -> Result<Json<Page<Session>>, Refusal> {
    let limit = query.limit.unwrap_or(PAGE_MOST).clamp(1, PAGE_MOST);
    let before = query.after.as_deref().map(str::parse).transpose();
    let before = before.map_err(|_| Refusal::new(Code::Invalid, "`after` is the `next` of a page before"))?;
    let mut asked = asked(&query)?;
    if let Caller::Person(oneself) = caller {
        if asked.person.as_ref().is_some_and(|person| person != oneself.person()) {
            return Err(not_theirs());
        }
        asked.person = Some(oneself.person().clone());
    }
    let rows = api.context.store.sessions(&asked, before, limit).await?;
    let next = if rows.len() == limit as usize { rows.last().map(|row| row.made.to_string()) } else { None };
    Ok(Json(Page { items: rows.into_iter().map(|row| worded(row.session)).collect(), next }))
}

/// A moment of a query.
pub(super) fn moment(name: &str, text: Option<&str>) -> Result<Option<WallTime>, Refusal> {
    match text.map(WallTime::parse) {
        None => Ok(None),
        Some(Some(moment)) => Ok(Some(moment)),
        Some(None) => {
            Err(Refusal::new(Code::Invalid, format!("`{name}` is no time of RFC 3339, such as 2026-11-24T16:00:00Z")))
        }
    }
}

/// What a query asks for, each part checked.
fn asked(query: &SessionQuery) -> Result<Asked, Refusal> {
    let invalid = |error: NameError| Refusal::new(Code::Invalid, error.to_string());
    Ok(Asked {
        over: query.over,
        account: query.account.as_deref().map(AccountName::existing),
        person: query.person.as_deref().map(PersonName::parse).transpose().map_err(invalid)?,
        record: query.record.as_deref().map(RecordName::parse).transpose().map_err(invalid)?,
        until: moment("until", query.until.as_deref())?,
        from: moment("from", query.from.as_deref())?,
    })
}

/// Tell everything that is known of a session, also of one that is over
#[utoipa::path(
    get,
    path = paths::SESSION,
    tag = "sessions",
    params(("id" = String, Path, description = "The session")),
    responses((status = OK, body = Story)),
    security(("token" = ["read"])),
)]
pub(super) async fn tell(
    State(api): State<Arc<Api>>,
    _: Administrator<Read>,
    Path(id): Path<String>,
) -> Result<Json<Story>, Refusal> {
    let id = session_id(&id)?;
    let Some(footprint) = api.context.store.footprint(&id).await? else {
        return Err(Refusal::new(Code::NotFound, format!("there is no session {id}")).next("mayfly sessions ls --all"));
    };
    let mut changes = Vec::new();
    for change in &footprint.changes {
        changes.extend(api.context.store.change(&change.id).await?.map(cleanup::owed));
    }
    let told = api.context.store.story(&id, ENTRIES_MOST + 1).await?;
    let more = told.len() > ENTRIES_MOST as usize;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let entries = told.iter().take(ENTRIES_MOST as usize).map(|entry| text(&entry.bytes)).collect();
    Ok(Json(Story { session: worded(footprint.session), changes, entries, more }))
}

/// End a session: cut its connections and take its account away; a person who has signed in ends their own
#[utoipa::path(
    post,
    path = paths::SESSION_END,
    tag = "sessions",
    params(("id" = String, Path, description = "The session")),
    request_body = EndRequest,
    responses((status = OK, body = EndAnswer)),
    security(("token" = ["sessions"]), ("person" = [])),
)]
pub(super) async fn end(
    State(api): State<Arc<Api>>,
    caller: Caller<Sessions>,
    Path(id): Path<String>,
    Body(request): Body<EndRequest>,
) -> Result<Json<EndAnswer>, Refusal> {
    let id = session_id(&id)?;
    check_reason(request.reason.as_deref())?;
    let (why, by) = match caller {
        Caller::Administrator(by, _) => (EndReason::Terminated, by.by().to_owned()),
        Caller::Person(oneself) => {
            own(&api, &oneself, &id).await?;
            (EndReason::Stopped, format!("person:{}", oneself.person()))
        }
    };
    let Some(closed) = api.context.engine.end(&id, why, &by, request.reason) else {
        let known = api.context.store.footprint(&id).await?;
        let detail = match known {
            Some(Footprint { session, .. })
                if session.run != api.context.run && session.state != SessionState::Ended =>
            {
                format!("session {id} is of an earlier run of the server and is taken out already")
            }
            Some(footprint) => format!("session {id} is {} already", footprint.session.state.as_str()),
            None => format!("there is no session {id}"),
        };
        return Err(Refusal::new(Code::NotFound, detail).next("mayfly sessions ls"));
    };
    match tokio::time::timeout(END_WAIT, closed).await {
        Ok(Ok(Closing::Clean)) => Ok(Json(EndAnswer { id: id.to_string(), clean: true, owed: Vec::new() })),
        _ => still_owed(&api, &id).await.map(Json),
    }
}

/// Refuses a session that is somebody else's as one that is not there.
async fn own(api: &Api, oneself: &Oneself, id: &SessionId) -> Result<(), Refusal> {
    let known = api.context.store.footprint(id).await?;
    if known.is_some_and(|footprint| footprint.session.person == *oneself.person()) {
        return Ok(());
    }
    Err(Refusal::new(Code::NotFound, format!("you have no session {id}")).next("mayfly sessions ls"))
}

/// What is still owed of a session whose connections are cut.
async fn still_owed(api: &Api, id: &SessionId) -> Result<EndAnswer, Refusal> {
    let footprint = api.context.store.footprint(id).await?;
    let ended = footprint.as_ref().is_none_or(|footprint| footprint.session.state == SessionState::Ended);
    let mut owed = Vec::new();
    for change in footprint.into_iter().flat_map(|footprint| footprint.changes) {
        // What others hold is theirs now.
        let ours = |held: &Held| held.change.state == ChangeState::Withdrawing || held.holds.contains(id);
        owed.extend(api.context.store.change(&change.id).await?.filter(ours).map(cleanup::owed));
    }
    Ok(EndAnswer { id: id.to_string(), clean: ended && owed.is_empty(), owed })
}
