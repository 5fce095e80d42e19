//! One target's breaker: after several failures in a row that say that the target itself cannot be worked with, nothing is
//! sent but one probe at a time, so that a target that is down costs nobody else anything and is not flooded on its return.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::backoff;
use crate::settings::Settings;
use mayfly_domain::{BootTime, Entropy, Failure, FailureClass};

/// The state of one target's breaker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone)]
struct Open {
    failure: Failure,
    tries: u32,
    until: BootTime,
    probing: bool,
}

/// What the breaker says to work that wants to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go ahead.
    Open,
    /// Go ahead with a single piece of work: it is the probe.
    Probe,
    /// Not now, because of this.
    Refused(Failure),
}

/// What a batch's outcomes said about the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing new.
    None,
    /// The target answers again after the breaker was open.
    Returned,
}

impl Breaker {
    /// Asks to start work at `now`.
    pub(crate) fn admit(&mut self, now: BootTime) -> Admission {
        match &mut self.open {
            None => Admission::Open,
            Some(open) if !open.probing && now >= open.until => {
                open.probing = true;
                Admission::Probe
            }
            Some(open) => Admission::Refused(open.failure.clone()),
        }
    }

    /// When the next probe may start, while the breaker is open and none is under way.
    pub(crate) fn probe_at(&self) -> Option<BootTime> {
        self.open.as_ref().filter(|open| !open.probing).map(|open| open.until)
    }

    /// Why nothing is sent, while the breaker is open.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.open.as_ref().map(|open| &open.failure)
    }

    /// Whether the breaker is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Credentials were changed: where it was these that the target refused, nobody waits any longer. True when that was so.
    pub(crate) fn credentials_changed(&mut self) -> bool {
        let refused = |open: &Open| open.failure.class == FailureClass::CredentialsRefused;
        self.open.take_if(|open| refused(open)).is_some()
    }

    /// Takes note of a batch's worst news about the target itself: `None` when the target answered.
    pub(crate) fn observe(
        &mut self,
        settings: &Settings,
        now: BootTime,
        failure: Option<&Failure>,
        entropy: &mut dyn Entropy,
    ) -> Change {
        let Some(failure) = failure else {
            self.failures = 0;
            return if self.open.take().is_some() { Change::Returned } else { Change::None };
        };
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures >= settings.breaker_failures
            || self.open.is_some()
            || failure.class == FailureClass::CredentialsRefused;
        if opens {
            let tries = self.open.as_ref().map_or(1, |open| open.tries.saturating_add(1));
            let wait = backoff::wait(settings, failure.class, tries, entropy);
            self.open = Some(Open { failure: failure.clone(), tries, until: now.plus(wait), probing: false });
        }
        Change::None
    }
}

/// The failure among a batch's outcomes that speaks of the target itself and not of one step.
pub(crate) fn about_target<'a>(mut failures: impl Iterator<Item = Option<&'a Failure>>) -> Option<&'a Failure> {
    let mut found = None;
    // A single step that got through shows that the target answers.
    let all_failed = failures.all(|failure| match failure {
        Some(failure) => match failure.class {
            FailureClass::Unreachable | FailureClass::CredentialsRefused => {
                found = Some(failure);
                true
            }
            FailureClass::NotPermitted
            | FailureClass::Conflict
            | FailureClass::IdentityChanged
            | FailureClass::Busy
            | FailureClass::OutcomeUnknown
            | FailureClass::Bug => false,
        },
        None => false,
    });
    if all_failed { found } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn at(millis: u64) -> BootTime {
        BootTime::from_nanos(0).plus(Duration::from_millis(millis))
    }

    fn unreachable() -> Failure {
        Failure::new(FailureClass::Unreachable, "no answer")
    }

    #[test]
    fn it_opens_after_the_limit_lets_one_probe_through_and_closes_on_success() {
        let settings = Settings::default();
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.observe(&settings, at(0), Some(&unreachable()), &mut Fixed);
            assert_eq!(breaker.admit(at(0)), Admission::Open);
        }
        breaker.observe(&settings, at(0), Some(&unreachable()), &mut Fixed);
        assert_eq!(breaker.admit(at(100)), Admission::Refused(unreachable()));
        assert_eq!(breaker.admit(at(800)), Admission::Probe);
        assert_eq!(breaker.admit(at(801)), Admission::Refused(unreachable()), "one probe at a time");
        breaker.observe(&settings, at(900), Some(&unreachable()), &mut Fixed);
        assert_eq!(breaker.probe_at(), Some(at(900 + 1600)), "the wait doubles");
        assert_eq!(breaker.admit(at(2500)), Admission::Probe);
        assert_eq!(breaker.observe(&settings, at(2600), None, &mut Fixed), Change::Returned);
        assert_eq!(breaker.admit(at(2600)), Admission::Open);
    }

    #[test]
    fn a_refused_credential_opens_at_once_and_waits_longest() {
        let settings = Settings::default();
        let mut breaker = Breaker::default();
        let refused = Failure::new(FailureClass::CredentialsRefused, "password refused");
        breaker.observe(&settings, at(0), Some(&refused), &mut Fixed);
        assert_eq!(breaker.probe_at(), Some(at(48_000)));
    }

    #[test]
    fn one_answer_in_a_batch_shows_that_the_target_lives() {
        let down = unreachable();
        let taken = Failure::new(FailureClass::Conflict, "taken");
        assert_eq!(about_target([Some(&down), Some(&down)].into_iter()), Some(&down));
        assert_eq!(about_target([Some(&down), None].into_iter()), None);
        assert_eq!(about_target([Some(&down), Some(&taken)].into_iter()), None);
        assert_eq!(about_target(std::iter::empty()), None);
    }
}
