//! The contract of every store: what the ports promise, as functions over any `Ledger` and `Trail`, each given an empty
//! store. SQLite runs them here; another store adds one more `contract!`.

use crate::rig::{
    Rig, at, change, change_id, entry, event, installation, membership, place, session, session_id, target,
};
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{AccountName, ChangeState, EndReason, Failure, FailureClass, RunId, SessionState};
use mayfly_engine::ports::ledger::{self, ChangeRow, Entry, HoldRow, Learnt, Ledger, LedgerError, Write};
use mayfly_engine::ports::provider::{Presence, Sight};
use mayfly_engine::ports::trail::Trail;
use mayfly_engine::proof::{AbsentProof, Ending, KeptProof, ReleasedProof, WrittenOffProof};
use sha2::{Digest, Sha256};

macro_rules! contract {
    ($module:ident, $rig:expr, $($name:ident,)*) => {
        mod $module {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let rig = $rig;
                super::$name(&rig.open()).await;
            })*
        }
    };
}

contract!(
    sqlite,
    Rig::new(),
    a_session_goes_its_way_and_is_found_when_it_has_ended,
    a_session_takes_no_step_that_is_not_allowed,
    a_change_goes_its_way_and_keeps_what_was_learnt,
    only_allowed_moves_of_a_change_are_taken,
    what_was_kept_is_outstanding_and_can_be_taken_up_again,
    what_was_written_off_is_listed_for_ever_and_can_be_taken_up_again,
    due_work_is_found_in_order_and_without_the_targets_named,
    there_is_one_unfinished_membership_and_it_counts_its_holds,
    a_session_is_closable_when_nothing_that_belongs_to_it_is_at_work,
    an_entry_is_written_whole_or_not_at_all,
    lists_are_paged_by_id,
    the_trail_is_a_chain_in_the_order_of_commits,
);

/// A look that lets a change end in the given state.
pub(crate) fn ending(change: &ChangeRow, state: ChangeState) -> Ending {
    let sight =
        |presence, can_log_in| Sight { target_now: at(100), presence, sessions: 0, can_log_in, carrier_gone: true };
    match state {
        ChangeState::Absent => Ending::Absent(AbsentProof::from_sight(change, &sight(Presence::Absent, None)).unwrap()),
        ChangeState::Released => {
            Ending::Released(ReleasedProof::from_sight(change, &sight(Presence::Stranger, None)).unwrap())
        }
        ChangeState::Kept => Ending::Kept(KeptProof::from_sight(&sight(Presence::Stranger, Some(false))).unwrap()),
        ChangeState::WrittenOff => {
            let by = authorise_administration(0, 0).unwrap();
            Ending::WrittenOff(WrittenOffProof::from_person(&by, "burnt").unwrap())
        }
        _ => panic!("{state:?} is no end"),
    }
}

fn to_session(number: u64, from: SessionState, to: SessionState) -> Write {
    let reason = (to == SessionState::Ending).then_some(EndReason::Expired);
    Write::MoveSession { id: session_id(number), from, to, at: at(9), reason }
}

fn to_change(number: u64, from: ChangeState, to: ChangeState) -> Write {
    let next_try = (to == ChangeState::Withdrawing).then(|| at(20));
    Write::Move { id: change_id(number), from, to, at: at(9), next_try, learnt: Learnt::default() }
}

fn hold(change: u64, session: u64) -> HoldRow {
    HoldRow { change: change_id(change), session: session_id(session) }
}

async fn refused(store: &impl Ledger, writes: Vec<Write>) {
    let text = format!("{writes:?}");
    let answer = store.commit(entry(writes)).await;
    assert!(matches!(answer, Err(LedgerError::Expectation(_))), "{answer:?} to {text}");
}

async fn done(store: &impl Ledger, writes: Vec<Write>) {
    let text = format!("{writes:?}");
    assert_eq!(store.commit(entry(writes)).await, Ok(()), "{text}");
}

