//! The couriers of webhooks, as this server starts them.

use crate::config::Config;
use crate::context::Context;
use mayfly_dial::tls_client_config;
use mayfly_domain::Trust;
use mayfly_engine::Tasks;
use mayfly_engine::ports::clock::Clock;
use mayfly_export::webhook::{Couriers, Settings};
use std::sync::{Arc, Mutex};

/// Serves webhooks for as long as the tasks live. Where the authorities cannot be read nothing is posted, and the log says why: no
/// session depends on it.
pub(crate) fn start(config: &Config, context: &Arc<Context>, tasks: &Tasks) {
    if context.store.observing() {
        return;
    }
    let path = &config.webhooks.ca;
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let tls =
        read.and_then(|ca_pem| tls_client_config(&Trust::VerifyFull { ca_pem }).map_err(|error| error.to_string()));
    let tls = match tls {
        Ok(Some(tls)) => tls,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "No webhook is served: `webhooks.ca` cannot be used");
            return;
        }
    };
    let couriers = Couriers::new(Settings {
        store: Arc::clone(&context.store),
        clock: Arc::clone(&context.clock) as Arc<dyn Clock>,
        seed: context.authorities.seed_for_webhooks(),
        tls,
        run: context.run.clone(),
        entropy: Mutex::new(Box::new(context.entropy())),
    });
    tasks.spawn("webhooks", couriers.serve(tasks.clone()));
}
