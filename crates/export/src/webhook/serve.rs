//! The couriers: for each webhook they look through the trail for what it wants, put that into its outbox, and post what is due. One
//! that is slow or gone holds up no other.

use super::address::is_public;
use super::sign::Key;
use crate::entry::Entry;
use crate::http::{PostError, Poster, Url};
use hyper::header::HeaderName;
use mayfly_access::store::{StoreError, Waiting, Webhook, Webhooks};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{Entropy, RecordName, RunId, Secret};
use mayfly_engine::Tasks;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trail::Trail;
use rustls::ClientConfig;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often it is looked what there is to do.
const EVERY: Duration = Duration::from_secs(1);
/// How many entries of the trail are looked through at a time.
const PAGE: u32 = 500;
/// How many deliveries are tried before it is looked again.
const BATCH: u32 = 20;
/// The pause after the first failure, and the longest one; each is four times the one before.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(6 * 3600));
/// How long a delivery is tried before its webhook is switched off.
const GIVEN_UP: Duration = Duration::from_secs(3 * 24 * 3600);

/// What couriers need.
pub struct Settings<S> {
    /// The store: webhooks with their outbox, and the trail.
    pub store: Arc<S>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What keys are derived from.
    pub seed: Secret,
    /// Whom to believe.
    pub tls: Arc<ClientConfig>,
    /// This run, for events.
    pub run: RunId,
    /// Random numbers, which spread attempts.
    pub entropy: Mutex<Box<dyn Entropy + Send>>,
}

/// The couriers of all webhooks.
pub struct Couriers<S> {
    settings: Settings<S>,
    /// The webhooks that somebody is under way for.
    busy: Mutex<BTreeSet<RecordName>>,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Trail(#[from] LedgerError),
}

/// What became of an attempt.
enum Attempt {
    Taken,
    Failed(String),
    /// The receiver says that it is gone for good (410).
    Gone,
}

impl<S: Webhooks + Trail> Couriers<S> {
    /// The couriers; nothing is sent yet.
    pub fn new(settings: Settings<S>) -> Arc<Self> {
        Arc::new(Self { settings, busy: Mutex::default() })
    }

    /// Serves every webhook, also those that are made later, for as long as the tasks live.
    pub async fn serve(self: Arc<Self>, tasks: Tasks) {
        loop {
            match self.settings.store.webhooks().await {
                Err(error) => tracing::error!(%error, "Webhooks could not be read"),
                Ok(all) => {
                    for webhook in all.into_iter().filter(|webhook| webhook.disabled.is_none()) {
                        self.send(webhook, &tasks);
                    }
                }
            }
            let clock = &self.settings.clock;
            clock.sleep_until(clock.boot().plus(EVERY)).await;
        }
    }