async fn state_of(store: &impl Ledger, number: u64) -> ChangeState {
    store.change(&change_id(number)).await.unwrap().unwrap().change.state
}

async fn a_session_goes_its_way_and_is_found_when_it_has_ended(store: &(impl Ledger + Trail)) {
    use SessionState::{Ended, Ending, Launching, Live};
    assert_eq!(store.footprint(&session_id(1)).await, Ok(None));
    done(store, vec![Write::OpenSession(session(1))]).await;
    let read = store.footprint(&session_id(1)).await.unwrap().unwrap();
    assert_eq!((read.session, read.changes), (session(1), Vec::new()));
    refused(store, vec![Write::OpenSession(session(1))]).await;
    done(store, vec![to_session(1, Launching, Live), to_session(1, Live, Ending)]).await;
    assert_eq!(store.open_sessions(None, 9).await.unwrap().len(), 1);
    done(store, vec![to_session(1, Ending, Ended)]).await;
    assert_eq!(store.open_sessions(None, 9).await, Ok(Vec::new()));
    let read = store.footprint(&session_id(1)).await.unwrap().unwrap().session;
    assert_eq!((read.state, read.since, read.end_reason), (Ended, at(9), Some(EndReason::Expired)));
    refused(store, vec![Write::OpenSession(session(1))]).await;
}

async fn a_session_takes_no_step_that_is_not_allowed(store: &(impl Ledger + Trail)) {
    use SessionState::{Ended, Ending, Launching, Live};
    refused(store, vec![to_session(1, Launching, Live)]).await;
    done(store, vec![Write::OpenSession(session(1))]).await;
    for to in [Launching, Ended] {
        refused(store, vec![to_session(1, Launching, to)]).await;
    }
    refused(store, vec![to_session(1, Live, Ending)]).await;
    done(store, vec![to_session(1, Launching, Ending)]).await;
    for to in [Launching, Live, Ending] {
        refused(store, vec![to_session(1, Ending, to)]).await;
    }
    done(store, vec![to_session(1, Ending, Ended)]).await;
    for to in [Launching, Live, Ending, Ended] {
        refused(store, vec![to_session(1, Ended, to)]).await;
    }
}

async fn a_change_goes_its_way_and_keeps_what_was_learnt(store: &(impl Ledger + Trail)) {
    use ChangeState::{Absent, Intended, Present, Withdrawing};
    let mut row = change(1, &session_id(1));
    row.depends_on = vec![change_id(7), change_id(8)];
    row.failure = Some(Failure::new(FailureClass::Busy, "later"));
    done(store, vec![Write::OpenSession(session(1)), Write::Intend(Box::new(row.clone()))]).await;
    assert_eq!(store.change(&row.id).await.unwrap().unwrap().change, row, "every field is kept");
    refused(store, vec![Write::Intend(Box::new(row.clone()))]).await;
    let learnt = Learnt { confirmed: Some(true), native_id: Some("16384".to_owned()), ..Learnt::default() };
    refused(store, vec![Write::Learn { id: row.id.clone(), learnt: learnt.clone() }]).await;
    let id = row.id.clone();
    done(store, vec![Write::Move { id, from: Intended, to: Present, at: at(2), next_try: None, learnt }]).await;
    done(store, vec![to_change(1, Present, Withdrawing)]).await;
    let learnt = Learnt { can_log_in: Some(false), ..Learnt::default() };
    let failure = Some(Failure::new(FailureClass::Unreachable, "no answer from db:5432"));
    let write = Write::Postpone { id: row.id.clone(), next_try: at(30), tries: 3, failure: failure.clone(), learnt };
    done(store, vec![write]).await;
    let mut expected = ChangeRow {
        state: Withdrawing,
        since: at(9),
        confirmed: true,
        native_id: Some("16384".to_owned()),
        can_log_in: Some(false),
        next_try: Some(at(30)),
        tries: 3,
        failure,
        ..row.clone()
    };
    assert_eq!(store.change(&row.id).await.unwrap().unwrap().change, expected);
    let learnt = Learnt { prior: Some(false), last_moment: Some(at(77)), ..Learnt::default() };
    done(store, vec![Write::Learn { id: row.id.clone(), learnt }]).await;
    let end = Write::Conclude { id: row.id.clone(), at: at(40), ending: ending(&expected, Absent) };
    done(store, vec![end.clone()]).await;
    expected = ChangeRow { state: Absent, since: at(40), next_try: None, last_moment: at(77), ..expected };
    assert_eq!(store.change(&row.id).await.unwrap().unwrap().change, expected, "found in the history");
    assert_eq!(store.footprint(&session_id(1)).await.unwrap().unwrap().changes, vec![expected]);
    refused(store, vec![end]).await;
    refused(store, vec![Write::Intend(Box::new(row))]).await;
}

