//! Spans as OTLP has them, in the messages of OpenTelemetry's own crate.

use mayfly_domain::trace::{SpanId, TraceId};
use mayfly_domain::{Entropy, InstallationId, RunId, WallTime};
use mayfly_engine::ports::trace::{Span, Step};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as Described;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Exported, Status, span, status};
use prost::Message as _;

/// The media type of what is posted.
pub(super) const MEDIA_TYPE: &str = "application/x-protobuf";
/// The flags of a span: sampled, and its parent is known to be none of another process (`SpanFlags`).
const FLAGS: u32 = 0x101;

/// Who tells.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The installation.
    pub installation: InstallationId,
    /// This run of the server.
    pub run: RunId,
    /// The host under whose name clients reach it.
    pub host: String,
}

/// The body of a request that tells of these steps.
pub(super) fn request(resource: &Resource, spans: &[Span], entropy: &mut dyn Entropy) -> Vec<u8> {
    let described = Described {
        attributes: vec![
            attribute("service.name", "mayfly"),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
            attribute("service.instance.id", resource.run.as_str()),
            attribute("server.address", &resource.host),
            attribute("mayfly.installation", resource.installation.as_str()),
        ],
        ..Described::default()
    };
    let scope = InstrumentationScope { name: "mayfly".to_owned(), ..InstrumentationScope::default() };
    let spans = spans.iter().map(|span| exported(span, entropy)).collect();
    let told = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
    let all = ResourceSpans { resource: Some(described), scope_spans: vec![told], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![all] }.encode_to_vec()
}

/// How many spans the receiver says that it did not take, though it answers that all is well. An answer that cannot be read says nothing.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let partial = ExportTraceServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
    partial.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0))
}

fn exported(span: &Span, entropy: &mut dyn Entropy) -> Exported {
    let root = SpanId::of_session(&span.session);
    let (id, parent) = match span.step {
        Step::Session => (root, Vec::new()),
        _ => (SpanId::random(entropy), root.bytes().to_vec()),
    };
    let failed = Status { code: status::StatusCode::Error.into(), message: String::new() };
    Exported {
        trace_id: TraceId::of_session(&span.session).bytes().to_vec(),
        span_id: id.bytes().to_vec(),
        parent_span_id: parent,
        flags: FLAGS,
        name: span.step.as_str().to_owned(),
        kind: span::SpanKind::Internal.into(),
        start_time_unix_nano: nanos(span.from),
        end_time_unix_nano: nanos(span.until),
        attributes: attributes(span),
        status: span.failure.map(|_| failed),
        ..Exported::default()
    }
}

fn attributes(span: &Span) -> Vec<KeyValue> {
    let outcome = if span.failure.is_some() { "failed" } else { "done" };
    let known = [
        ("mayfly.session", Some(span.session.as_str())),
        ("mayfly.record", span.record.as_ref().map(|record| record.as_str())),
        ("mayfly.target.kind", span.provider.as_deref()),
        ("mayfly.change", span.change.as_ref().map(|(id, _)| id.as_str())),
        ("mayfly.change.kind", span.change.as_ref().map(|(_, kind)| kind.as_str())),
        ("mayfly.connection", span.connection.as_ref().map(|connection| connection.as_str())),
        ("mayfly.end", span.end.map(|reason| reason.as_str())),
        ("mayfly.outcome", Some(outcome)),
        ("error.type", span.failure.map(|class| class.as_str())),
    ];
    known.into_iter().filter_map(|(name, value)| Some(attribute(name, value?))).collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    KeyValue { key: name.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn nanos(moment: WallTime) -> u64 {
    u64::try_from(moment.micros()).unwrap_or(0).saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::{ChangeId, ChangeKind, FailureClass, RecordName, SessionId};
    use mayfly_engine::ports::provider::CloseVerb;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0 += 1;
            bytes.fill(self.0);
        }
    }

    #[test]
    fn steps_belong_to_their_session_and_say_what_they_know() {
        let session = SessionId::parse("ses_0123456789abcdef").unwrap();
        let (from, until) = (WallTime::from_micros(2), WallTime::from_micros(5));
        let mut root = Span::between(&session, Step::Session, from, until);
        root.record = Some(RecordName::parse("orders").unwrap());
        let mut remove = Span::between(&session, Step::Close(CloseVerb::Remove), from, until);
        remove.change = Some((ChangeId::parse("chg_0000000000000001").unwrap(), ChangeKind::Account));
        remove.failure = Some(FailureClass::Unreachable);
        let resource = Resource {
            installation: InstallationId::parse("ins_0000000000000000").unwrap(),
            run: RunId::parse("run_0000000000000000").unwrap(),
            host: "gw".to_owned(),
        };
        let body = request(&resource, &[root, remove], &mut Fixed(0));
        let read = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let spans = &read.resource_spans[0].scope_spans[0].spans;
        let (root, remove) = (&spans[0], &spans[1]);
        assert_eq!((root.name.as_str(), remove.name.as_str()), ("session", "remove"));
        assert_eq!((root.start_time_unix_nano, root.end_time_unix_nano), (2_000, 5_000));
        assert_eq!(root.trace_id, remove.trace_id);
        assert_eq!((root.parent_span_id.len(), &remove.parent_span_id), (0, &root.span_id));
        assert_eq!((root.trace_id.len(), root.span_id.len(), remove.span_id.as_slice()), (16, 8, &[1; 8][..]));
        assert!(root.status.is_none());
        let status = remove.status.as_ref().unwrap();
        assert_eq!((status.code(), status.message.as_str()), (status::StatusCode::Error, ""));
        let told = |span: &Exported| -> Vec<String> {
            span.attributes.iter().map(|one| format!("{}={:?}", one.key, one.value.as_ref().unwrap().value)).collect()
        };
        let expected = |name: &str, value: &str| format!("{name}=Some(StringValue({value:?}))");
        assert!(told(root).contains(&expected("mayfly.record", "orders")), "{:?}", told(root));
        for (name, value) in [
            ("mayfly.session", "ses_0123456789abcdef"),
            ("mayfly.change", "chg_0000000000000001"),
            ("mayfly.change.kind", "account"),
            ("mayfly.outcome", "failed"),
            ("error.type", FailureClass::Unreachable.as_str()),
        ] {
            assert!(told(remove).contains(&expected(name, value)), "{name}: {:?}", told(remove));
        }
        assert!(!told(remove).iter().any(|text| text.starts_with("mayfly.record")));
    }

    #[test]
    fn what_was_not_taken_is_read_from_the_answer() {
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: String::new() };
        let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
        assert_eq!(rejected(&answer.encode_to_vec()), 3);
        assert_eq!(rejected(&ExportTraceServiceResponse::default().encode_to_vec()), 0);
        assert_eq!((rejected(b""), rejected(b"{}")), (0, 0));
    }
}
