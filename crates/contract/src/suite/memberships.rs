//! Cases: lifting existing accounts. Exactly one membership comes and goes, and what stood there before stays.

use super::bench::{Bench, learn};
use super::rig::Rig;
use mayfly_domain::ChangeKind;
use mayfly_engine::ports::provider::{CloseVerb, Presence, SessionScope};

/// A membership that we add is reported as added, is there, and is gone after it was withdrawn; the account stays.
pub async fn a_membership_comes_and_goes(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let before = rig.snapshot().await;
    let mut subject = bench.plan(bench.lift(&person, &group)).await;
    assert!(!subject.row(ChangeKind::Membership).prior);
    let row = subject.row(ChangeKind::Membership).clone();
    let opened = bench.open_one(&subject, &row).await.unwrap();
    assert!(opened.added);
    learn(subject.row_mut(ChangeKind::Membership), &opened);
    assert!(rig.is_member(&person, &group).await);
    let row = subject.row(ChangeKind::Membership);
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert!(matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
    for _ in 0..2 {
        let closed = bench.close(CloseVerb::Withdraw, row, SessionScope::All).await.unwrap();
        assert!(closed.gone_at.is_some());
        assert!(!rig.is_member(&person, &group).await);
    }
    assert_eq!(bench.look(row, SessionScope::All).await.unwrap().presence, Presence::Absent);
    assert_eq!(rig.snapshot().await, before);
    assert!(rig.log_in(&person, None).await.is_some());
}

/// FAILURES 46: a membership that is there already is planned as prior, and survives.
pub async fn a_membership_that_was_there_is_prior(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    rig.add_member(&person, &group).await;
    let before = rig.snapshot().await;
    let subject = bench.launch(bench.lift(&person, &group)).await;
    assert!(subject.row(ChangeKind::Membership).prior);
    bench.way_out(&subject).await;
    assert!(rig.is_member(&person, &group).await);
    assert_eq!(rig.snapshot().await, before);
}

/// Somebody else adds the membership between our look and our command. Where a target keeps one row of it, ours says that it
/// added nothing; where it keeps one for each who granted it, only ours is withdrawn. Either way theirs stays.
pub async fn a_membership_added_by_others_meanwhile_stays(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let mut subject = bench.plan(bench.lift(&person, &group)).await;
    assert!(!subject.row(ChangeKind::Membership).prior);
    rig.add_member(&person, &group).await;
    let before = rig.snapshot().await;
    bench.open(&mut subject).await;
    bench.way_out(&subject).await;
    assert!(rig.is_member(&person, &group).await);
    assert_eq!(rig.snapshot().await, before);
}

/// FAILURES 42: other memberships of the account, and other members of the group, are not touched.
pub async fn only_the_one_membership_is_touched(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, colleague) = (bench.existing().await, bench.existing().await);
    let (group, other) = (bench.group().await, bench.group().await);
    rig.add_member(&person, &other).await;
    rig.add_member(&colleague, &group).await;
    let before = rig.snapshot().await;
    let subject = bench.launch(bench.lift(&person, &group)).await;
    assert!(rig.is_member(&person, &other).await && rig.is_member(&colleague, &group).await);
    bench.way_out(&subject).await;
    assert_eq!(rig.snapshot().await, before);
    let subject = bench.launch(bench.new_account(Some(&group))).await;
    bench.way_out(&subject).await;
    assert_eq!(rig.snapshot().await, before);
}

/// FAILURES 38: names that look like the target's own language are names.
pub async fn awkward_names_are_only_names(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) =
        (format!("{}{}", bench.word("p"), rig.awkward_name()), format!("{}{}", bench.word("g"), rig.awkward_name()));
    rig.create_account(&person).await;
    rig.create_group(&group).await;
    let before = rig.snapshot().await;
    for wish in [bench.lift(&person, &group), bench.new_account(Some(&group))] {
        let subject = bench.launch(wish).await;
        assert!(rig.is_member(subject.account(), &group).await);
        bench.way_out(&subject).await;
        assert_eq!(rig.snapshot().await, before);
    }
}