async fn only_allowed_moves_of_a_change_are_taken(store: &(impl Ledger + Trail)) {
    use ChangeState::{Intended, Present, Withdrawing};
    let mut number = 0;
    for way in [vec![Intended], vec![Intended, Present], vec![Intended, Withdrawing]] {
        for to in ChangeState::ALL {
            number += 1;
            let mut writes = vec![Write::Intend(Box::new(change(number, &session_id(1))))];
            writes.extend(way.windows(2).map(|step| to_change(number, step[0], step[1])));
            done(store, writes).await;
            let from = *way.last().unwrap();
            if from.may_become(to) && to.is_unfinished() {
                done(store, vec![to_change(number, from, to)]).await;
                assert_eq!(state_of(store, number).await, to);
            } else {
                refused(store, vec![to_change(number, from, to)]).await;
                assert_eq!(state_of(store, number).await, from);
            }
            let now = state_of(store, number).await;
            for wrong in ChangeState::ALL.into_iter().filter(|wrong| *wrong != now) {
                refused(store, vec![to_change(number, wrong, Withdrawing)]).await;
            }
        }
    }
    let row = change(900, &session_id(1));
    for state in ChangeState::ALL.into_iter().filter(|state| *state != Intended) {
        refused(store, vec![Write::Intend(Box::new(ChangeRow { state, prior: true, ..row.clone() }))]).await;
    }
    let there = ChangeRow { state: Present, ..membership(901, &session_id(1), "writers") };
    refused(store, vec![Write::Intend(Box::new(there.clone()))]).await;
    done(store, vec![Write::Intend(Box::new(ChangeRow { prior: true, ..there }))]).await;
    let end = Write::Conclude { id: change_id(901), at: at(1), ending: ending(&row, ChangeState::Absent) };
    refused(store, vec![end]).await;
}

async fn what_was_kept_is_outstanding_and_can_be_taken_up_again(store: &(impl Ledger + Trail)) {
    use ChangeState::{Intended, Kept, Withdrawing};
    let row = change(1, &session_id(1));
    done(store, vec![Write::OpenSession(session(1)), Write::Intend(Box::new(row.clone()))]).await;
    assert_eq!(store.outstanding(None, 9).await, Ok(Vec::new()));
    done(store, vec![to_change(1, Intended, Withdrawing)]).await;
    assert_eq!(store.outstanding(None, 9).await.unwrap().len(), 1);
    done(store, vec![Write::Conclude { id: row.id.clone(), at: at(10), ending: ending(&row, Kept) }]).await;
    let outstanding = store.outstanding(None, 9).await.unwrap();
    assert_eq!((outstanding[0].change.state, outstanding[0].change.next_try), (Kept, None));
    assert_eq!(store.owed_on(&row.target, 9).await, Ok(Vec::new()));
    done(store, vec![to_change(1, Kept, Withdrawing)]).await;
    assert_eq!(store.owed_on(&row.target, 9).await.unwrap().len(), 1);
    assert_eq!(store.footprint(&session_id(1)).await.unwrap().unwrap().changes.len(), 1);
}

