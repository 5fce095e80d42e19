//! Refused sign-ins in the trail: one event for each source and minute, so that a stranger cannot fill the disk and thereby
//! stop all opening.

use crate::context::Context;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use std::sync::Arc;
use std::time::Duration;

/// How often the counts are looked at.
const EVERY: Duration = Duration::from_secs(10);

/// Puts the counts on record for as long as the server runs.
pub(crate) async fn report(context: Arc<Context>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let refused = context.signins().take_refused(context.clock.wall());
        let events: Vec<_> = refused
            .into_iter()
            .map(|refused| {
                let actor =
                    refused.source.map_or_else(|| "source:others".to_owned(), |source| format!("source:{source}"));
                context
                    .event(EventKind::SigninFailed, actor)
                    .with("count", refused.count)
                    .with("minute", refused.minute)
            })
            .collect();
        if !events.is_empty()
            && let Err(error) = context.record(events).await
        {
            tracing::error!(%error, "Refused sign-ins could not be put on record");
        }
    }
}
