//! The log: lines on standard error, for people or as JSON. In JSON a line that a request of the API brought about has the trace of that
//! request as `trace_id` beside its message; in lines for people it stands in front, with the request.

use crate::config::{Log, LogFormat};
use serde_json::Value;
use std::fmt;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload::{Error, Handle};

/// The log of this process.
pub(crate) struct Logging {
    set: Box<dyn Fn(EnvFilter) -> Result<(), Error> + Send + Sync>,
}

impl Logging {
    /// Logs from now on what these settings say. Their form is that of the next start.
    ///
    /// # Errors
    /// A sentence when the level is not a filter.
    pub(crate) fn set(&self, log: &Log) -> Result<(), String> {
        (self.set)(filter(log)?).map_err(|error| format!("`log.level` cannot be changed: {error}"))
    }

    fn of<S: 'static>(handle: Handle<EnvFilter, S>) -> Self {
        Self { set: Box::new(move |filter| handle.reload(filter)) }
    }
}

fn filter(log: &Log) -> Result<EnvFilter, String> {
    EnvFilter::try_new(&log.level)
        .map_err(|error| format!("`log.level` is no filter: {error}: use error, warn, info, debug or trace"))
}

/// Starts the log of this process. A second call changes nothing.
///
/// # Errors
/// A sentence when the level is not a filter.
pub(crate) fn start(log: &Log) -> Result<Logging, String> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(log)?).with_writer(std::io::stderr);
    // Only tests start twice in one process.
    Ok(match log.format {
        LogFormat::Text => {
            let builder = builder.with_ansi(false).with_filter_reloading();
            let handle = Logging::of(builder.reload_handle());
            drop(builder.try_init());
            handle
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).map_event_format(WithTrace).with_filter_reloading();
            let handle = Logging::of(builder.reload_handle());
            drop(builder.try_init());
            handle
        }
    })
}

/// A form of lines in JSON to which the trace of the request is added, where a program looks for it.
struct WithTrace<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let fields_of = |span: tracing_subscriber::registry::SpanRef<'_, S>| {
            let fields = span.extensions().get::<FormattedFields<N>>()?.fields.clone();
            let read: Value = serde_json::from_str(&fields).ok()?;
            Some(read.get("trace_id")?.as_str()?.to_owned())
        };
        let trace = context.event_scope().and_then(|mut spans| spans.find_map(fields_of));
        match (trace, line.strip_prefix('{')) {
            (Some(trace), Some(rest)) => write!(writer, "{{\"trace_id\":\"{trace}\",{rest}"),
            _ => writer.write_str(&line),
        }
    }
}