async fn what_was_written_off_is_listed_for_ever_and_can_be_taken_up_again(store: &(impl Ledger + Trail)) {
    use ChangeState::{Absent, Intended, Withdrawing, WrittenOff};
    let row = change(1, &session_id(1));
    let note = ledger::WriteOff {
        target: row.target.clone(),
        by: "uid:0".to_owned(),
        reason: "burnt".to_owned(),
        at: at(10),
        returned: None,
    };
    done(store, vec![Write::Intend(Box::new(row.clone())), to_change(1, Intended, Withdrawing)]).await;
    assert_eq!(store.written_off().await, Ok(Vec::new()));
    let end = Write::Conclude { id: row.id.clone(), at: at(10), ending: ending(&row, WrittenOff) };
    done(store, vec![Write::WriteOff(note.clone()), end]).await;
    assert_eq!(store.written_off().await, Ok(vec![row.target.clone()]));
    assert_eq!(store.written_off_on(&row.target, 9).await.unwrap()[0].state, WrittenOff);
    assert_eq!(store.written_off_on(&target(2), 9).await, Ok(Vec::new()));
    assert_eq!(store.due(at(999), 9, &[]).await, Ok(Vec::new()), "nothing tries it by itself");
    assert_eq!(store.outstanding(None, 9).await.unwrap().len(), 1);
    assert_eq!(store.write_offs().await, Ok(vec![note.clone()]));
    let back = Write::Return { target: row.target.clone(), at: at(30) };
    done(store, vec![to_change(1, WrittenOff, Withdrawing), back]).await;
    let end = Write::Conclude { id: row.id.clone(), at: at(31), ending: ending(&row, Absent) };
    done(store, vec![end]).await;
    assert_eq!(store.written_off().await, Ok(Vec::new()));
    let returned = Some(at(30));
    assert_eq!(store.write_offs().await, Ok(vec![ledger::WriteOff { returned, ..note.clone() }]), "the note stays");
    done(store, vec![Write::WriteOff(ledger::WriteOff { at: at(40), ..note })]).await;
    assert_eq!(store.write_offs().await.unwrap()[0].at, at(40), "the newest is the first");
}

async fn due_work_is_found_in_order_and_without_the_targets_named(store: &(impl Ledger + Trail)) {
    use ChangeState::{Intended, Withdrawing};
    assert_eq!(store.next_due(&[]).await, Ok(None));
    for (number, due) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20)), (5, Some(40))] {
        let row = ChangeRow { target: target(number % 2), ..change(number, &session_id(1)) };
        let (id, next_try) = (row.id.clone(), due.map(at));
        let learnt = Learnt::default();
        let out = Write::Move { id, from: Intended, to: Withdrawing, at: at(1), next_try, learnt };
        done(store, vec![Write::Intend(Box::new(row)), out]).await;
    }
    // One that is not withdrawing is never due.
    done(store, vec![Write::Intend(Box::new(ChangeRow { next_try: Some(at(0)), ..change(6, &session_id(1)) }))]).await;
    let ids = |rows: Vec<ChangeRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let (odd, even) = (target(1), target(0));
    assert_eq!(ids(store.due(at(30), 9, &[]).await.unwrap()), [change_id(2), change_id(4), change_id(1)]);
    assert_eq!(ids(store.due(at(30), 2, &[]).await.unwrap()), [change_id(2), change_id(4)]);
    assert_eq!(ids(store.due(at(30), 9, std::slice::from_ref(&even)).await.unwrap()), [change_id(1)]);
    assert_eq!(store.due(at(9), 9, &[]).await, Ok(Vec::new()));
    assert_eq!(store.next_due(&[]).await, Ok(Some(at(10))));
    assert_eq!(store.next_due(std::slice::from_ref(&even)).await, Ok(Some(at(30))));
    assert_eq!(store.next_due(&[odd.clone(), even]).await, Ok(None));
    assert_eq!(ids(store.owed_on(&odd, 9).await.unwrap()), [change_id(3), change_id(1), change_id(5)]);
    assert_eq!(store.owed_on(&odd, 2).await.unwrap().len(), 2);
}

