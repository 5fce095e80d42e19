//! The revision of the set of objects as an entity tag (RFC 9110 §8.8.3 and §13.1.1): whoever changes what they have read says
//! which revision that was, and changes nothing when it is another by now.

use super::problem::Refusal;
use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponseParts, ResponseParts};
use mayfly_wire::problem::Code;

/// The revision of an answer, as its `ETag`.
pub(super) struct Tag(pub(super) u64);

impl IntoResponseParts for Tag {
    type Error = Refusal;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Refusal> {
        let value = HeaderValue::from_str(&format!("\"{}\"", self.0));
        response.headers_mut().insert(ETAG, value.map_err(|error| Refusal::new(Code::Server, error.to_string()))?);
        Ok(response)
    }
}

/// The revision that a request is made for, from its `If-Match`; `None` where any will do.
pub(super) struct Expected(Option<u64>);

impl Expected {
    /// Refuses when the revision is another by now.
    pub(super) fn check(&self, revision: u64) -> Result<(), Refusal> {
        match self.0 {
            Some(expected) if expected != revision => {
                let text = format!(
                    "somebody changed objects meanwhile: they are at revision {revision}, and this was made for {expected}; look \
                     again what would be done"
                );
                Err(Refusal::new(Code::Conflict, text).status(StatusCode::PRECONDITION_FAILED).next("mayfly plan"))
            }
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Expected {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default();
        if text == "*" {
            return Ok(Self(None));
        }
        let revision =
            text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
        match revision {
            Some(revision) => Ok(Self(Some(revision))),
            None => Err(Refusal::new(Code::Invalid, "`If-Match` is the `ETag` of an answer: a revision in quotes")),
        }
    }
}
