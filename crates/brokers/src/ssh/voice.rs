//! What a person in a shell hears while it runs: that the session will end soon.

use std::time::Duration;

use mayfly_domain::{BootTime, EndReason};
use tokio::sync::watch;

use crate::port::{Ending, Standing};

use super::{channel::Voice, opening::Target};

/// How long before the deadline the person is warned, the shortest first.
const WARNINGS: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(600)];

/// Returns when the session is cut.
pub(super) async fn cut(standing: &mut watch::Receiver<Standing>) -> Ending {
    let seen = standing.wait_for(|standing| matches!(standing, Standing::Cut(_))).await;
    match seen.as_deref() {
        Ok(Standing::Cut(ending)) => ending.clone(),
        Ok(Standing::Open { .. }) | Err(_) => Ending::new(EndReason::ServerStopped),
    }
}

/// Warns before the deadline, and again when that was moved; returns when there is nothing more to be said.
pub(super) async fn warn(target: &Target, voice: &Voice<'_>) {
    let (mut standing, clock) = (target.standing(), target.clock());
    let mut warned = Duration::MAX;
    let mut about = None;
    loop {
        let until = match &*standing.borrow_and_update() {
            Standing::Cut(_) => return,
            Standing::Open { until } => *until,
        };
        if about != Some(until) {
            (about, warned) = (Some(until), Duration::MAX);
        }
        let left = until.since(clock.now());
        if let Some(due) = due(left, warned) {
            warned = due;
            voice.interrupt(&format!("this session ends in {}", spoken(left))).await;
            continue;
        }
        let next = WARNINGS.into_iter().rev().find(|warning| *warning < left && *warning < warned);
        let sleep = async {
            match next {
                Some(next) => clock.sleep_until(before(until, next)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = standing.changed() => if changed.is_err() { return },
            () = sleep => {}
        }
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
pub(super) fn spoken(left: Duration) -> String {
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
