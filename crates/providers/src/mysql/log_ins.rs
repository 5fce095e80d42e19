//! Since when sessions run. Neither server tells: its list of processes says for how long each has done what it does now, so
//! that a session that was idle since its log-in shows when that was, and a busy one does not. But connections are numbered in
//! their order. So every look at a server notes how far the numbers had come at which moment, and how long each session it saw had
//! been idle; from that follows for most sessions on which side of a moment they logged in.
//!
//! This is knowledge about the present of a server, kept in memory only and bounded. Where it does not reach back far enough, as
//! after a restart of ours, a session counts as within the time of an elevation.

use mayfly_domain::{TargetId, WallTime};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many moments are kept of each server, and how far apart those are that a look notes by the way.
const MOMENTS_MOST: usize = 512;
const APART: Duration = Duration::from_secs(1);
/// How many sessions are remembered of each server.
const SESSIONS_MOST: usize = 4096;

/// A server's counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The server's clock.
    pub(crate) now: WallTime,
    /// The number of the last connection that it has given out.
    pub(crate) connections: u64,
    /// When it was started, give or take a second.
    pub(crate) started: WallTime,
}

/// A session in the server's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its number.
    pub(crate) id: u64,
    /// Whose it is.
    pub(crate) user: String,
    /// From where, without the port.
    pub(crate) from: String,
    /// For how many microseconds it has done what it does, as the server tells it.
    pub(crate) busy_for: i64,
}

/// What is known of all servers.
#[derive(Debug, Default)]
pub(crate) struct LogIns(Mutex<HashMap<TargetId, Seen>>);

/// What is known of one.
#[derive(Debug)]
struct Seen {
    started: WallTime,
    since: WallTime,
    /// How far the numbers had come.
    moments: BTreeMap<WallTime, u64>,
    /// No session of that number logged in later than this.
    latest: HashMap<u64, WallTime>,
}

impl LogIns {
    /// Takes note of what a look saw. `grain` is how exact the server's times are, in microseconds; with `exactly` the moment is
    /// kept even if another is close.
    pub(crate) fn note(&self, target: &TargetId, reading: &Reading, sessions: &[Running], grain: i64, exactly: bool) {
        let mut all = self.lock();
        let seen = all.entry(target.clone()).or_insert_with(|| Seen::new(reading));
        // Its clock and its counter of seconds do not move together exactly.
        if seen.started.plus(Duration::from_secs(5)) < reading.started {
            *seen = Seen::new(reading);
        }
        let close = seen.moments.range(..=reading.now).next_back();
        if exactly || close.is_none_or(|(at, _)| reading.now.since(*at) >= APART) {
            seen.moments.insert(reading.now, reading.connections);
            if seen.moments.len() > MOMENTS_MOST {
                seen.moments.pop_first();
            }
        }
        if seen.latest.len() > SESSIONS_MOST {
            seen.latest.clear();
        }
        for session in sessions {
            let latest = latest_log_in(reading.now, session, grain);
            seen.latest.entry(session.id).and_modify(|known| *known = latest.min(*known)).or_insert(latest);
        }
    }

    /// Whether a session is known to have logged in at `moment` or before.
    pub(crate) fn by(&self, target: &TargetId, session: &Running, moment: WallTime) -> Known {
        let all = self.lock();
        let Some(seen) = all.get(target) else { return Known::Nothing };
        let numbered = seen.moments.range(..=moment).next_back().is_some_and(|(_, last)| session.id <= *last);
        if numbered || seen.latest.get(&session.id).is_some_and(|latest| *latest <= moment) {
            Known::Yes
        } else if seen.since <= moment {
            Known::NotSo
        } else {
            Known::Nothing
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TargetId, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn new(reading: &Reading) -> Self {
        Self { started: reading.started, since: reading.now, moments: BTreeMap::new(), latest: HashMap::new() }
    }
}

/// What is known of a session's log-in and a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was there by then.
    Yes,
    /// The server was watched then, and nothing says that it was there.
    NotSo,
    /// The server was not watched yet.
    Nothing,
}

/// No session can have logged in after it began to do what it does.
fn latest_log_in(now: WallTime, session: &Running, grain: i64) -> WallTime {
    // Where seconds that have begun are counted, both ends are cut to the second.
    let now = if grain > 0 { now.micros() - now.micros().rem_euclid(grain) + grain } else { now.micros() };
    WallTime::from_micros(now.saturating_sub(session.busy_for))
}

/// How long a session has run at least.
pub(crate) fn least_age(session: &Running, grain: i64) -> Duration {
    Duration::from_micros(u64::try_from(session.busy_for - grain).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_micros(seconds * 1_000_000)
    }

    fn reading(now: i64, connections: u64) -> Reading {
        Reading { now: at(now), connections, started: at(0) }
    }

    fn session(id: u64, busy_for: i64) -> Running {
        Running { id, user: "u".to_owned(), from: "h".to_owned(), busy_for: busy_for * 1_000_000 }
    }

    #[test]
    fn the_order_of_numbers_tells_who_came_by_a_moment() {
        let (log_ins, target) = (LogIns::default(), TargetId::new("mysql", "1"));
        assert_eq!(log_ins.by(&target, &session(1, 0), at(100)), Known::Nothing);
        log_ins.note(&target, &reading(100, 10), &[], 0, true);
        assert_eq!(log_ins.by(&target, &session(10, 0), at(100)), Known::Yes);
        assert_eq!(log_ins.by(&target, &session(11, 0), at(100)), Known::NotSo);
        assert_eq!(log_ins.by(&target, &session(10, 0), at(99)), Known::Nothing);
    }

    #[test]
    fn a_session_that_was_idle_shows_when_it_came_at_the_latest() {
        let (log_ins, target) = (LogIns::default(), TargetId::new("mysql", "1"));
        log_ins.note(&target, &reading(100, 10), &[], 0, true);
        log_ins.note(&target, &reading(120, 20), &[session(15, 8)], 0, true);
        // Busy since, it still came by then.
        log_ins.note(&target, &reading(130, 20), &[session(15, 0)], 0, true);
        assert_eq!(log_ins.by(&target, &session(15, 0), at(112)), Known::Yes);
        assert_eq!(log_ins.by(&target, &session(15, 0), at(111)), Known::NotSo);
        // Where seconds are cut off, nothing is concluded from what was cut.
        assert_eq!(latest_log_in(WallTime::from_micros(120_900_000), &session(1, 8), 1_000_000), at(113));
        assert_eq!(least_age(&session(1, 8), 1_000_000), Duration::from_secs(7));
    }

    #[test]
    fn a_server_that_was_restarted_is_known_anew_and_memory_is_bounded() {
        let (log_ins, target) = (LogIns::default(), TargetId::new("mysql", "1"));
        for second in 0..2000 {
            log_ins.note(&target, &reading(100 + second, 10), &[session(second.unsigned_abs(), 0)], 0, false);
        }
        assert!(log_ins.lock()[&target].moments.len() <= MOMENTS_MOST);
        let restarted = Reading { started: at(5000), ..reading(5001, 1) };
        log_ins.note(&target, &restarted, &[], 0, false);
        assert_eq!(log_ins.by(&target, &session(1, 0), at(200)), Known::Nothing);
    }
}
