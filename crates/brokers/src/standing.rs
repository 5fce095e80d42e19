//! What follows from how a session stands, whatever the protocol: the warnings before its end, and the cut.

use crate::port::{Clock, Ending, Standing};
use mayfly_domain::{BootTime, EndReason};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long before the deadline the person is warned, the shortest first.
const WARNINGS: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(600)];

/// What there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// The session ends soon, in a sentence.
    Warning(String),
    /// The session is cut; nothing more follows.
    Cut,
}

/// The warnings of one connection.
pub(crate) struct Warnings {
    standing: watch::Receiver<Standing>,
    clock: Arc<dyn Clock>,
    /// The deadline that the warnings so far were about.
    until: Option<BootTime>,
    /// The shortest of [`WARNINGS`] that was given for it.
    warned: Duration,
}

impl Warnings {
    pub(crate) const fn new(standing: watch::Receiver<Standing>, clock: Arc<dyn Clock>) -> Self {
        Self { standing, clock, until: None, warned: Duration::MAX }
    }

    /// Waits for the next thing to say. A deadline that was moved makes the warnings due again.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            let until = match &*self.standing.borrow_and_update() {
                Standing::Cut(_) => return Said::Cut,
                Standing::Open { until } => *until,
            };
            if self.until != Some(until) {
                (self.until, self.warned) = (Some(until), Duration::MAX);
            }
            let left = until.since(self.clock.now());
            if let Some(due) = due(left, self.warned) {
                self.warned = due;
                return Said::Warning(format!("this session ends in {}", spoken(left)));
            }
            let next = WARNINGS.into_iter().rev().find(|warning| *warning < left && *warning < self.warned);
            let sleep = async {
                match next {
                    Some(next) => self.clock.sleep_until(before(until, next)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = self.standing.changed() => if changed.is_err() { return Said::Cut },
                () = sleep => {}
            }
        }
    }
}

/// Returns when the session is cut.
pub(crate) async fn cut(standing: &mut watch::Receiver<Standing>) -> Ending {
    let seen = standing.wait_for(|standing| matches!(standing, Standing::Cut(_))).await;
    match seen.as_deref() {
        Ok(Standing::Cut(ending)) => ending.clone(),
        Ok(Standing::Open { .. }) | Err(_) => Ending::new(EndReason::ServerStopped),
    }
}

/// The warning that is due with so much time left, if a shorter one than the last.
fn due(left: Duration, warned: Duration) -> Option<Duration> {
    WARNINGS.into_iter().find(|warning| left <= *warning && *warning < warned)
}

/// The moment `span` before `until`.
fn before(until: BootTime, span: Duration) -> BootTime {
    BootTime::from_nanos(until.nanos().saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
}

/// A span of time in words.
pub(crate) fn spoken(left: Duration) -> String {
    let seconds = left.as_secs();
    match (seconds + 30) / 60 {
        0 => format!("{seconds} seconds"),
        1 if seconds < 55 => format!("{seconds} seconds"),
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_is_due_once_and_the_latest_first() {
        let seconds = Duration::from_secs;
        assert_eq!(due(seconds(601), Duration::MAX), None);
        assert_eq!(due(seconds(600), Duration::MAX), Some(seconds(600)));
        assert_eq!(due(seconds(420), seconds(600)), None);
        assert_eq!(due(seconds(300), seconds(600)), Some(seconds(300)));
        assert_eq!(due(seconds(30), Duration::MAX), Some(seconds(60)), "who comes late hears one warning");
        assert_eq!(due(seconds(30), seconds(60)), None);
    }

    #[test]
    fn time_is_said_as_people_do() {
        let spoken = |seconds| spoken(Duration::from_secs(seconds));
        assert_eq!(spoken(30), "30 seconds");
        assert_eq!(spoken(60), "1 minute");
        assert_eq!(spoken(420), "7 minutes");
        assert_eq!(spoken(3599), "60 minutes");
    }
}
