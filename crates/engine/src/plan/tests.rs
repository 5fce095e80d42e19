//! Properties of the plan, over arbitrary rows, states of a pass and targets: it lets go of nothing that was not seen to be
//! gone, takes away nothing that is not ours, and comes to an end.

use super::*;
use mayfly_domain::{
    AccountName, ChangeId, ChangeState, CredentialRef, Destination, Endpoint, Entropy, Payload, Place, RecordName,
    SessionId, TargetId, Trust,
};
use proptest::prelude::*;

/// How often the plan lets sessions be told to end.
const ROUNDS: u32 = 4;
/// The most steps that the executor lets a pass take.
const STEPS_MOST: usize = 64;
const LAST_MOMENT: i64 = 1_000;

struct Zero;
impl Entropy for Zero {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

pub(crate) fn row(kind: ChangeKind, prior: bool, confirmed: bool) -> ChangeRow {
    let endpoint = Endpoint { host: "db".to_owned(), port: 1 };
    ChangeRow {
        id: ChangeId::random(&mut Zero),
        session: SessionId::random(&mut Zero),
        provider: "fake".to_owned(),
        kind,
        target: TargetId::new("fake", "1"),
        place: Place {
            destination: Destination { endpoint, trust: Trust::Plaintext },
            credential: CredentialRef { record: RecordName::parse("admin").unwrap() },
        },
        account: AccountName::existing("a"),
        group: None,
        payload: Payload { kind: "fake".to_owned(), version: 1, bytes: Vec::new() },
        state: ChangeState::Withdrawing,
        since: WallTime::from_micros(0),
        depends_on: Vec::new(),
        last_moment: WallTime::from_micros(LAST_MOMENT),
        confirmed,
        native_id: None,
        prior: prior && kind == ChangeKind::Membership,
        held_since: WallTime::from_micros(0),
        exclusive: true,
        end_other_sessions: true,
        next_try: None,
        tries: 0,
        failure: None,
        can_log_in: None,
    }
}

fn kind() -> impl Strategy<Value = ChangeKind> {
    prop::sample::select(vec![ChangeKind::Account, ChangeKind::Membership, ChangeKind::Companion, ChangeKind::Trace])
}

fn change() -> impl Strategy<Value = ChangeRow> {
    (kind(), any::<bool>(), any::<bool>()).prop_map(|(kind, prior, confirmed)| row(kind, prior, confirmed))
}

fn failure() -> impl Strategy<Value = Failure> {
    let classes = vec![
        FailureClass::Unreachable,
        FailureClass::CredentialsRefused,
        FailureClass::NotPermitted,
        FailureClass::Conflict,
        FailureClass::IdentityChanged,
        FailureClass::Busy,
        FailureClass::OutcomeUnknown,
        FailureClass::Bug,
    ];
    prop::sample::select(classes).prop_map(|class| Failure::new(class, "said by the test"))
}

fn verb() -> impl Strategy<Value = CloseVerb> {
    use CloseVerb::{Disable, EndSessions, HandOver, Remove, Withdraw};
    prop::sample::select(vec![Disable, EndSessions, Withdraw, HandOver, Remove])
}

fn sight() -> impl Strategy<Value = Sight> {
    let presence = prop_oneof![
        Just(Presence::Absent),
        Just(Presence::Stranger),
        any::<bool>().prop_map(|leftovers| Presence::Ours { native_id: None, leftovers }),
    ];
    (presence, 0..3_u32, 0..2 * LAST_MOMENT, any::<Option<bool>>(), any::<bool>()).prop_map(
        |(presence, sessions, now, can_log_in, carrier_gone)| Sight {
            target_now: WallTime::from_micros(now),
            presence,
            sessions,
            can_log_in,
            carrier_gone,
        },
    )
}

fn pass() -> impl Strategy<Value = PassState> {
    let tried = prop::collection::btree_map(verb(), prop::option::of(failure()), 0..5);
    (tried, 0..=ROUNDS, 0..3_u32, prop::option::of(sight()), prop::option::of(failure()), any::<bool>()).prop_map(
        |(tried, end_rounds, sessions_left, sight, look_failure, stays)| PassState {
            tried,
            end_rounds,
            sessions_left,
            sight,
            look_failure,
            stays,
        },
    )
}

proptest! {
    /// Promise 2 and "What we sent may still arrive": the end of a change is a thing seen, and seen when it counts.
    #[test]
    fn nothing_is_let_go_of_unseen(change in change(), pass in pass()) {
        let Next::Conclude(ending) = next(&change, &pass, ROUNDS) else { return Ok(()) };
        if matches!(ending, Ending::Released(_)) && change.prior {
            prop_assert_eq!(pass.sessions_left, 0);
            prop_assert_eq!(pass.failure_of(CloseVerb::EndSessions), None);
            return Ok(());
        }
        let sight = pass.sight.as_ref().unwrap();
        prop_assert_eq!(sight.sessions, 0);
        let cannot_come = change.confirmed || sight.carrier_gone || sight.target_now > change.last_moment;
        match ending {
            Ending::Absent(_) => {
                prop_assert!(cannot_come);
                let ours = matches!(sight.presence, Presence::Ours { .. });
                prop_assert!(!ours);
            }
            Ending::Released(_) => {
                prop_assert!(cannot_come);
                prop_assert_eq!(&sight.presence, &Presence::Stranger);
            }
            Ending::Kept(_) => prop_assert_eq!(sight.can_log_in, Some(false)),
            Ending::WrittenOff(_) => prop_assert!(false, "only a person writes anything off"),
        }
    }

    /// Promises 3 and 4: nothing is removed with a session in sight or unless a look showed that it is ours, and a
    /// membership that was there before is never withdrawn.
    #[test]
    fn nothing_is_taken_that_must_stay(change in change(), pass in pass()) {
        let Next::Step(verb) = next(&change, &pass, ROUNDS) else { return Ok(()) };
        prop_assert!(!(verb == CloseVerb::Withdraw && change.prior));
        prop_assert!(verb != CloseVerb::Disable || change.kind == ChangeKind::Account, "a lifted account is not ours");
        if matches!(verb, CloseVerb::Remove | CloseVerb::HandOver) {
            let sight = pass.sight.as_ref().unwrap();
            prop_assert_eq!(sight.sessions, 0);
            let ours = matches!(sight.presence, Presence::Ours { .. });
            prop_assert!(ours);
            prop_assert!(change.kind != ChangeKind::Membership, "an account that was lifted stays");
        }
    }

    /// Whatever the target does and answers, a pass comes to an end, and what takes access away is tried first.
    #[test]
    fn a_pass_comes_to_an_end(
        change in change(),
        script in prop::collection::vec((prop::option::of(failure()), 0..3_u32, sight(), any::<bool>()), STEPS_MOST),
    ) {
        let mut pass = PassState::default();
        let mut looked = false;
        let mut ended = false;
        for (failed, left, seen, stays) in script {
            match next(&change, &pass, ROUNDS) {
                Next::Step(verb) => {
                    let cutting = matches!(verb, CloseVerb::Disable | CloseVerb::Withdraw);
                    prop_assert!(!(cutting && looked), "{verb:?} came after a look");
                    pass.sight = None;
                    if verb == CloseVerb::EndSessions {
                        pass.end_rounds += 1;
                    }
                    if failed.is_none() {
                        pass.sessions_left = if verb == CloseVerb::EndSessions { left } else { 0 };
                        if verb == CloseVerb::HandOver {
                            pass.stays = stays;
                        }
                    }
                    pass.tried.insert(verb, failed);
                }
                Next::Look => {
                    looked = true;
                    match failed {
                        Some(failure) => pass.look_failure = Some(failure),
                        None => pass.sight = Some(seen),
                    }
                }
                Next::Conclude(_) | Next::WaitUntil(_) | Next::GiveUp(_) => {
                    ended = true;
                    break;
                }
            }
        }
        prop_assert!(ended);
    }
}
