//! `/metrics` in Prometheus' text form, `/healthz` and `/readyz`. No label names a person or a record.

use crate::context::Context;
use crate::sinks::States;
use crate::{http, orphans, overview, readiness};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use mayfly_engine::Tasks;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::Trail;
use mayfly_export::trace::Traces;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How many scrapers are served at once.
const SCRAPERS_MOST: usize = 16;
/// How long to wait after the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The metrics of one server.
pub(crate) struct Metrics {
    context: Arc<Context>,
    handle: PrometheusHandle,
    recorder: PrometheusRecorder,
    sinks: States,
    traces: Option<Arc<Traces>>,
}

impl Metrics {
    /// Metrics about this server.
    pub(crate) fn new(context: Arc<Context>, sinks: States, traces: Option<Arc<Traces>>) -> Arc<Self> {
        let recorder = PrometheusBuilder::new().build_recorder();
        Arc::new(Self { context, handle: recorder.handle(), recorder, sinks, traces })
    }

    /// The metrics as they are now, in Prometheus' text form.
    ///
    /// # Errors
    /// [`LedgerError`] when the store does not answer.
    pub(crate) async fn text(&self) -> Result<String, LedgerError> {
        self.refresh().await?;
        Ok(self.handle.render())
    }

    /// How each sink of the trail does.
    pub(crate) const fn sinks(&self) -> &States {
        &self.sinks
    }

    /// Sets every gauge to what it is now.
    async fn refresh(&self) -> Result<(), LedgerError> {
        let cleanup = overview::cleanup(&*self.context.store).await?;
        let age = cleanup.oldest_since.map_or(0, |since| self.context.clock.wall().micros().saturating_sub(since));
        let orphans = orphans::open(&self.context).await;
        let orphans = orphans.map_err(|error| LedgerError::Unavailable(error.to_string()))?;
        let (counts, ready) = (self.context.store.counts(), readiness::unready(&self.context).is_empty());
        metrics::with_local_recorder(&self.recorder, || {
            metrics::gauge!("mayfly_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            metrics::gauge!("mayfly_ready").set(if ready { 1.0 } else { 0.0 });
            metrics::gauge!("mayfly_observing").set(if self.context.store.observing() { 1.0 } else { 0.0 });
            metrics::gauge!("mayfly_epoch").set(count(self.context.store.epoch()));
            metrics::gauge!("mayfly_sessions_active").set(count(self.context.engine.running() as u64));
            let blocked = cleanup.pending.saturating_sub(cleanup.can_log_in);
            metrics::gauge!("mayfly_cleanup_pending", "can_login" => "true").set(count(cleanup.can_log_in));
            metrics::gauge!("mayfly_cleanup_pending", "can_login" => "false").set(count(blocked));
            metrics::gauge!("mayfly_orphans").set(count(orphans));
            metrics::gauge!("mayfly_cleanup_oldest_age_seconds").set(seconds(age));
            metrics::counter!("mayfly_store_transactions_total").absolute(counts.transactions);
            metrics::counter!("mayfly_store_entries_total").absolute(counts.entries);
            metrics::counter!("mayfly_audit_checkpoints_total").absolute(counts.checkpoints);
            if let Some(traces) = &self.traces {
                metrics::counter!("mayfly_trace_spans_dropped_total").absolute(traces.dropped());
            }
        });
        self.refresh_sinks().await
    }

    /// How far behind each sink of the trail is.
    async fn refresh_sinks(&self) -> Result<(), mayfly_engine::ports::ledger::LedgerError> {
        let (size, now) = (self.context.store.size().await?, self.context.clock.wall());
        metrics::with_local_recorder(&self.recorder, || {
            for (sink, state) in &self.sinks {
                let lag = state.lag();
                let age = lag.oldest.map_or(0, |oldest| now.offset_from(oldest).max(0));
                metrics::gauge!("mayfly_sink_lag_seconds", "sink" => sink.clone()).set(seconds(age));
                let behind = count(size.saturating_sub(lag.next));
                metrics::gauge!("mayfly_sink_lag_entries", "sink" => sink.clone()).set(behind);
                metrics::counter!("mayfly_sink_failures_total", "sink" => sink.clone()).absolute(lag.failures);
                metrics::counter!("mayfly_sink_gaps_total", "sink" => sink.clone()).absolute(lag.gaps);
            }
        });
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts beyond 2^53 do not occur")]
fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; an age needs no microseconds")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

async fn render(State(metrics): State<Arc<Metrics>>) -> Result<String, StatusCode> {
    metrics.text().await.map_err(|error| {
        tracing::error!(%error, "The metrics could not be read");
        StatusCode::SERVICE_UNAVAILABLE
    })
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(metrics): State<Arc<Metrics>>) -> (StatusCode, String) {
    let unready = readiness::unready(&metrics.context);
    if unready.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, unready.join("\n") + "\n")
    }
}

/// Serves scrapers until the task set ends.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, tasks: Tasks) {
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(metrics);
    let places = Arc::new(Semaphore::new(SCRAPERS_MOST));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tasks.spawn("scraper", async move {
                    http::connection(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "A scraper could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
