//! The counting of failed sign-ins, per account and per source, and the locks that follow (DESIGN §9). A pure state machine:
//! time is an argument, memory is bounded, nothing waits. It lives in memory and starts empty with the server.
//!
//! An attempt is counted as open from its beginning, so that guesses sent all at once find the limit too.

use mayfly_domain::{BootTime, PersonName, WallTime};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Failures of one account, without 30 quiet minutes or a success between them, that lock it.
pub const ACCOUNT_FAILURES: u32 = 10;
/// Failures from one source, without 30 quiet minutes between them, that lock it.
pub const SOURCE_FAILURES: u32 = 100;
/// How long a lock lasts, and how long it takes to forget failures.
pub const LOCK: Duration = Duration::from_secs(30 * 60);
/// How many accounts, and how many sources, are remembered at once.
pub const REMEMBERED_MOST: usize = 10_000;

/// Where an attempt comes from: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address of it has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source of a peer's address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// Whom a lock holds off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locked {
    /// Everybody who signs in with this account's name, whether such a person exists or not.
    Account(PersonName),
    /// Everybody at this source.
    Source(Source),
}

/// Why an attempt may not be made. The password is then not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// There were too many failures.
    #[error("too many failed sign-ins: try again in {} minutes", after.as_secs().div_ceil(60))]
    Locked {
        /// Whom the lock holds off.
        locked: Locked,
        /// For how long it still lasts.
        after: Duration,
    },
    /// As many attempts are open as failures are left.
    #[error("too many sign-ins at once: try again in a moment")]
    Busy,
}

/// An attempt that was let through and counts until it is given back to [`Signins::failed`], [`Signins::succeeded`] or
/// [`Signins::abandoned`].
#[must_use = "an attempt counts as open until it is given back"]
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt {
    account: Option<PersonName>,
    source: Source,
}

/// Refused sign-ins of one source in one minute, for one event of the trail (`signin.failed`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The source; `None` stands for all those beyond what is remembered.
    pub source: Option<Source>,
    /// The beginning of the minute, by our wall clock.
    pub minute: WallTime,
    /// How many.
    pub count: u64,
}

/// What is remembered of one account or source.
#[derive(Debug, Clone, Copy)]
struct Tally {
    failures: u32,
    open: u32,
    last: BootTime,
    locked_until: Option<BootTime>,
}

impl Tally {
    /// Whether it may be forgotten. An attempt left open for as long is one whose owner is gone.
    fn is_over(&self, now: BootTime) -> bool {
        self.locked_until.is_none_or(|until| until <= now) && now.since(self.last) >= LOCK
    }
}

/// Tallies by key, bounded.
#[derive(Debug)]
struct Tallies<K> {
    limit: u32,
    by_key: HashMap<K, Tally>,
}

impl<K: Eq + Hash + Clone> Tallies<K> {
    fn new(limit: u32) -> Self {
        Self { limit, by_key: HashMap::new() }
    }

    /// Whether one more attempt may be opened; `Err(Some(rest))` while locked, `Err(None)` when too many are open.
    fn check(&self, key: &K, now: BootTime) -> Result<(), Option<Duration>> {
        let Some(tally) = self.by_key.get(key).filter(|tally| !tally.is_over(now)) else { return Ok(()) };
        match tally.locked_until {
            Some(until) if until > now => Err(Some(until.since(now))),
            _ if tally.failures.saturating_add(tally.open) >= self.limit => Err(None),
            _ => Ok(()),
        }
    }

    /// The tally of a key, made when there is none.
    fn entry(&mut self, key: &K, now: BootTime) -> &mut Tally {
        if !self.by_key.contains_key(key) && self.by_key.len() >= REMEMBERED_MOST {
            self.make_room(now);
        }
        let fresh = Tally { failures: 0, open: 0, last: now, locked_until: None };
        let tally = self.by_key.entry(key.clone()).or_insert(fresh);
        if tally.is_over(now) {
            *tally = fresh;
        }
        tally
    }

    /// Forgets what is over, and if that is nothing the one with the fewest failures, the longest ago.
    fn make_room(&mut self, now: BootTime) {
        self.by_key.retain(|_, tally| !tally.is_over(now));
        if self.by_key.len() >= REMEMBERED_MOST {
            let least = self.by_key.iter().min_by_key(|(_, tally)| (tally.failures, tally.open, tally.last));
            if let Some(key) = least.map(|(key, _)| key.clone()) {
                self.by_key.remove(&key);
            }
        }
    }

    fn open(&mut self, key: &K, now: BootTime) {
        let tally = self.entry(key, now);
        tally.open = tally.open.saturating_add(1);
    }