async fn there_is_one_unfinished_membership_and_it_counts_its_holds(store: &(impl Ledger + Trail)) {
    use ChangeState::{Intended, Released, Withdrawing};
    let first = membership(1, &session_id(1), "writers");
    let account = AccountName::existing("deploy");
    assert_eq!(store.membership(&first.target, &account, "writers").await, Ok(None));
    done(
        store,
        vec![
            Write::OpenSession(session(1)),
            Write::OpenSession(session(2)),
            Write::Intend(Box::new(first.clone())),
            Write::Hold(hold(1, 1)),
        ],
    )
    .await;
    refused(store, vec![Write::Intend(Box::new(membership(2, &session_id(2), "writers")))]).await;
    refused(store, vec![Write::Hold(hold(1, 1))]).await;
    refused(store, vec![Write::Hold(hold(9, 1))]).await;
    done(store, vec![Write::Hold(hold(1, 2)), Write::Intend(Box::new(membership(3, &session_id(2), "readers")))]).await;
    let held = store.membership(&first.target, &account, "writers").await.unwrap().unwrap();
    let mut both = vec![session_id(1), session_id(2)];
    both.sort();
    assert_eq!((held.change.id, held.holds), (first.id.clone(), both));
    assert_eq!(store.footprint(&session_id(2)).await.unwrap().unwrap().changes, vec![first.clone()]);
    done(store, vec![Write::Release(hold(1, 1)), Write::Release(hold(1, 1)), Write::Release(hold(9, 9))]).await;
    assert_eq!(store.footprint(&session_id(1)).await.unwrap().unwrap().changes, Vec::new());
    done(store, vec![to_change(1, Intended, Withdrawing)]).await;
    refused(store, vec![Write::Intend(Box::new(membership(2, &session_id(2), "writers")))]).await;
    let end = Write::Conclude { id: first.id.clone(), at: at(10), ending: ending(&first, Released) };
    done(store, vec![end]).await;
    assert_eq!(store.change(&first.id).await.unwrap().unwrap().holds, vec![session_id(2)]);
    done(store, vec![Write::Release(hold(1, 2))]).await;
    assert_eq!(store.membership(&first.target, &account, "writers").await, Ok(None));
    done(store, vec![Write::Intend(Box::new(membership(2, &session_id(2), "writers")))]).await;
}

