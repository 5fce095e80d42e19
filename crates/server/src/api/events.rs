//! The trail as it grows, as server-sent events (WHATWG HTML §9.2): one event for each entry, its number as the id, so that a
//! client that comes back with `Last-Event-ID` misses nothing. A stream is ended after a quarter of an hour; the client that
//! comes back is asked again who it is, so that a token which was taken back or has ended is not listened to for longer.

use super::Api;
use super::administrator::{Administrator, Audit};
use super::problem::{Parameters, Refusal};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use mayfly_domain::BootTime;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::{Trail, TrailEntry};
use mayfly_wire::audit::EventsQuery;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many may follow at once.
const FOLLOWERS_MOST: usize = 32;
/// How long one stream lasts.
const LASTS: Duration = Duration::from_secs(15 * 60);
/// How often a stream that has nothing to say shows that it is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Entries read at once.
const PAGE: u32 = 256;

/// The places of those who follow the trail.
#[derive(Debug)]
pub(crate) struct Followers(Arc<Semaphore>);

impl Default for Followers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(FOLLOWERS_MOST)))
    }
}

/// Follow the trail as server-sent events
///
/// The data of each event is an entry as it is hashed, its id the number of the entry, its name the kind.
#[utoipa::path(
    get,
    path = paths::EVENTS,
    tag = "audit",
    params(
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last entry that the client has seen"),
    ),
    responses((status = OK, body = String, content_type = "text/event-stream")),
    security(("token" = ["audit"])),
)]
pub(super) async fn follow(
    State(api): State<Arc<Api>>,
    _: Administrator<Audit>,
    Parameters(query): Parameters<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, LedgerError>>>, Refusal> {
    let seen = headers.get("last-event-id").map(|value| value.to_str().ok().and_then(|text| text.parse::<u64>().ok()));
    let after = match seen {
        Some(Some(seen)) => Some(seen.saturating_add(1)),
        Some(None) => {
            return Err(Refusal::new(Code::Invalid, "`Last-Event-ID` is the id of an event: the number of an entry"));
        }
        None => query.from,
    };
    let place = Arc::clone(&api.followers.0).try_acquire_owned().map_err(|_| {
        Refusal::new(Code::Busy, format!("{FOLLOWERS_MOST} clients follow the trail already: close one, or ask later"))
    })?;
    let size = api.context.store.trail_size();
    let next = match after {
        Some(from) => from,
        None => api.context.store.size().await?,
    };
    let ends = api.context.clock.boot().plus(LASTS);
    let following = Following { api, kind: query.kind, next, size, read: VecDeque::new(), ends, _place: place };
    let events = stream::try_unfold(following, |mut following| async {
        Ok(following.event().await?.map(|event| (event, following)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)))
}

/// One client that follows.
struct Following {
    api: Arc<Api>,
    kind: Option<String>,
    next: u64,
    size: watch::Receiver<u64>,
    read: VecDeque<TrailEntry>,
    ends: BootTime,
    _place: OwnedSemaphorePermit,
}

/// What is needed of an entry to name its event.
#[derive(Deserialize)]
struct Named {
    kind: String,
}

impl Following {
    /// The next event that is wanted; `None` when the stream has lasted long enough.
    async fn event(&mut self) -> Result<Option<Event>, LedgerError> {
        while let Some(left) = self.left() {
            while let Some(entry) = self.read.pop_front() {
                self.next = entry.sequence.saturating_add(1);
                if let Some(event) = self.wanted(&entry) {
                    return Ok(Some(event));
                }
            }
            // Marked as seen before it is read: what is written meanwhile wakes us again.
            self.size.borrow_and_update();
            self.read = self.api.context.store.entries(self.next, PAGE).await?.into();
            if self.read.is_empty() {
                match tokio::time::timeout(left, self.size.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return Ok(None),
                }
            }
        }
        Ok(None)
    }

    /// How long the stream goes on; `None` when it has lasted long enough.
    fn left(&self) -> Option<Duration> {
        let left = self.ends.since(self.api.context.clock.boot());
        (!left.is_zero()).then_some(left)
    }

    fn wanted(&self, entry: &TrailEntry) -> Option<Event> {
        let named = serde_json::from_slice::<Named>(&entry.bytes).ok()?;
        let wanted = self.kind.as_deref().is_none_or(|kind| is_of(&named.kind, kind));
        let text = String::from_utf8_lossy(&entry.bytes);
        wanted.then(|| Event::default().id(entry.sequence.to_string()).event(named.kind).data(text))
    }
}

/// Whether a kind is the one wanted or one of its kinds.
fn is_of(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn a_kind_is_wanted_by_itself_or_by_its_group() {
        assert!(is_of("session.launched", "session") && is_of("session.launched", "session.launched"));
        assert!(!is_of("session.launched", "sess") && !is_of("session", "session.launched"));
    }
}
