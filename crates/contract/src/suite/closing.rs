//! Cases: the way out of accounts. Any step may be repeated, may find nothing, and touches only what is ours.

use super::bench::{Bench, Subject};
use super::rig::Rig;
use mayfly_domain::{ChangeKind, FailureClass, TargetId};
use mayfly_engine::ports::provider::{CloseVerb, Presence, SessionScope};

/// The verbs of an account's way out, in their order.
const ACCOUNT: [CloseVerb; 4] = [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove];

/// The verbs that a membership's way out has.
const MEMBERSHIP: [CloseVerb; 2] = [CloseVerb::EndSessions, CloseVerb::Withdraw];

/// What was never made is closed without a failure and without an effect.
pub async fn closing_nothing_succeeds(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let made = bench.plan(bench.new_account(Some(&group))).await;
    let lifted = bench.plan(bench.lift(&person, &group)).await;
    let before = rig.snapshot().await;
    for verb in ACCOUNT {
        let closed = bench.close(verb, made.row(ChangeKind::Account), SessionScope::All).await.unwrap();
        assert_eq!((closed.sessions_left, closed.stays), (0, false), "{verb:?}");
    }
    for verb in MEMBERSHIP {
        let row = lifted.row(ChangeKind::Membership);
        let scope = SessionScope::Between { from: row.held_since, until: None };
        let closed = bench.close(verb, row, scope).await.unwrap();
        assert_eq!(closed.sessions_left, 0, "{verb:?}");
    }
    assert_eq!(rig.snapshot().await, before);
}

/// Every verb twice is the same as once.
pub async fn closing_twice_is_closing_once(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let before = rig.snapshot().await;
    let subject = bench.launch(bench.new_account(Some(&group))).await;
    let mut visitor = rig.log_in(subject.account(), Some(&subject.secret)).await.unwrap();
    assert!(visitor.is_alive().await);
    let row = subject.row(ChangeKind::Account);
    for verb in ACCOUNT {
        bench.close(verb, row, SessionScope::All).await.unwrap();
        if verb == CloseVerb::EndSessions {
            bench.end_sessions(row, SessionScope::All).await;
        }
        let once = rig.snapshot().await;
        bench.close(verb, row, SessionScope::All).await.unwrap();
        assert_eq!(rig.snapshot().await, once, "{verb:?}");
    }
    assert!(!visitor.is_alive().await);
    bench.way_out(&subject).await;
    assert_eq!(rig.snapshot().await, before);
}