    /// Closes an attempt without a judgement.
    fn close(&mut self, key: &K) {
        if let Some(tally) = self.by_key.get_mut(key) {
            tally.open = tally.open.saturating_sub(1);
            if tally.failures == 0 && tally.open == 0 {
                self.by_key.remove(key);
            }
        }
    }

    /// Counts a failure; `true` when it locks.
    fn fail(&mut self, key: &K, now: BootTime) -> bool {
        let limit = self.limit;
        let tally = self.entry(key, now);
        tally.open = tally.open.saturating_sub(1);
        tally.failures = tally.failures.saturating_add(1);
        tally.last = now;
        let locks = tally.failures >= limit && tally.locked_until.is_none();
        if locks {
            tally.locked_until = Some(now.plus(LOCK));
        }
        locks
    }
}

/// The counts of all accounts and sources.
#[derive(Debug)]
pub struct Signins {
    accounts: Tallies<PersonName>,
    sources: Tallies<Source>,
    refused: BTreeMap<(i64, Option<Source>), u64>,
}

impl Default for Signins {
    fn default() -> Self {
        Self::new()
    }
}

impl Signins {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self {
            accounts: Tallies::new(ACCOUNT_FAILURES),
            sources: Tallies::new(SOURCE_FAILURES),
            refused: BTreeMap::new(),
        }
    }

    /// Lets an attempt through, or not. `account` is the name that was given, whether such a person exists or not; `None`
    /// counts the source alone, for secrets of so many bits that guessing is hopeless and locking would only hit their owner.
    ///
    /// # Errors
    /// [`Held`] when it must be refused without looking at the password; refuse it with [`Signins::refuse`].
    pub fn begin(&mut self, account: Option<&PersonName>, source: Source, now: BootTime) -> Result<Attempt, Held> {
        let held = |locked: Locked, rest: Option<Duration>| match rest {
            Some(after) => Held::Locked { locked, after },
            None => Held::Busy,
        };
        self.sources.check(&source, now).map_err(|rest| held(Locked::Source(source), rest))?;
        if let Some(account) = account {
            self.accounts.check(account, now).map_err(|rest| held(Locked::Account(account.clone()), rest))?;
            self.accounts.open(account, now);
        }
        self.sources.open(&source, now);
        Ok(Attempt { account: account.cloned(), source })
    }

    /// The password was wrong, or there is no such person. Returns the locks that this failure sets, for the trail.
    pub fn failed(&mut self, attempt: Attempt, now: BootTime, wall: WallTime) -> Vec<Locked> {
        let mut locks = Vec::new();
        if let Some(account) = attempt.account
            && self.accounts.fail(&account, now)
        {
            locks.push(Locked::Account(account));
        }
        if self.sources.fail(&attempt.source, now) {
            locks.push(Locked::Source(attempt.source));
        }
        self.refuse(attempt.source, wall);
        locks
    }

    /// The person proved who they are: the account's failures are forgotten. The source's are not, or whoever has one
    /// account could guess at all others for ever.
    pub fn succeeded(&mut self, attempt: Attempt) {
        if let Some(account) = &attempt.account {
            if let Some(tally) = self.accounts.by_key.get_mut(account).filter(|tally| tally.locked_until.is_none()) {
                tally.failures = 0;
            }
            self.accounts.close(account);
        }
        self.sources.close(&attempt.source);
    }

    /// The client went away before it proved or failed anything.
    pub fn abandoned(&mut self, attempt: Attempt) {
        if let Some(account) = &attempt.account {
            self.accounts.close(account);
        }
        self.sources.close(&attempt.source);
    }

    /// Counts a refusal for the trail, for attempts that were [`Held`]; failed ones are counted already.
    pub fn refuse(&mut self, source: Source, wall: WallTime) {
        let minute = wall.micros().div_euclid(MINUTE_US);
        let key = (minute, Some(source));
        let key =
            if self.refused.len() < REMEMBERED_MOST || self.refused.contains_key(&key) { key } else { (minute, None) };
        let count = self.refused.entry(key).or_insert(0);
        *count = count.saturating_add(1);
    }

    /// Takes the counts of all minutes that are over at `wall`, in order, so that each becomes one event.
    pub fn take_refused(&mut self, wall: WallTime) -> Vec<Refused> {
        let current = wall.micros().div_euclid(MINUTE_US);
        // After a step back of the clock the counts of later minutes are taken too, or they would lie here for long.
        let (kept, over): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.refused).into_iter().partition(|((minute, _), _)| *minute == current);
        self.refused = kept;
        over.into_iter()
            .map(|((minute, source), count)| Refused {
                source,
                minute: WallTime::from_micros(minute.saturating_mul(MINUTE_US)),
                count,
            })
            .collect()
    }
}

const MINUTE_US: i64 = 60_000_000;

#[cfg(test)]
mod tests;
