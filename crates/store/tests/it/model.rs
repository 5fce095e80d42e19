//! Random writes, against the ledger in memory that keeps the port's rules to the letter: after every entry both answer the
//! same, whatever they are asked.

use crate::contract::ending;
use crate::rig::{Rig, at, change, change_id, event, membership, session, session_id, target};
use mayfly_contract::faults::Faults;
use mayfly_contract::ledger::MemoryLedger;
use mayfly_domain::{
    AccountName, ChangeKind, ChangeState, EndReason, Endpoint, Failure, FailureClass, RunId, SessionState, Trust,
};
use mayfly_engine::ports::ledger::{ChangeRow, Entry, HoldRow, Learnt, Ledger, LedgerError, Write};
use proptest::prelude::*;
use std::sync::Arc;

const SESSIONS: u64 = 4;
const CHANGES: u64 = 7;
fn endpoint(number: u64) -> Endpoint {
    Endpoint { host: format!("db{number}"), port: 5432 }
}

const GROUPS: [&str; 2] = ["readers", "writers"];

fn session_state() -> impl Strategy<Value = SessionState> {
    use SessionState::{Ended, Ending, Launching, Live};
    prop_oneof![Just(Launching), Just(Live), Just(Ending), Just(Ended)]
}

fn change_state() -> impl Strategy<Value = ChangeState> {
    proptest::sample::select(ChangeState::ALL.to_vec())
}

fn learnt() -> impl Strategy<Value = Learnt> {
    let id = proptest::option::of("[0-9]{1,3}");
    let time = proptest::option::of((0_i64..100).prop_map(at));
    (any::<Option<bool>>(), id, any::<Option<bool>>(), time, any::<Option<bool>>()).prop_map(
        |(confirmed, native_id, prior, last_moment, can_log_in)| Learnt {
            confirmed,
            native_id,
            prior,
            last_moment,
            can_log_in,
        },
    )
}

/// Even changes are accounts and odd ones memberships, so that two of them meet in one group.
fn row(number: u64, of: u64, group: usize, state: ChangeState, prior: bool) -> ChangeRow {
    let made = if number.is_multiple_of(2) {
        change(number, &session_id(of))
    } else {
        membership(number, &session_id(of), GROUPS[group])
    };
    ChangeRow { target: target(group as u64), state, prior, ..made }
}

fn write() -> impl Strategy<Value = Write> {
    let (sessions, changes) = (0..SESSIONS, 0..CHANGES);
    let beginning = prop_oneof![9 => Just(ChangeState::Intended), 1 => change_state()];
    let hold = (changes.clone(), sessions.clone())
        .prop_map(|(change, session)| HoldRow { change: change_id(change), session: session_id(session) });
    let end = prop_oneof![Just(ChangeState::Absent), Just(ChangeState::Released), Just(ChangeState::Kept)];
    let next_try = proptest::option::of((0_i64..50).prop_map(at));
    prop_oneof![
        2 => sessions.clone().prop_map(|number| Write::OpenSession(session(number))),
        3 => (sessions.clone(), session_state(), session_state(), any::<bool>()).prop_map(|(number, from, to, why)| {
            let reason = why.then_some(EndReason::Terminated);
            Write::MoveSession { id: session_id(number), from, to, at: at(3), reason }
        }),
        4 => (changes.clone(), sessions, 0..2_usize, beginning, any::<bool>()).prop_map(
            |(number, of, group, state, prior)| Write::Intend(Box::new(row(number, of, group, state, prior)))
        ),
        5 => (changes.clone(), change_state(), change_state(), next_try, learnt()).prop_map(
            |(number, from, to, next_try, learnt)| {
                Write::Move { id: change_id(number), from, to, at: at(4), next_try, learnt }
            }
        ),
        2 => (changes.clone(), end).prop_map(|(number, state)| {
            // A membership that is kept could be met again by another; keeping is for accounts.
            let state = if state == ChangeState::Kept && number % 2 == 1 { ChangeState::Absent } else { state };
            let ending = ending(&change(number, &session_id(0)), state);
            Write::Conclude { id: change_id(number), at: at(5), ending }
        }),
        1 => (changes.clone(), learnt()).prop_map(|(number, learnt)| Write::Learn { id: change_id(number), learnt }),
        2 => (changes, 0_i64..50, 0_u32..9, any::<bool>(), learnt()).prop_map(|(number, next, tries, failed, learnt)| {
            let failure = failed.then(|| Failure::new(FailureClass::Busy, "later"));
            Write::Postpone { id: change_id(number), next_try: at(next), tries, failure, learnt }
        }),
        3 => hold.clone().prop_map(Write::Hold),
        2 => hold.prop_map(Write::Release),
        1 => (0..2_u64, proptest::option::of(0..2_u64)).prop_map(|(host, which)| {
            Write::Know { endpoint: endpoint(host), target: which.map(target) }
        }),
        1 => (0..CHANGES, any::<bool>()).prop_map(|(number, plain)| {
            let from = change(number, &session_id(0)).place.destination;
            let fingerprint = "SHA256:another \"key\"".to_owned();
            Write::Trust { from, trust: if plain { Trust::Plaintext } else { Trust::HostKey { fingerprint } } }
        }),
    ]
}

