//! Whether new sessions may be opened, and what keeps them from it.

use crate::context::Context;

/// What keeps the server from being ready; empty when it is.
pub(crate) fn unready(context: &Context) -> Vec<String> {
    let health = context.store.health();
    let writes = health.writes.map(|error| format!("the store cannot be written: {error}"));
    let checkpoints = health.checkpoints.map(|error| format!("checkpoints of the trail cannot be written: {error}"));
    let doubts = context.store.doubts().iter().map(|doubt| format!("this server only observes: {doubt}"));
    let draining = context.drain.held().map(|drain| match drain.until {
        Some(until) => format!("the server is draining: what is open is ended at {until}"),
        None => "the server is draining".to_owned(),
    });
    doubts.chain(draining).chain(writes).chain(checkpoints).collect()
}