async fn a_session_is_closable_when_nothing_that_belongs_to_it_is_at_work(store: &(impl Ledger + Trail)) {
    use ChangeState::{Absent, Intended, Withdrawing};
    use SessionState::{Ending, Launching};
    let (account, shared) = (change(1, &session_id(1)), membership(2, &session_id(1), "writers"));
    let mut writes: Vec<Write> = (1..=3).map(|number| Write::OpenSession(session(number))).collect();
    writes.extend([Write::Intend(Box::new(account.clone())), Write::Intend(Box::new(shared.clone()))]);
    writes.extend([Write::Hold(hold(2, 1)), Write::Hold(hold(2, 2))]);
    done(store, writes).await;
    assert_eq!(store.closable_sessions(9).await, Ok(Vec::new()), "none is ending");
    done(store, (1..=3).map(|number| to_session(number, Launching, Ending)).collect()).await;
    let closable = async || {
        let rows = store.closable_sessions(9).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(closable().await, [session_id(3)]);
    done(store, vec![Write::Release(hold(2, 1))]).await;
    assert_eq!(closable().await, [session_id(3)], "its account is still there");
    let end = Write::Conclude { id: account.id.clone(), at: at(10), ending: ending(&account, Absent) };
    done(store, vec![to_change(1, Intended, Withdrawing), end]).await;
    let mut both = vec![session_id(1), session_id(3)];
    both.sort();
    assert_eq!(closable().await, both, "the membership that it made first is held by another alone");
    assert_eq!(store.closable_sessions(1).await.unwrap().len(), 1);
}

async fn an_entry_is_written_whole_or_not_at_all(store: &(impl Ledger + Trail)) {
    let bad = to_change(9, ChangeState::Intended, ChangeState::Present);
    let row = membership(1, &session_id(1), "writers");
    let good = vec![Write::OpenSession(session(1)), Write::Intend(Box::new(row)), Write::Hold(hold(1, 1))];
    let mut writes = good.clone();
    writes.push(bad);
    refused(store, writes).await;
    assert_eq!(store.footprint(&session_id(1)).await, Ok(None));
    assert_eq!(store.change(&change_id(1)).await, Ok(None));
    assert_eq!(store.size().await, Ok(0));
    done(store, good).await;
    assert_eq!(store.size().await, Ok(1));
    assert_eq!(store.change(&change_id(1)).await.unwrap().unwrap().holds, vec![session_id(1)]);
}

async fn lists_are_paged_by_id(store: &(impl Ledger + Trail)) {
    use ChangeState::{Intended, Withdrawing};
    let other = RunId::parse("run_0000000000000002").unwrap();
    for number in 0..7 {
        let mut row = session(number);
        if number % 2 == 0 {
            row.run = other.clone();
        }
        let owed = ChangeRow { place: place("root"), ..change(number, &row.id) };
        let writes =
            vec![Write::OpenSession(row), Write::Intend(Box::new(owed)), to_change(number, Intended, Withdrawing)];
        done(store, writes).await;
    }
    let mut expected: Vec<_> = (0..7).map(session_id).collect();
    expected.sort();
    let mut seen = Vec::new();
    while let Some(row) = store.open_sessions(seen.last(), 2).await.unwrap().first() {
        seen.push(row.id.clone());
    }
    assert_eq!(seen, expected);
    let mut of_others: Vec<_> = (0..7).filter(|number| number % 2 == 1).map(session_id).collect();
    of_others.sort();
    let mut seen = Vec::new();
    while let Some(row) = store.sessions_of_other_runs(&other, seen.last(), 1).await.unwrap().first() {
        seen.push(row.id.clone());
    }
    assert_eq!(seen, of_others);
    let mut expected: Vec<_> = (0..7).map(change_id).collect();
    expected.sort();
    let first = store.outstanding(None, 3).await.unwrap();
    let rest = store.outstanding(Some(&first[2].change.id), 9).await.unwrap();
    let seen: Vec<_> = first.iter().chain(&rest).map(|held| held.change.id.clone()).collect();
    assert_eq!(seen, expected);
}

/// docs/audit-format.md §1 and §2, recomputed here without the store's own code.
async fn the_trail_is_a_chain_in_the_order_of_commits(store: &(impl Ledger + Trail)) {
    assert_eq!(store.entries(0, 9).await, Ok(Vec::new()));
    for number in 0..5 {
        let events = vec![event(number * 2), event(number * 2 + 1)];
        store.commit(Entry { writes: Vec::new(), events }).await.unwrap();
    }
    let entries = store.entries(0, 100).await.unwrap();
    assert_eq!((entries.len(), store.size().await), (10, Ok(10)));
    let mut previous = [0_u8; 32];
    for (number, entry) in (0_u64..).zip(entries) {
        assert_eq!(entry.sequence, number);
        assert_eq!(entry.bytes, event(number).canonical(&installation(), number, &previous));
        previous = Sha256::new().chain_update([0]).chain_update(&entry.bytes).finalize().into();
    }
    let some = store.entries(7, 2).await.unwrap();
    assert_eq!(some.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [7, 8]);
    assert_eq!(store.entries(u64::MAX, 2).await, Ok(Vec::new()));
}
