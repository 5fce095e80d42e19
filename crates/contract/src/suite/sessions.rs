//! Cases: sessions on the target. Nobody stays in, and nobody is thrown out who has nothing to do with us.

use super::bench::Bench;
use super::rig::Rig;
use mayfly_domain::ChangeKind;
use mayfly_engine::ports::provider::{CloseVerb, Presence, SessionScope};
use std::time::Duration;

/// FAILURES 12: a live session stands in the way of removal, however it was let in; it is told to end, and then nothing does.
pub async fn a_running_session_is_ended_before_removal(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let before = rig.snapshot().await;
    let subject = bench.launch(bench.new_account(None)).await;
    let row = subject.row(ChangeKind::Account);
    let mut visitors = Vec::new();
    for _ in 0..3 {
        visitors.push(rig.log_in(subject.account(), Some(&subject.secret)).await.unwrap());
    }
    assert_eq!(bench.look(row, SessionScope::All).await.unwrap().sessions, 3);
    let failure = bench.close(CloseVerb::Remove, row, SessionScope::All).await.unwrap_err();
    assert!(rig.has_account(subject.account()).await, "{failure}");
    bench.end_sessions(row, SessionScope::All).await;
    for visitor in &mut visitors {
        assert!(!visitor.is_alive().await);
    }
    bench.way_out(&subject).await;
    assert_eq!(rig.snapshot().await, before);
}

/// DESIGN §4, "Existing accounts": what our connections started ends, and what logged in since the first hold where the
/// record says so; what is older, and what came after the membership was gone, goes on.
pub async fn bystanders_of_a_lifted_account_survive(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let mut older = rig.log_in(&person, None).await.unwrap();
    let from = bench.tick().await;
    let subject = bench.launch(bench.lift(&person, &group)).await;
    let row = subject.row(ChangeKind::Membership);
    let mut ours = rig.log_in(&person, None).await.unwrap();
    let mut others = rig.log_in(&person, None).await.unwrap();
    let until = bench.tick().await;
    let mut later = rig.log_in(&person, None).await.unwrap();

    let scope = SessionScope::Ours(vec![ours.native()]);
    assert_eq!(bench.look(row, scope.clone()).await.unwrap().sessions, 1);
    bench.end_sessions(row, scope.clone()).await;
    assert_eq!(bench.look(row, scope).await.unwrap().sessions, 0);
    assert!(!ours.is_alive().await);
    assert!(older.is_alive().await && others.is_alive().await && later.is_alive().await);

    let scope = SessionScope::Between { from, until: Some(until) };
    assert_eq!(bench.look(row, scope.clone()).await.unwrap().sessions, 1);
    bench.end_sessions(row, scope).await;
    assert!(!others.is_alive().await);
    assert!(older.is_alive().await && later.is_alive().await);

    bench.end_sessions(row, SessionScope::Between { from, until: None }).await;
    assert!(!later.is_alive().await);
    bench.end_sessions(row, SessionScope::Ours(Vec::new())).await;
    assert!(older.is_alive().await, "a session older than the hold is reported, never ended");
    bench.way_out(&subject).await;
    assert!(older.is_alive().await);
}

/// FAILURES 13: where a session outlives its account, it is found by the identity that the account had, and ended.
pub async fn sessions_outlive_their_account(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let subject = bench.launch(bench.new_account(None)).await;
    let row = subject.row(ChangeKind::Account);
    let mut visitor = rig.log_in(subject.account(), Some(&subject.secret)).await.unwrap();
    rig.remove_account(subject.account()).await;
    let survived = visitor.is_alive().await;
    let sight = bench.look(row, SessionScope::All).await.unwrap();
    assert_eq!((sight.presence, sight.sessions), (Presence::Absent, u32::from(survived)));
    bench.end_sessions(row, SessionScope::All).await;
    assert!(!visitor.is_alive().await);
    bench.way_out(&subject).await;
}

/// DESIGN §1.6: while a session lasts, one that somebody opened past us is told from ours, and from one of ours that is just
/// coming in; it alone is ended, and named.
pub async fn a_session_past_us_is_told_from_ours(rig: &dyn Rig) {
    const OLD: Duration = Duration::from_secs(2);
    let bench = Bench::new(rig);
    let subject = bench.launch(bench.new_account(None)).await;
    let row = subject.row(ChangeKind::Account);
    let log_in = || rig.log_in(subject.account(), Some(&subject.secret));
    let (mut ours, mut past_us) = (log_in().await.unwrap(), log_in().await.unwrap());
    tokio::time::sleep(OLD + Duration::from_secs(1)).await;
    let mut coming = log_in().await.unwrap();
    let scope = SessionScope::Foreign { ours: vec![ours.native()], older_than: OLD };
    assert_eq!(bench.look(row, scope.clone()).await.unwrap().sessions, 1);
    let closed = bench.close(CloseVerb::EndSessions, row, scope.clone()).await.unwrap();
    assert_eq!(closed.report.len(), 1, "{:?}", closed.report);
    bench.end_sessions(row, scope).await;
    assert!(!past_us.is_alive().await);
    assert!(ours.is_alive().await && coming.is_alive().await);
    bench.way_out(&subject).await;
}