/// `Disable` keeps the account out, and a look says so.
pub async fn a_disabled_account_cannot_log_in(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let subject = bench.launch(bench.new_account(None)).await;
    assert!(rig.log_in(subject.account(), Some(&subject.secret)).await.is_some());
    let row = subject.row(ChangeKind::Account);
    bench.close(CloseVerb::Disable, row, SessionScope::All).await.unwrap();
    assert!(rig.log_in(subject.account(), Some(&subject.secret)).await.is_none());
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert_eq!(sight.can_log_in, Some(false));
    assert!(matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
    bench.way_out(&subject).await;
}

/// FAILURES 43: an account under our name without our mark goes through every verb unharmed, and so do its sessions.
pub async fn a_stranger_is_not_touched(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let subject = bench.plan(bench.new_account(Some(&group))).await;
    rig.create_account(subject.account()).await;
    rig.add_member(subject.account(), &group).await;
    let mut visitor = rig.log_in(subject.account(), None).await.unwrap();
    let before = rig.snapshot().await;
    let row = subject.row(ChangeKind::Account);
    for verb in ACCOUNT {
        let closed = bench.close(verb, row, SessionScope::All).await.unwrap();
        assert_eq!(closed.sessions_left, 0, "{verb:?}");
        let sight = bench.look(row, SessionScope::All).await.unwrap();
        assert_eq!((sight.presence, sight.sessions), (Presence::Stranger, 0), "{verb:?}");
    }
    assert_eq!(rig.snapshot().await, before);
    assert!(visitor.is_alive().await);
    assert!(rig.log_in(subject.account(), None).await.is_some());
    drop(visitor);
    rig.remove_account(subject.account()).await;
}

/// DESIGN §4, "Out": an account is verified by the identity that the target had given it, so a new name does not hide it.
pub async fn a_renamed_account_is_found_by_its_identity(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let before = rig.snapshot().await;
    let subject = bench.launch(bench.new_account(None)).await;
    let row = subject.row(ChangeKind::Account);
    let hidden = bench.word("hidden");
    if !rig.rename_account(subject.account(), &hidden).await {
        return;
    }
    assert!(row.native_id.is_some(), "a target that can rename gives identities that last");
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert!(matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
    bench.way_out(&subject).await;
    assert!(!rig.has_account(&hidden).await);
    assert_eq!(rig.snapshot().await, before);
}

/// FAILURES 33: what the account owns is seen, stands in the way of its removal, and is handed over by the policy.
pub async fn leftovers_are_seen_and_handed_over(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let subject = bench.launch(bench.new_account(None)).await;
    rig.own_something(subject.account(), &subject.secret).await;
    let row = subject.row(ChangeKind::Account);
    bench.close(CloseVerb::Disable, row, SessionScope::All).await.unwrap();
    bench.end_sessions(row, SessionScope::All).await;
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert!(matches!(sight.presence, Presence::Ours { leftovers: true, .. }), "{sight:?}");
    let failure = bench.close(CloseVerb::Remove, row, SessionScope::All).await.unwrap_err();
    assert!(!matches!(failure.class, FailureClass::OutcomeUnknown | FailureClass::Bug), "{failure}");
    assert!(rig.has_account(subject.account()).await);
    bench.close(CloseVerb::HandOver, row, SessionScope::All).await.unwrap();
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert!(matches!(sight.presence, Presence::Ours { leftovers: false, .. }), "{sight:?}");
    bench.way_out(&subject).await;
    assert!(!rig.has_account(subject.account()).await);
}

/// DESIGN §4, "Identity": where the ledger says another target than the one that answers, nothing is done and nothing is
/// believed.
pub async fn another_server_gets_nothing(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let mut planned = bench.plan(bench.new_account(Some(&group))).await;
    let mut made = bench.launch(bench.new_account(Some(&group))).await;
    let mut lifted = bench.launch(bench.lift(&person, &group)).await;
    let before = rig.snapshot().await;
    let here = made.survey.target.clone();
    let elsewhere = TargetId::from_text(format!("{here}-another"));
    for subject in [&mut planned, &mut made, &mut lifted] {
        subject.rows.iter_mut().for_each(|row| row.target = elsewhere.clone());
    }
    let row = planned.row(ChangeKind::Account);
    assert_eq!(bench.open_one(&planned, row).await.unwrap_err().class, FailureClass::IdentityChanged);
    for (subject, kind, verbs) in
        [(&made, ChangeKind::Account, &ACCOUNT[..]), (&lifted, ChangeKind::Membership, &MEMBERSHIP[..])]
    {
        let row = subject.row(kind);
        let failure = bench.look(row, SessionScope::All).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::IdentityChanged, "{failure}");
        for &verb in verbs {
            let failure = bench.close(verb, row, SessionScope::All).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::IdentityChanged, "{verb:?}: {failure}");
        }
    }
    assert_eq!(rig.snapshot().await, before);
    for subject in [&mut made, &mut lifted] {
        subject.rows.iter_mut().for_each(|row| row.target = here.clone());
        bench.way_out(subject).await;
    }
}

/// Promise 2: after a whole life, of an account made and of one lifted, the target is as it was.
pub async fn a_whole_life_leaves_nothing(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let before = rig.snapshot().await;
    for wish in [bench.new_account(None), bench.new_account(Some(&group)), bench.lift(&person, &group)] {
        let subject = bench.launch(wish).await;
        let mut visitor = log_in(rig, &subject).await;
        assert!(visitor.is_alive().await);
        bench.way_out(&subject).await;
        assert!(!visitor.is_alive().await, "somebody is still in");
        drop(visitor);
        assert_eq!(rig.snapshot().await, before);
    }
}

async fn log_in(rig: &dyn Rig, subject: &Subject) -> Box<dyn super::rig::Visitor> {
    let made = subject.rows.iter().any(|row| row.kind == ChangeKind::Account);
    rig.log_in(subject.account(), made.then_some(&subject.secret)).await.unwrap()
}
