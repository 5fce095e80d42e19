//! Traces of sessions, as this server sends them: the queue that the engine and the door tell, and the task that empties it.

use crate::config::{Config, Source};
use crate::context::Context;
use crate::entropy::OsEntropy;
use crate::keys;
use crate::taps::Taps;
use axum::http::HeaderName;
use mayfly_dial::tls_client_config;
use mayfly_domain::{Secret, Trust};
use mayfly_engine::Tasks;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trace::{NoTraces, Tracer};
use mayfly_export::http::{Poster, Url};
use mayfly_export::trace::{Queue, Resource, Settings, Traces, serve};
use std::sync::Arc;
use std::time::Duration;

/// How long the last spans may take at a stop.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// What is needed to send traces, before anything is opened.
pub(crate) struct Ready {
    traces: Arc<Traces>,
    queue: Queue,
    url: Url,
    poster: Poster,
    headers: Vec<(HeaderName, Secret)>,
    host: String,
}

/// Reads everything that sending traces takes; `None` where the settings name no receiver.
///
/// # Errors
/// A sentence that names the setting and what is wrong with what it names.
pub(crate) fn make(config: &Config) -> Result<Option<Ready>, String> {
    let Some(wanted) = &config.traces else { return Ok(None) };
    let url = wanted.url()?;
    let poster = if wanted.is_plain() {
        Poster::here("traces")
    } else {
        let failed = |error: String| format!("`traces.ca` {}: {error}", wanted.ca.display());
        let ca_pem = std::fs::read_to_string(&wanted.ca).map_err(|error| failed(error.to_string()))?;
        let tls = tls_client_config(&Trust::VerifyFull { ca_pem }).map_err(|error| failed(error.to_string()))?;
        let tls = tls.ok_or_else(|| failed("it says nothing of whom to believe".to_owned()))?;
        Poster::new("traces", tls, |_| true)
    };
    let headers = wanted.headers.iter().map(|(name, source)| header(name, source)).collect::<Result<_, _>>()?;
    let (traces, queue) = Traces::new();
    Ok(Some(Ready { traces, queue, url, poster, headers, host: config.public_host.clone() }))
}

fn header(name: &str, source: &Source) -> Result<(HeaderName, Secret), String> {
    let failed = |error: String| format!("`traces.headers` {name}: {error}");
    let known = HeaderName::try_from(name).map_err(|_| failed("this is no name of a header".to_owned()))?;
    let value = keys::secret_line(source).map_err(|error| failed(error.to_string()))?;
    Ok((known, value))
}

/// Whom the engine tells.
pub(crate) fn tracer(ready: Option<&Ready>) -> Arc<Taps> {
    Taps::over(match ready {
        Some(ready) => Arc::clone(&ready.traces) as Arc<dyn Tracer>,
        None => Arc::new(NoTraces),
    })
}

/// Sends what is told for as long as the tasks live; answers the near end of the queue, for the metrics and the stop.
pub(crate) fn start(ready: Option<Ready>, context: &Arc<Context>, tasks: &Tasks) -> Option<Arc<Traces>> {
    let Ready { traces, queue, url, poster, headers, host } = ready?;
    let resource = Resource { installation: context.store.installation().clone(), run: context.run.clone(), host };
    let clock = Arc::clone(&context.clock) as Arc<dyn Clock>;
    let settings = Settings { url, headers, poster, resource, clock, entropy: Box::new(OsEntropy) };
    tasks.spawn("traces", serve(queue, settings));
    Some(traces)
}

/// Gives the last spans a moment at a stop.
pub(crate) async fn finish(traces: Option<&Arc<Traces>>) {
    if let Some(traces) = traces
        && tokio::time::timeout(STOP_LIMIT, traces.delivered()).await.is_err()
    {
        tracing::warn!("The last traces were not delivered in time");
    }
}
