//! Requests that are sent again: whoever does not know whether a POST arrived sends it once more with the same `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header) and gets the first answer, and nothing is done twice. It holds for 24 hours and
//! for what succeeded; what was refused may be tried again. A key belongs to the token or local user that sent it; where a
//! person's password is what opens the way, there is nobody to keep it for, and the header is passed over.

use super::administrator::{known_token, permitted, token_of};
use super::problem::{BODY_LIMIT, Refusal};
use super::{Api, BODY_MOST, person, traces};
use crate::context::Context;
use crate::peer::Peer;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mayfly_access::person_token;
use mayfly_access::store::{Answer, Answers};
use mayfly_domain::authorise::authorise_token;
use mayfly_domain::{Scope, WallTime};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::problem::Code;
use ring::digest::{Context as Digest, SHA256};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest key.
const KEY_MOST: usize = 255;
/// The largest body that is kept; what is larger was done, and is said to have been done.
const KEPT_BODY_MOST: usize = 64 * 1024;
/// The header that carries the key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that is given again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The header of an answer that holds a secret: nobody between us and the client may keep it, and neither do we.
pub(super) type NoStore = [(HeaderName, HeaderValue); 1];

/// See [`NoStore`] (RFC 9111 §5.2.2.5).
pub(super) fn no_store() -> NoStore {
    [(CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

/// The requests with a key that are being worked on.
#[derive(Debug, Default)]
pub(crate) struct Underway(Mutex<HashSet<[u8; 32]>>);

/// The place of one request among those that are being worked on.
struct Place {
    underway: Arc<Underway>,
    key: [u8; 32],
}

impl Underway {
    fn begin(self: &Arc<Self>, key: [u8; 32]) -> Option<Place> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        fresh.then(|| Place { underway: Arc::clone(self), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.underway.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Passes a request on once, and gives its answer again to whoever repeats it.
pub(super) async fn once(State(api): State<Arc<Api>>, request: Request, next: Next) -> Result<Response, Refusal> {
    let Some(value) = request.headers().get(KEY).filter(|_| request.method() == Method::POST) else {
        return Ok(next.run(request).await);
    };
    let key = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= KEY_MOST).map(str::to_owned);
    let key = key.ok_or_else(|| {
        let text = format!("the header `Idempotency-Key` is text of 1 to {KEY_MOST} characters, such as a UUID");
        Refusal::new(Code::Invalid, text)
    })?;
    let (parts, body) = request.into_parts();
    let Some(caller) = caller(&api.context, &parts).await? else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = tokio::time::timeout(BODY_LIMIT, to_bytes(body, BODY_MOST)).await;
    let unread = "the body did not arrive in time, or is larger than this server takes";
    let body = body.ok().and_then(Result::ok).ok_or_else(|| Refusal::new(Code::Invalid, unread))?;
    let path = parts.uri.path().as_bytes();
    let hashed = hash(&[caller.as_bytes(), key.as_bytes()]);
    // The key itself is in it: what is kept tells nothing of a body to whoever has not the key.
    let asked = hash(&[key.as_bytes(), path, parts.uri.query().unwrap_or_default().as_bytes(), &body]);
    let Some(place) = api.underway.begin(hashed) else {
        let text = "a request with this `Idempotency-Key` is being worked on: ask again when it has been answered";
        return Err(Refusal::new(Code::Conflict, text));
    };
    let now = api.context.clock.wall();
    let since = now.minus(KEPT);
    match api.context.store.answer(&hashed, since).await {
        Ok(Some(answer)) => return again(answer, asked),
        Ok(None) => {}
        // Switching a person off works without the store, and must not wait for it here.
        Err(error) => tracing::error!(%error, "Whether a request was answered before is not known"),
    }
    let request = Request::from_parts(parts, Body::from(body));
    work(&api.context, place, request, next, Kept { key: hashed, request: asked, now, since }).await
}

/// Has a request worked on by a task of its own: whoever sends it again may do so because the connection broke, and with the
/// connection what it had asked for would be dropped, done or not.
async fn work(
    context: &Arc<Context>,
    place: Place,
    request: Request,
    next: Next,
    kept: Kept,
) -> Result<Response, Refusal> {
    let (reply, answer) = oneshot::channel();
    let (own, trace) = (Arc::clone(context), traces::current());
    context.tasks.spawn("request with a key", async move {
        let answered = traces::within(trace, async { keep(&own, next.run(request).await, kept).await }).await;
        drop(place);
        // Whoever asked may have gone; they find the answer when they ask again.
        let _gone = reply.send(answered);
    });
    answer.await.unwrap_or_else(|_| {
        Err(Refusal::new(
            Code::Server,
            "the server stops, or failed at this: look whether it was done before you ask again",
        ))
    })
}

/// Who asks, where it is somebody whom we can tell from others; `None` where the request itself has to show it.
async fn caller(context: &Arc<Context>, parts: &Parts) -> Result<Option<String>, Refusal> {
    let Some(peer) = parts.extensions.get::<Peer>().copied() else { return Ok(None) };
    match token_of(parts)? {
        Some(token) if person_token::is_one(&token) => {
            let oneself = person::oneself(context, peer, &token).await?;
            Ok(Some(format!("token:{}", oneself.token())))
        }
        Some(token) => {
            let token = known_token(context, peer, &token).await?;
            // Whatever its scope: it was enough when the answer was given, and is looked at again for a new one.
            let scope = token.scopes.first().copied().unwrap_or(Scope::Read);
            let by = permitted(authorise_token(token.facts(), scope, context.clock.wall()))?;
            Ok(Some(by.by().to_owned()))
        }
        None => Ok(peer.administration().map(|by| by.by().to_owned())),
    }
}

/// Each part with its length, so that no two lists of parts are hashed alike.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Digest::new(&SHA256);
    for part in parts {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    hash
}

/// Gives an answer again, if the same was asked.
fn again(answer: Answer, asked: [u8; 32]) -> Result<Response, Refusal> {
    if answer.request != asked {
        let text = "this `Idempotency-Key` was used for another request: use a new key for each";
        return Err(Refusal::new(Code::Invalid, text));
    }
    let Some(body) = answer.body else {
        let text = "this was done already, and its answer is not kept: it was given once";
        return Err(Refusal::new(Code::Conflict, text));
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Under what an answer is kept, and when.
struct Kept {
    key: [u8; 32],
    request: [u8; 32],
    now: WallTime,
    since: WallTime,
}

/// Keeps what succeeded. An answer that says `no-store` (RFC 9111 §5.2.2.5) holds a secret: only that it was given is kept.
async fn keep(context: &Arc<Context>, response: Response, kept: Kept) -> Result<Response, Refusal> {
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let secret = parts.headers.get(CACHE_CONTROL).is_some_and(|value| value == "no-store");
    let failed =
        |error: axum::Error| Refusal::new(Code::Server, format!("the answer could not be put together: {error}"));
    let bytes = to_bytes(body, usize::MAX).await.map_err(failed)?;
    let answer = Answer {
        key: kept.key,
        request: kept.request,
        status: parts.status.as_u16(),
        body: (!secret && bytes.len() <= KEPT_BODY_MOST).then(|| bytes.to_vec()),
        at: kept.now,
    };
    // It is done and has to be answered, kept or not.
    if let Err(error) = context.store.keep_answer(answer, kept.since).await {
        tracing::error!(%error, "An answer could not be kept for its idempotency key");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_worked_on_once_at_a_time() {
        let underway = Arc::new(Underway::default());
        let place = underway.begin([1; 32]);
        assert!(place.is_some() && underway.begin([1; 32]).is_none() && underway.begin([2; 32]).is_some());
        drop(place);
        assert!(underway.begin([1; 32]).is_some());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
