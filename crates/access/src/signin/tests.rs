//! The locks of sign-ins, by example and by property.

use super::*;
use proptest::prelude::*;

fn person(name: &str) -> PersonName {
    PersonName::parse(name).unwrap()
}

fn source(last: u8) -> Source {
    Source::of(IpAddr::from([192, 0, 2, last]))
}

fn at(seconds: u64) -> BootTime {
    BootTime::from_nanos(seconds * 1_000_000_000)
}

const WALL: WallTime = WallTime::from_micros(0);

fn fail(signins: &mut Signins, name: &str, from: u8, seconds: u64) -> Result<Vec<Locked>, Held> {
    let attempt = signins.begin(Some(&person(name)), source(from), at(seconds))?;
    Ok(signins.failed(attempt, at(seconds), WALL))
}

/// DESIGN §9: the tenth failure locks the account for thirty minutes, whatever the sources.
#[test]
fn the_tenth_failure_locks_the_account() {
    let mut signins = Signins::new();
    for place in 0..9 {
        assert_eq!(fail(&mut signins, "alice", place, 0), Ok(vec![]));
    }
    assert_eq!(fail(&mut signins, "alice", 9, 0), Ok(vec![Locked::Account(person("alice"))]));
    let held = signins.begin(Some(&person("alice")), source(77), at(1)).unwrap_err();
    assert_eq!(held, Held::Locked { locked: Locked::Account(person("alice")), after: Duration::from_secs(1799) });
    assert_eq!(held.to_string(), "too many failed sign-ins: try again in 30 minutes");
    assert!(signins.begin(Some(&person("bob")), source(9), at(1)).is_ok(), "only this account is locked");
    assert_eq!(fail(&mut signins, "alice", 0, 1800), Ok(vec![]), "the lock ends, and counting starts anew");
}

#[test]
fn a_hundred_failures_lock_the_source_for_every_account() {
    let mut signins = Signins::new();
    for place in 0..100 {
        let locks = fail(&mut signins, &format!("u{place}"), 1, 0).unwrap();
        assert_eq!(locks.is_empty(), place < 99, "{place}");
    }
    assert!(matches!(
        signins.begin(Some(&person("new")), source(1), at(1)),
        Err(Held::Locked { locked: Locked::Source(_), .. })
    ));
    assert!(signins.begin(Some(&person("new")), source(2), at(1)).is_ok());
}

/// SECURITY-CASES 36, 30: guesses sent at once, before any is answered, find the limit too.
#[test]
fn two_hundred_guesses_at_once_are_ten() {
    let mut signins = Signins::new();
    let begun: Vec<_> =
        (0..200).filter_map(|place| signins.begin(Some(&person("alice")), source(place), at(0)).ok()).collect();
    assert_eq!(begun.len(), 10);
    assert_eq!(signins.begin(Some(&person("alice")), source(1), at(0)), Err(Held::Busy));
    for attempt in begun {
        signins.abandoned(attempt);
    }
    assert!(signins.begin(Some(&person("alice")), source(1), at(0)).is_ok(), "what was abandoned no longer counts");
}

#[test]
fn a_success_clears_the_account_and_not_the_source() {
    let mut signins = Signins::new();
    for _ in 0..11 {
        for _ in 0..9 {
            assert_eq!(fail(&mut signins, "alice", 1, 0), Ok(vec![]));
        }
        let attempt = signins.begin(Some(&person("alice")), source(1), at(0)).unwrap();
        signins.succeeded(attempt);
    }
    assert_eq!(fail(&mut signins, "alice", 1, 0), Ok(vec![Locked::Source(source(1))]));
}

#[test]
fn an_ipv6_source_is_its_64_and_a_mapped_one_its_ipv4() {
    let of = |text: &str| Source::of(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::"));
    assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
    assert_eq!(of("::ffff:192.0.2.1"), source(1));
    assert_eq!(of("2001:db8:1:2:3::4").to_string(), "2001:db8:1:2::/64");
}

#[test]
fn memory_is_bounded_and_what_failed_often_stays() {
    let mut signins = Signins::new();
    for _ in 0..9 {
        fail(&mut signins, "alice", 1, 0).unwrap();
    }
    for number in 0..u32::try_from(REMEMBERED_MOST).unwrap() + 50 {
        let source = Source::of(IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        let attempt = signins.begin(Some(&person(&format!("u{number}"))), source, at(1)).unwrap();
        signins.failed(attempt, at(1), WALL);
    }
    assert!(signins.accounts.by_key.len() <= REMEMBERED_MOST && signins.sources.by_key.len() <= REMEMBERED_MOST);
    assert!(signins.refused.len() <= REMEMBERED_MOST + 1);
    assert_eq!(fail(&mut signins, "alice", 2, 2), Ok(vec![Locked::Account(person("alice"))]));
}

/// DESIGN §4: refused sign-ins are one event for each source and minute.
#[test]
fn refusals_are_counted_by_source_and_minute() {
    let mut signins = Signins::new();
    let minute = |number: i64| WallTime::from_micros(number * 60_000_000);
    for (from, wall) in [(1, 0), (1, 59_000_000), (2, 5), (1, 60_000_000)] {
        signins.refuse(source(from), WallTime::from_micros(wall));
    }
    let of = |from, number, count| Refused { source: Some(source(from)), minute: minute(number), count };
    assert_eq!(signins.take_refused(minute(1)), [of(1, 0, 2), of(2, 0, 1)]);
    assert_eq!(signins.take_refused(minute(1)), []);
    assert_eq!(signins.take_refused(minute(2)), [of(1, 1, 1)]);
}

proptest! {
    // In no span of thirty minutes are more than ten wrong passwords for one account, or a hundred from one source, looked
    // at, unless the right one came between; and nobody is locked out after fewer.
    #[test]
    fn no_span_has_more_guesses_than_the_limit(steps in proptest::collection::vec((0_u8..3, 0_u8..3, 0_u64..900, prop::bool::weighted(0.03)), 1..400)) {
        let mut signins = Signins::new();
        let (mut now, mut by_account, mut by_source) = (0, vec![Vec::new(); 3], vec![Vec::new(); 3]);
        for (account, from, wait, right) in steps {
            now += if wait < 850 { wait / 100 } else { wait };
            let name = person(&format!("p{account}"));
            let (tries, from_here) = (&mut by_account[usize::from(account)], &mut by_source[usize::from(from)]);
            match signins.begin(Some(&name), source(from), at(now)) {
                Ok(attempt) if right => {
                    signins.succeeded(attempt);
                    tries.clear();
                }
                Ok(attempt) => {
                    signins.failed(attempt, at(now), WALL);
                    tries.push(now);
                    from_here.push(now);
                    let within = |times: &[u64]| times.iter().filter(|time| now - **time < 1800).count();
                    prop_assert!(within(tries) <= 10 && within(from_here) <= 100);
                }
                Err(Held::Locked { .. }) => prop_assert!(tries.len() >= 10 || from_here.len() >= 100),
                Err(Held::Busy) => prop_assert!(false, "nothing is open"),
            }
        }
    }
}