/// Both refuse, or neither; the words are each one's own.
fn same_answer(left: &Result<(), LedgerError>, right: &Result<(), LedgerError>) -> bool {
    matches!((left, right), (Ok(()), Ok(())) | (Err(LedgerError::Expectation(_)), Err(LedgerError::Expectation(_))))
}

macro_rules! same {
    ($left:expr, $right:expr, $($call:tt)*) => {
        assert_eq!($left.$($call)*.await, $right.$($call)*.await, "{}", stringify!($($call)*));
    };
}

async fn compare(left: &impl Ledger, right: &impl Ledger) {
    for number in 0..SESSIONS {
        same!(left, right, footprint(&session_id(number)));
    }
    for number in 0..CHANGES {
        same!(left, right, change(&change_id(number)));
    }
    for group in 0..2 {
        let except = [target(group)];
        same!(left, right, due(at(20), 3, &except));
        same!(left, right, next_due(&except));
        same!(left, right, owed_on(&target(group), 3));
        for range in [0..=u32::MAX, 1..=5, 6..=99_999] {
            same!(left, right, highest_native_id(&target(group), &range));
        }
        for name in GROUPS {
            same!(left, right, membership(&target(group), &AccountName::existing("deploy"), name));
        }
    }
    for number in 0..2 {
        same!(left, right, known_target(&endpoint(number)));
    }
    same!(left, right, due(at(20), 9, &[]));
    same!(left, right, next_due(&[]));
    same!(left, right, closable_sessions(9));
    same!(left, right, open_sessions(None, 9));
    same!(left, right, open_sessions(Some(&session_id(1)), 9));
    same!(left, right, outstanding(None, 9));
    same!(left, right, outstanding(Some(&change_id(1)), 2));
    same!(left, right, sessions_of_other_runs(&RunId::parse("run_0000000000000002").unwrap(), None, 2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_store_and_the_model_answer_alike(
        entries in proptest::collection::vec(proptest::collection::vec(write(), 1..4), 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::new();
            let (store, model) = (rig.open(), MemoryLedger::new(Arc::new(Faults::default())));
            let mut taken = 0;
            for writes in entries {
                // Kinds are as `row` makes them, whatever a case was shrunk to.
                assert!(writes.iter().all(|write| !matches!(write, Write::Intend(row) if row.kind == ChangeKind::Trace)));
                let entry = Entry { writes, events: vec![event(1)] };
                let (ours, theirs) = (store.commit(entry.clone()).await, model.commit(entry.clone()).await);
                assert!(same_answer(&ours, &theirs), "{ours:?} and {theirs:?} to {entry:?}");
                taken += u64::from(ours.is_ok());
                compare(&store, &model).await;
            }
            assert_eq!(mayfly_engine::ports::trail::Trail::size(&store).await, Ok(taken));
        });
    }
}

/// A hold says something of a membership alone: every other change belongs to its session, whoever names it.
#[tokio::test]
async fn a_hold_of_an_account_is_nobodys_claim() {
    let rig = Rig::new();
    let (store, model) = (rig.open(), MemoryLedger::new(Arc::new(Faults::default())));
    let (account, id) = (row(0, 1, 0, ChangeState::Intended, false), session_id(0));
    let hold = HoldRow { change: account.id.clone(), session: id.clone() };
    let (from, to) = (SessionState::Launching, SessionState::Ending);
    let writes = vec![
        Write::Intend(Box::new(account)),
        Write::OpenSession(session(0)),
        Write::Hold(hold),
        Write::MoveSession { id, from, to, at: at(3), reason: None },
    ];
    let entry = Entry { writes, events: vec![event(1)] };
    store.commit(entry.clone()).await.unwrap();
    model.commit(entry).await.unwrap();
    compare(&store, &model).await;
    assert_eq!(store.closable_sessions(9).await.unwrap().len(), 1);
}
