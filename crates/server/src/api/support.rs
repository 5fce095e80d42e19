//! What somebody who helps from afar needs to know of a server that runs. Whoever may read the trail may read this: it names people,
//! records and receivers as the trail does.

use super::administrator::{Administrator, Audit};
use super::problem::Refusal;
use super::{Api, cleanup, status, webhooks};
use crate::{metrics, overview, owed, readiness, support};
use axum::Json;
use axum::extract::State;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::{Ledger, LedgerError};
use mayfly_engine::ports::trail::Trail;
use mayfly_wire::paths;
use mayfly_wire::support::{SupportAnswer, SupportFile};
use serde_json::{Value, json};
use std::sync::Arc;

/// The most changes that are told one by one.
const OWED_MOST: u32 = 1_000;

/// Tell what somebody who helps from afar needs to know
///
/// Names of people, records, accounts and hosts are in it; secrets, keys and what they are checked against are not.
#[utoipa::path(
    get,
    path = paths::SUPPORT,
    tag = "server",
    responses((status = OK, body = SupportAnswer)),
    security(("token" = ["audit"])),
)]
pub(super) async fn tell(State(api): State<Arc<Api>>, _: Administrator<Audit>) -> Json<SupportAnswer> {
    let context = &api.context;
    let mut files = vec![support::about("the running server", context.clock.wall())];
    let said = |refusal: Refusal| refusal.into_detail();
    files.push(support::json("status.json", "how the server is", status::told(&api, true).await.map_err(said)));
    files.push(support::json(
        "health.json",
        "whether the store can be written, and what keeps the server from serving",
        health(&api),
    ));
    files.push(support::text("metrics.txt", "the metrics, in Prometheus' form", api.metrics.text().await));
    files.push(support::store(context.store.facts().await));
    files.push(support::json(
        "owed.json",
        "changes that are owed to their targets, or stay there by policy",
        owed(&api).await,
    ));
    let targets = owed::targets(context).await;
    files.push(support::json("targets.json", "targets, with what is owed to each", targets));
    files.push(support::json(
        "queues.json",
        "what waits for each target, and why one cannot be worked with",
        Ok::<_, String>(queues(&api)),
    ));
    files.push(support::json(
        "sinks.json",
        "where each sink of the trail is, and why it takes nothing",
        sinks(&api.metrics, &api).await,
    ));
    let receivers = webhooks::all(&api).await.map_err(said);
    files.push(support::json("webhooks.json", "what waits for each webhook, and why it is not taken", receivers));
    let config = Arc::clone(&api.config.borrow());
    files.extend(support::local(&config));
    files.push(support::machine());
    files.push(process());
    Json(SupportAnswer { files })
}

fn health(api: &Api) -> Result<Value, String> {
    let health = api.context.store.health();
    let doubts: Vec<String> = api.context.store.doubts().iter().map(ToString::to_string).collect();
    Ok(json!({
        "writes_fail": health.writes,
        "checkpoints_fail": health.checkpoints,
        "doubts": doubts,
        "draining": api.context.drain.held().is_some(),
        "unready": readiness::unready(&api.context),
    }))
}

async fn owed(api: &Api) -> Result<Value, LedgerError> {
    let all = overview::cleanup(&*api.context.store).await?;
    let shown = api.context.store.outstanding(None, OWED_MOST).await?;
    Ok(json!({
        "pending": all.pending,
        "can_log_in": all.can_log_in,
        "at_most": OWED_MOST,
        "changes": shown.into_iter().map(cleanup::owed).collect::<Vec<_>>(),
    }))
}

fn queues(api: &Api) -> Vec<Value> {
    let told = |queue: mayfly_engine::Queue| {
        json!({
            "target": queue.target.to_string(),
            "waiting": queue.waiting,
            "running": queue.running,
            "answers": queue.failure.is_none(),
            "failure_class": queue.failure.as_ref().map(|failure| failure.class.as_str()),
            "failure": queue.failure.as_ref().map(|failure| failure.text.as_str()),
        })
    };
    api.context.engine.queues().into_iter().map(told).collect()
}

async fn sinks(metrics: &metrics::Metrics, api: &Api) -> Result<Vec<Value>, LedgerError> {
    let size = api.context.store.size().await?;
    let told = |(name, state): &(String, Arc<mayfly_export::State>)| {
        let lag = state.lag();
        json!({
            "name": name,
            "next": lag.next,
            "behind": size.saturating_sub(lag.next),
            "failures": lag.failures,
            "gaps": lag.gaps,
            "failure": state.failure(),
        })
    };
    Ok(metrics.sinks().iter().map(told).collect())
}

/// What the kernel knows of this process: memory, threads, limits.
fn process() -> SupportFile {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}"));
    let found = read("status").and_then(|status| Ok(format!("{status}\n{}", read("limits")?)));
    support::text("process.txt", "the server's process: memory, threads, limits", found)
}
