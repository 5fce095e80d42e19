//! The trace of a request (W3C Trace Context): the one that the caller names, or a new one. It stands in every line of the log that
//! the request brings about, in every refusal, and in the header of every answer.

use crate::entropy::OsEntropy;
use axum::extract::Request;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use mayfly_domain::trace::{SpanId, TraceId, header_of, trace_of_header};
use tracing::Instrument as _;

/// The header of a request.
const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header of an answer (W3C Trace Context, level 3).
const RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

tokio::task_local! {
    /// The trace of the request that is being worked on.
    static TRACE: TraceId;
}

/// The trace of the request that is being worked on; `None` outside of one.
pub(super) fn current() -> Option<TraceId> {
    TRACE.try_with(|trace| *trace).ok()
}

/// Work of a request that goes on in a task of its own: it belongs to the same trace.
pub(super) async fn within<T>(trace: Option<TraceId>, work: impl Future<Output = T>) -> T {
    match trace {
        Some(trace) => TRACE.scope(trace, work).await,
        None => work.await,
    }
}

/// The trace that a request names. A header that is not exactly as the specification has it, or that comes twice, names none.
fn named(headers: &HeaderMap) -> Option<TraceId> {
    let mut values = headers.get_all(PARENT).iter();
    let (value, more) = (values.next()?, values.next());
    value.to_str().ok().filter(|_| more.is_none()).and_then(trace_of_header)
}

/// Passes a request on within its trace.
pub(super) async fn traced(request: Request, next: Next) -> Response {
    let trace = named(request.headers()).unwrap_or_else(|| TraceId::random(&mut OsEntropy));
    // As an error it is there whatever is logged: it is the name of what else is.
    let span = tracing::error_span!("request", trace_id = %trace);
    let mut response = TRACE.scope(trace, next.run(request)).instrument(span).await;
    let header = header_of(trace, SpanId::random(&mut OsEntropy));
    // Digits and dashes are always a header.
    if let Ok(header) = HeaderValue::try_from(header) {
        response.headers_mut().insert(RESPONSE, header);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::problem::no_such_path;
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use mayfly_wire::problem::Problem;
    use tower_service::Service as _;

    const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// What is answered to a request with these headers: the trace of its header and that of its problem.
    async fn asked(headers: &[&str]) -> (String, String) {
        let mut router = Router::new().fallback(no_such_path).layer(from_fn(traced));
        let mut request = Request::get("/v1/nothing");
        for header in headers {
            request = request.header(PARENT, *header);
        }
        let answer = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let header = answer.headers()[RESPONSE].to_str().unwrap().to_owned();
        let problem: Problem =
            serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap();
        (trace_of_header(&header).unwrap().to_string(), problem.trace_id)
    }

    #[tokio::test]
    async fn the_callers_trace_is_taken_up() {
        let parent = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
        assert_eq!(asked(&[&parent]).await, (TRACE_ID.to_owned(), TRACE_ID.to_owned()));
    }

    #[tokio::test]
    async fn without_one_or_with_a_bad_one_a_new_one_is_drawn() {
        let good = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
        let upper = good.to_uppercase();
        for headers in [&[][..], &["nothing"], &[&upper], &[&good, &good]] {
            let (header, problem) = asked(headers).await;
            assert_eq!(header, problem, "{headers:?}");
            assert_ne!(header, TRACE_ID, "{headers:?}");
            assert_ne!(header, asked(headers).await.0, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn work_in_a_task_of_its_own_belongs_to_the_same_trace() {
        assert_eq!(current(), None);
        let trace = TraceId::random(&mut OsEntropy);
        within(Some(trace), async { assert_eq!(current(), Some(trace)) }).await;
        within(None, async { assert_eq!(current(), None) }).await;
    }
}
