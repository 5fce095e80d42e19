//! The sinks of the trail that the settings name: made at the start, each served by a task of its own.

use crate::config::{Config, Sink as Wanted, Syslog as Receiver};
use crate::context::Context;
use crate::keys;
use async_trait::async_trait;
use mayfly_dial::ClientIdentity;
use mayfly_domain::Secret;
use mayfly_domain::audit::EventKind;
use mayfly_engine::Tasks;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trail::{Cursors, Trail};
use mayfly_export::{FileSink, Notes, Parts, Sink, State, Syslog, SyslogSettings, serve};
use std::path::Path;
use std::sync::Arc;

/// How each sink does, for the metrics.
pub(crate) type States = Vec<(String, Arc<State>)>;

/// A sink that is ready to be served.
pub(crate) struct Ready {
    name: String,
    sink: Box<dyn Sink>,
}

/// Makes every sink that the settings name, without opening anything.
///
/// # Errors
/// A sentence that names the setting and what is wrong with what it names.
pub(crate) fn make(config: &Config) -> Result<Vec<Ready>, String> {
    let made = |wanted: &Wanted| {
        let failed = |error: String| format!("`audit.sinks` {}: {error}", wanted.name);
        let sink: Box<dyn Sink> = match (&wanted.file, &wanted.syslog) {
            (Some(path), _) => Box::new(FileSink::new(path.clone(), wanted.encoding)),
            (None, Some(receiver)) => Box::new(syslog(wanted, receiver, &config.public_host).map_err(failed)?),
            (None, None) => return Err(failed("name either `file` or `syslog`".to_owned())),
        };
        Ok(Ready { name: wanted.name.clone(), sink })
    };
    config.audit.sinks.iter().map(made).collect()
}

fn syslog(wanted: &Wanted, receiver: &Receiver, host: &str) -> Result<Syslog, String> {
    let identity = match (&receiver.certificate, &receiver.key) {
        (Some(path), Some(key)) => {
            let key = keys::private_pem(key).map_err(|error| format!("`syslog.key`: {error}"))?;
            Some(ClientIdentity { certificates: text(path)?, key: Secret::new(key.expose().to_owned()) })
        }
        _ => None,
    };
    let settings = SyslogSettings {
        name: wanted.name.clone(),
        endpoint: receiver.endpoint().ok_or("`syslog.address` is not a host and a port")?,
        ca_pem: text(&receiver.ca)?,
        identity,
        encoding: wanted.encoding,
        host: host.to_owned(),
    };
    Syslog::new(settings).map_err(|error| format!("`syslog`: {error}"))
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Serves the sinks for as long as the tasks live; answers how each does. A store that may not be the one that counts is not
/// delivered: its entries would have the numbers of others.
pub(crate) fn start(ready: Vec<Ready>, context: &Arc<Context>, tasks: &Tasks) -> States {
    let mut states = Vec::new();
    if context.store.observing() {
        return states;
    }
    for Ready { name, sink } in ready {
        let state = Arc::new(State::default());
        states.push((name.clone(), Arc::clone(&state)));
        let parts = Parts {
            name,
            sink,
            trail: Arc::clone(&context.store) as Arc<dyn Trail>,
            cursors: Arc::clone(&context.store) as Arc<dyn Cursors>,
            clock: Arc::clone(&context.clock) as Arc<dyn Clock>,
            notes: Arc::new(Trouble(Arc::clone(context))),
            state,
        };
        tasks.spawn("audit sink", serve(parts));
    }
    states
}

/// Puts trouble with a sink into the trail.
struct Trouble(Arc<Context>);

#[async_trait]
impl Notes for Trouble {
    async fn note(&self, kind: EventKind, sink: &str, reason: &str) {
        let mut event = self.0.event(kind, "server").with("sink", sink);
        event.reason = Some(reason.to_owned());
        if let Err(error) = self.0.record(vec![event]).await {
            tracing::error!(%error, sink, "Trouble with a sink could not be put on record");
        }
    }
}