    /// Sends somebody for this webhook, unless somebody is under way already.
    fn send(self: &Arc<Self>, webhook: Webhook, tasks: &Tasks) {
        if !self.held().insert(webhook.name.clone()) {
            return;
        }
        let own = Arc::clone(self);
        tasks.spawn("webhook", async move {
            if let Err(error) = own.round(&webhook).await {
                tracing::error!(%error, webhook = %webhook.name, "The store keeps a webhook from being served");
            }
            own.held().remove(&webhook.name);
        });
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<RecordName>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the outbox, then posts what is due.
    async fn round(&self, webhook: &Webhook) -> Result<(), RoundError> {
        let Settings { store, clock, .. } = &self.settings;
        let found = store.entries(webhook.next, PAGE).await?;
        if let Some(last) = found.last().map(|entry| entry.sequence) {
            let wanted = found.into_iter().filter_map(|entry| Entry::read(entry).ok());
            let wanted = wanted.filter(|entry| wants(&webhook.kinds, entry.word())).map(|entry| entry.sequence);
            store.enqueue(&webhook.name, wanted.collect(), last + 1, clock.wall()).await?;
        }
        for waiting in store.due_of(&webhook.name, clock.wall(), BATCH).await? {
            match self.attempt(webhook, waiting.sequence).await? {
                Attempt::Taken => store.taken(&webhook.name, waiting.sequence).await?,
                Attempt::Failed(why) => return self.failed(webhook, waiting, why).await,
                Attempt::Gone => return self.switch_off(webhook, "the receiver says that it is gone (410)").await,
            }
        }
        Ok(())
    }

    /// Posts one entry.
    async fn attempt(&self, webhook: &Webhook, sequence: u64) -> Result<Attempt, RoundError> {
        let found = self.settings.store.entries(sequence, 1).await?;
        let entry = found.into_iter().next().filter(|entry| entry.sequence == sequence);
        // What is not in the trail any more, or cannot be read, cannot be delivered by trying again.
        let Some(Ok(entry)) = entry.map(Entry::read) else { return Ok(Attempt::Taken) };
        let url = match Url::parse(&webhook.url) {
            Ok(url) => url,
            Err(why) => return Ok(Attempt::Failed(why)),
        };
        let allowed = if webhook.private { |_| true } else { is_public };
        let poster = Poster::new(webhook.name.as_str(), Arc::clone(&self.settings.tls), allowed);
        let (headers, body) = self.message(webhook, &entry);
        let posted = poster.post(&url, "application/json", &headers, body.into_bytes()).await;
        Ok(match posted.map(|answer| answer.status) {
            Ok(200..=299) => Attempt::Taken,
            Ok(410) => Attempt::Gone,
            Ok(status) => Attempt::Failed(format!("the receiver answers {status}")),
            Err(error @ (PostError::Dial(_) | PostError::Broken(_) | PostError::Slow | PostError::Request(_))) => {
                Attempt::Failed(error.to_string())
            }
        })
    }

    /// The headers and the body of Standard Webhooks. The id is the same at each attempt.
    fn message(&self, webhook: &Webhook, entry: &Entry) -> (Vec<(HeaderName, String)>, String) {
        let id = format!("msg_{}_{}", entry.get("installation").unwrap_or_default(), entry.sequence);
        let seconds = self.settings.clock.wall().micros().div_euclid(1_000_000);
        // The entry stands there as it is: it is JSON already.
        let body = format!(
            "{{\"type\":{},\"timestamp\":\"{}\",\"data\":{}}}",
            serde_json::json!(entry.word()),
            entry.at,
            entry.text()
        );
        let salts = std::iter::once(&webhook.salt).chain(&webhook.salt_before);
        let signed: Vec<String> =
            salts.map(|salt| Key::derive(&self.settings.seed, salt).sign(&id, seconds, &body)).collect();
        let headers = vec![
            (HeaderName::from_static("webhook-id"), id),
            (HeaderName::from_static("webhook-timestamp"), seconds.to_string()),
            (HeaderName::from_static("webhook-signature"), signed.join(" ")),
        ];
        (headers, body)
    }

    /// Puts an entry off, or switches its webhook off after three days.
    async fn failed(&self, webhook: &Webhook, waiting: Waiting, why: String) -> Result<(), RoundError> {
        let now = self.settings.clock.wall();
        tracing::warn!(webhook = %webhook.name, error = why, "A webhook has not taken an event");
        if now.since(waiting.since) >= GIVEN_UP {
            return self.switch_off(webhook, &format!("nothing was taken for three days: {why}")).await;
        }
        let mut random = [0_u8; 2];
        self.settings.entropy.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut random);
        let next_try = now.plus(pause(waiting.tries, u16::from_be_bytes(random)));
        Ok(self.settings.store.postpone(&webhook.name, waiting.sequence, next_try, why).await?)
    }

    async fn switch_off(&self, webhook: &Webhook, why: &str) -> Result<(), RoundError> {
        let Settings { store, clock, run, .. } = &self.settings;
        let now = clock.wall();
        let mut event =
            Event::new(EventKind::WebhookDisabled, now, run.clone(), "server").with("webhook", &webhook.name);
        event.reason = Some(why.to_owned());
        tracing::error!(webhook = %webhook.name, error = why, "A webhook is switched off");
        store.switch(&webhook.name, Some(why.to_owned()), now, vec![event]).await?;
        Ok(())
    }
}

/// Whether a webhook with these kinds gets events of this one: `session` stands for all of them, as does `*`.
fn wants(kinds: &[String], word: &str) -> bool {
    kinds
        .iter()
        .any(|kind| kind == "*" || kind == word || word.split_once('.').is_some_and(|(object, _)| kind == object))
}

/// The pause after an attempt that was preceded by `tries` others, spread by a fifth to either side.
fn pause(tries: u32, random: u16) -> Duration {
    let whole = PAUSE.0.saturating_mul(4_u32.saturating_pow(tries.min(16))).min(PAUSE.1);
    whole.mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_gets_the_kinds_that_it_names() {
        let kinds = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(wants(&kinds("session account.created"), "session.started"));
        assert!(wants(&kinds("session account.created"), "account.created"));
        assert!(!wants(&kinds("session account.created"), "account.removed"));
        assert!(!wants(&kinds("sess"), "session.started"));
        assert!(wants(&kinds("*"), "anything.else"));
    }

    #[test]
    fn pauses_grow_to_six_hours_and_are_spread() {
        assert_eq!(pause(0, 0), Duration::from_secs(4));
        assert_eq!(pause(0, u16::MAX), Duration::from_secs(6));
        assert_eq!(pause(1, u16::MAX / 2).as_secs(), 19);
        assert_eq!(pause(40, u16::MAX), Duration::from_secs(6 * 3600 * 6 / 5));
        // Twelve attempts or more before it is given up.
        let sum: Duration = (0..12).map(|tries| pause(tries, u16::MAX)).sum();
        assert!(sum < GIVEN_UP, "{sum:?}");
    }
}
