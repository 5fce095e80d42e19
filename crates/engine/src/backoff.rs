//! When to try again: the class of the failure decides how long, doubling up to a cap, with jitter so that what failed
//! together does not come back together. There is no last try.

use crate::settings::Settings;
use mayfly_domain::{Entropy, FailureClass};
use std::time::Duration;

/// The wait before try number `tries + 1`, after `tries` failures in a row (at least one).
pub(crate) fn wait(settings: &Settings, class: FailureClass, tries: u32, entropy: &mut dyn Entropy) -> Duration {
    let (first, longest) = match class {
        FailureClass::Unreachable => settings.retry_unreachable,
        FailureClass::CredentialsRefused => settings.retry_refused,
        FailureClass::NotPermitted
        | FailureClass::Conflict
        | FailureClass::IdentityChanged
        | FailureClass::Busy
        | FailureClass::OutcomeUnknown
        | FailureClass::Bug => settings.retry,
    };
    let doubled = first.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
    jittered(doubled.min(longest), entropy)
}

/// `span` give or take a fifth.
fn jittered(span: Duration, entropy: &mut dyn Entropy) -> Duration {
    let mut bytes = [0_u8; 4];
    entropy.fill(&mut bytes);
    let permille = 800 + u32::from_be_bytes(bytes) % 401;
    span.saturating_mul(permille) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn waits_double_up_to_the_cap_of_their_class_and_never_end() {
        let settings = Settings::default();
        let base = |class, tries| wait(&settings, class, tries, &mut Fixed(0)).as_secs_f64() / 0.8;
        assert!((base(FailureClass::Conflict, 1) - 1.0).abs() < 1e-9);
        assert!((base(FailureClass::Conflict, 4) - 8.0).abs() < 1e-9);
        for tries in [20, 33, u32::MAX] {
            assert!((base(FailureClass::Conflict, tries) - 300.0).abs() < 1e-9);
            assert!((base(FailureClass::CredentialsRefused, tries) - 3600.0).abs() < 1e-9);
            assert!((base(FailureClass::Unreachable, tries) - 15.0).abs() < 1e-9);
        }
        assert!((base(FailureClass::CredentialsRefused, 1) - 60.0).abs() < 1e-9);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        for byte in 0..=255 {
            let span = jittered(Duration::from_secs(10), &mut Fixed(byte));
            assert!((8.0..=12.0).contains(&span.as_secs_f64()), "{span:?}");
        }
    }
}
