//! The task that empties the queue: it gathers a batch, posts it, and sends it again for as long as the protocol allows.

use super::otlp::{self, Resource};
use super::retry::{self, Meaning};
use super::{Queue, Queued};
use crate::http::{Poster, Url};
use hyper::header::HeaderName;
use mayfly_domain::{Entropy, Secret};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trace::Span;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many spans go in one request.
const BATCH: usize = 512;
/// How long a span waits for others to go with it.
const GATHER: Duration = Duration::from_secs(1);

/// What the task needs.
pub struct Settings {
    /// The receiver, with the path of traces.
    pub url: Url,
    /// What is sent with every request, such as who we are.
    pub headers: Vec<(HeaderName, Secret)>,
    /// The way to the receiver.
    pub poster: Poster,
    /// Who tells.
    pub resource: Resource,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Random numbers: the names of spans, and the spread of attempts.
    pub entropy: Box<dyn Entropy + Send + Sync>,
}

struct Server {
    settings: Settings,
    queue: Queue,
    /// Whether the last batch was dropped.
    failing: bool,
}

/// Delivers what is told until the near end of the queue is gone.
pub async fn serve(queue: Queue, settings: Settings) {
    let mut server = Server { settings, queue, failing: false };
    while let Some(first) = server.queue.queue.recv().await {
        let (mut batch, mut marks) = (Vec::new(), Vec::new());
        let mut put = |queued| match queued {
            Queued::Span(span) => {
                batch.push(*span);
                batch.len() == BATCH
            }
            Queued::Mark(mark) => {
                marks.push(mark);
                true
            }
        };
        let mut full = put(first);
        let until = server.settings.clock.boot().plus(GATHER);
        while !full {
            full = tokio::select! {
                biased;
                queued = server.queue.queue.recv() => queued.is_none_or(&mut put),
                () = server.settings.clock.sleep_until(until) => true,
            };
        }
        if !batch.is_empty() {
            server.deliver(&batch).await;
        }
        for mark in marks {
            // Whoever wanted to know may have given up.
            let _ = mark.send(());
        }
    }
}

impl Server {
    async fn deliver(&mut self, batch: &[Span]) {
        let body = otlp::request(&self.settings.resource, batch, &mut *self.settings.entropy);
        let mut tries = 0;
        let why = loop {
            let (why, named) = match self.post(body.clone()).await {
                Ok(rejected) => return self.delivered(rejected),
                Err(Refused { why, again: None }) => break why,
                Err(Refused { why, again: Some(named) }) => (why, named),
            };
            tries += 1;
            if tries > retry::AGAIN_MOST {
                break why;
            }
            let mut random = [0_u8; 2];
            self.settings.entropy.fill(&mut random);
            let pause = retry::pause(named, tries, u16::from_be_bytes(random));
            self.settings.clock.sleep_until(self.settings.clock.boot().plus(pause)).await;
        };
        self.drop_them(batch.len() as u64);
        // A receiver that is away for a night would fill the log with one sentence.
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(error = why, "Traces are not taken and are dropped until they are");
        }
    }

    /// Posts once. Answers how many of the spans were not taken all the same.
    async fn post(&self, body: Vec<u8>) -> Result<u64, Refused> {
        let Settings { url, headers, poster, clock, .. } = &self.settings;
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        match poster.post(url, otlp::MEDIA_TYPE, &headers, body).await {
            Ok(answer) => match retry::meaning(&answer, clock.wall()) {
                Meaning::Taken => Ok(otlp::rejected(&answer.body)),
                Meaning::Again(named) => Err(Refused { why: status(answer.status), again: Some(named) }),
                Meaning::Never => Err(Refused { why: status(answer.status), again: None }),
            },
            // Where no answer came the same is sent again, taken or not.
            Err(error) => Err(Refused { why: error.to_string(), again: Some(None) }),
        }
    }

    fn delivered(&mut self, rejected: u64) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("Traces are taken again");
        }
        if rejected > 0 {
            tracing::warn!(spans = rejected, "The receiver of traces did not take all of them");
            self.drop_them(rejected);
        }
    }

    fn drop_them(&self, spans: u64) {
        self.queue.dropped.fetch_add(spans, Ordering::Relaxed);
    }
}

/// Why a batch was not taken.
struct Refused {
    why: String,
    /// Whether it may be sent again, and after which pause where one is named.
    again: Option<Option<Duration>>,
}

fn status(status: u16) -> String {
    format!("the receiver answers {status}")
}
