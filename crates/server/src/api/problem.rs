//! Refusals of the API, and the extractors that refuse what parameters and bodies cannot be.

use super::traces;
use crate::orphans::ScanError;
use crate::owed::ReadError;
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use mayfly_access::store::StoreError;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_wire::problem::{Code, MEDIA_TYPE, Problem};
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Numbers the refusals of this run, so that one can be found in the log.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// How long a body may take to arrive, whoever sends it at whatever pace.
pub(super) const BODY_LIMIT: Duration = Duration::from_secs(10);

/// A refusal on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: Code,
    detail: String,
    next: Vec<String>,
}

impl Refusal {
    /// A refusal of this kind, with what was wrong and what to do.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { status: status(code), code, detail: detail.into(), next: Vec::new() }
    }

    /// What was wrong, for an answer that goes on without what was refused.
    pub(crate) fn into_detail(self) -> String {
        self.detail
    }

    /// The refusal with another status than its code has.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The refusal with a command that may help.
    pub(crate) fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }
}

const fn status(code: Code) -> StatusCode {
    match code {
        Code::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Code::SignIn => StatusCode::UNAUTHORIZED,
        Code::Locked | Code::Busy => StatusCode::TOO_MANY_REQUESTS,
        Code::NotPermitted => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::TargetFailed => StatusCode::BAD_GATEWAY,
        Code::Conflict => StatusCode::CONFLICT,
        Code::Server => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status;
        let request_id = format!("req_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        tracing::info!(request_id, code = ?self.code, detail = self.detail, "A request was refused");
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("refused").to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code,
            request_id,
            trace_id: traces::current().map_or_else(String::new, |trace| trace.to_string()),
            next: self.next,
        };
        let mut response = (status, Json(problem)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 wants the way to sign in named; RFC 6750 names ours.
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mayfly\""));
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "The store did not answer");
        Self::new(Code::Server, error.to_string())
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Expectation(text) => Self::new(Code::Conflict, text),
            LedgerError::Unavailable(_) => {
                tracing::error!(%error, "The store did not answer");
                Self::new(Code::Server, error.to_string())
            }
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Ledger(error) => error.into(),
            ReadError::Access(error) => error.into(),
        }
    }
}

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Target(failure) => failure.into(),
            ScanError::Access(error) => error.into(),
            ScanError::Ledger(error) => error.into(),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let code = match failure.class {
            FailureClass::Busy => Code::Busy,
            FailureClass::Conflict | FailureClass::IdentityChanged => Code::Conflict,
            FailureClass::Unreachable
            | FailureClass::CredentialsRefused
            | FailureClass::NotPermitted
            | FailureClass::OutcomeUnknown => Code::TargetFailed,
            FailureClass::Bug => Code::Server,
        };
        Self::new(code, failure.text)
    }
}

/// The answer to a path that does not exist.
pub(crate) async fn no_such_path() -> Refusal {
    Refusal::new(Code::NotFound, "the API has no such path")
}

/// The answer to a path that exists and is asked in another way.
pub(crate) async fn no_such_method() -> Refusal {
    Refusal::new(Code::NotFound, "the API has this path, and no such method for it")
        .status(StatusCode::METHOD_NOT_ALLOWED)
}

/// The parameters of a request; what cannot be read is refused.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(value)| Self(value)).map_err(|rejection| Refusal::new(Code::Invalid, rejection.body_text()))
    }
}

/// A JSON body; what cannot be read is refused with where and why.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let read = tokio::time::timeout(BODY_LIMIT, Json::<T>::from_request(request, state)).await;
        let late =
            |_| Refusal::new(Code::Invalid, format!("the body did not arrive within {} s", BODY_LIMIT.as_secs()));
        match read.map_err(late)? {
            Ok(Json(body)) => Ok(Self(body)),
            // The words of the JSON parser may repeat what was sent, and a secret may be in it: only the kind is said.
            Err(rejection) => {
                let detail = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than this server takes",
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => "the body is not said to be application/json",
                    _ => "the body is not the JSON that this path takes",
                };
                Err(Refusal::new(Code::Invalid, detail))
            }
        }
    }
}
