//! What an answer of the receiver means (OTLP, "OTLP/HTTP Response"), and how long to wait before the same is sent again.

use crate::http::Answer;
use jiff::fmt::rfc2822;
use mayfly_domain::WallTime;
use std::time::Duration;

/// How often a batch is sent again before it is dropped.
pub(super) const AGAIN_MOST: u32 = 4;
/// The first pause where the receiver names none; each is twice the one before.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, whatever the receiver names: what waits meanwhile takes memory.
const PAUSE_MOST: Duration = Duration::from_secs(60);

/// What is to be done about an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It was taken.
    Taken,
    /// The same may be sent again, after this pause where one is named.
    Again(Option<Duration>),
    /// It is never taken.
    Never,
}

/// What the answer means.
pub(super) fn meaning(answer: &Answer, now: WallTime) -> Meaning {
    match answer.status {
        200..=299 => Meaning::Taken,
        429 | 502 | 503 | 504 => Meaning::Again(answer.retry_after.as_deref().and_then(|text| named(text, now))),
        _ => Meaning::Never,
    }
}

/// The pause that `Retry-After` names (RFC 9110 §10.2.3): seconds, or the moment at which it is over.
fn named(text: &str, now: WallTime) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = rfc2822::parse(text).ok()?.timestamp();
    Some(WallTime::from_micros(moment.as_microsecond()).since(now))
}

/// The pause before the attempt that was preceded by `tries` others: the one that the receiver named, or one that grows and is spread by a
/// fifth to either side.
pub(super) fn pause(named: Option<Duration>, tries: u32, random: u16) -> Duration {
    let grown = PAUSE.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    let spread = grown.min(PAUSE_MOST).mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u16::MAX));
    named.map_or(spread, |named| named.min(PAUSE_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        Answer { status, retry_after: retry_after.map(str::to_owned), body: Vec::new() }
    }

    #[test]
    fn only_what_the_protocol_names_is_sent_again() {
        let now = WallTime::parse("2026-11-30T08:49:30Z").unwrap();
        for status in [200, 202] {
            assert_eq!(meaning(&answer(status, None), now), Meaning::Taken);
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(meaning(&answer(status, None), now), Meaning::Again(None));
            let seconds = |seconds| Meaning::Again(Some(Duration::from_secs(seconds)));
            assert_eq!(meaning(&answer(status, Some("7")), now), seconds(7));
            assert_eq!(meaning(&answer(status, Some("Mon, 30 Nov 2026 08:49:37 GMT")), now), seconds(7));
            assert_eq!(meaning(&answer(status, Some("Mon, 30 Nov 2026 08:49:20 GMT")), now), seconds(0));
            assert_eq!(meaning(&answer(status, Some("soon")), now), Meaning::Again(None));
        }
        for status in [301, 400, 401, 403, 404, 413, 500, 501] {
            assert_eq!(meaning(&answer(status, Some("7")), now), Meaning::Never);
        }
    }

    #[test]
    fn pauses_grow_and_are_spread_and_what_is_named_is_kept_to() {
        assert_eq!(pause(None, 1, 0), Duration::from_millis(800));
        assert_eq!(pause(None, 1, u16::MAX), Duration::from_millis(1200));
        assert_eq!(pause(None, 4, u16::MAX), Duration::from_millis(9600));
        assert_eq!(pause(Some(Duration::from_secs(3)), 4, 0), Duration::from_secs(3));
        assert_eq!(pause(Some(Duration::from_secs(86_400)), 1, 0), PAUSE_MOST);
    }
}
