//! Cases: making changes. What was planned, at most once, only before its last moment, and never by adopting.

use super::bench::{Bench, LIFETIME};
use super::rig::Rig;
use mayfly_domain::{ChangeKind, FailureClass};
use mayfly_engine::ports::provider::{Presence, SessionScope};
use std::time::Duration;

/// The account can log in with its secret, is in its group, carries the target's own deadline where the target can hold
/// one, and is known by the identity that the target gave it.
pub async fn opening_makes_what_was_planned(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let before = rig.now().await;
    let mut subject = bench.plan(bench.new_account(Some(&group))).await;
    let after = rig.now().await;
    assert!(!rig.has_account(subject.account()).await);
    bench.open(&mut subject).await;
    assert!(rig.has_account(subject.account()).await);
    assert!(rig.is_member(subject.account(), &group).await);
    if let Some(deadline) = rig.deadline_of(subject.account()).await {
        let rounding = Duration::from_secs(1);
        let (earliest, latest) = (before.plus(LIFETIME).minus(rounding), after.plus(LIFETIME).plus(rounding));
        assert!(earliest <= deadline && deadline <= latest, "{deadline} is not {LIFETIME:?} after {before}");
    }
    let row = subject.row(ChangeKind::Account).clone();
    let sight = bench.look(&row, SessionScope::All).await.unwrap();
    assert_eq!(sight.presence, Presence::Ours { native_id: row.native_id.clone(), leftovers: false });
    assert_eq!((sight.sessions, sight.can_log_in), (0, Some(true)));
    let mut visitor = rig.log_in(subject.account(), Some(&subject.secret)).await.unwrap();
    assert!(visitor.is_alive().await);
    assert_eq!(bench.look(&row, SessionScope::All).await.unwrap().sessions, 1);
    bench.way_out(&subject).await;
}

/// The same command a second time makes nothing, and does not change the password of what the first one made.
pub async fn nothing_is_made_twice(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let subject = bench.launch(bench.new_account(None)).await;
    let before = rig.snapshot().await;
    let row = subject.row(ChangeKind::Account);
    let failure = bench.open_one(&subject, row).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
    assert_eq!(rig.snapshot().await, before);
    assert!(rig.log_in(subject.account(), Some(&subject.secret)).await.is_some());
    bench.way_out(&subject).await;
}

/// FAILURES 43: an account of that name that is there already is somebody else's: refused, and not touched.
pub async fn opening_adopts_nothing(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let subject = bench.plan(bench.new_account(Some(&group))).await;
    rig.create_account(subject.account()).await;
    let before = rig.snapshot().await;
    let row = subject.row(ChangeKind::Account);
    let failure = bench.open_one(&subject, row).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
    assert_eq!(rig.snapshot().await, before);
    assert!(!rig.is_member(subject.account(), &group).await);
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert_eq!(sight.presence, Presence::Stranger);
    rig.remove_account(subject.account()).await;
}

/// DESIGN §4, "What we sent may still arrive": after its last moment by the target's clock a command makes nothing and says
/// that it made nothing.
pub async fn nothing_is_made_after_the_last_moment(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    for wish in [bench.new_account(Some(&group)), bench.lift(&person, &group)] {
        let mut subject = bench.plan(wish).await;
        let before = rig.snapshot().await;
        let past = rig.now().await.minus(Duration::from_secs(1));
        for index in 0..subject.rows.len() {
            subject.rows[index].last_moment = past;
            let row = subject.rows[index].clone();
            let failure = bench.open_one(&subject, &row).await.unwrap_err();
            assert!(!matches!(failure.class, FailureClass::OutcomeUnknown | FailureClass::Bug), "{failure}");
        }
        assert_eq!(rig.snapshot().await, before);
    }
}
