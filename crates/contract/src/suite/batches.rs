//! Cases: batches. One step's failure is that step's alone.

use super::bench::{Bench, Subject, learn};
use super::rig::Rig;
use mayfly_domain::{ChangeKind, FailureClass};
use mayfly_engine::ports::provider::{CloseVerb, SessionScope};

/// Three accounts in one batch, the name of the second taken: the others are made.
pub async fn one_bad_step_of_opening_fails_alone(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let mut subjects = Vec::new();
    for _ in 0..3 {
        subjects.push(bench.plan(bench.new_account(Some(&group))).await);
    }
    rig.create_account(subjects[1].account()).await;
    let steps = subjects.iter().map(|subject| bench.open_step(subject, subject.row(ChangeKind::Account))).collect();
    let answers = bench.open_all(steps).await;
    let classes: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|failure| failure.class)).collect();
    assert_eq!(classes, [None, Some(FailureClass::Conflict), None]);
    for (index, subject) in subjects.iter_mut().enumerate() {
        assert_eq!(rig.is_member(subject.account(), &group).await, index != 1);
        if let Ok(opened) = &answers[index] {
            learn(subject.row_mut(ChangeKind::Account), opened);
            assert!(rig.log_in(subject.account(), Some(&subject.secret)).await.is_some());
            bench.way_out(subject).await;
        }
    }
    rig.remove_account(subjects[1].account()).await;
}

/// Three accounts in one batch, the second of which somebody uses: the others are removed.
pub async fn one_bad_step_of_closing_fails_alone(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let before = rig.snapshot().await;
    let mut subjects = Vec::new();
    for _ in 0..3 {
        subjects.push(bench.launch(bench.new_account(None)).await);
    }
    let mut visitor = rig.log_in(subjects[1].account(), Some(&subjects[1].secret)).await.unwrap();
    let rows: Vec<_> = subjects.iter().map(|subject: &Subject| subject.row(ChangeKind::Account)).collect();
    assert!(bench.close_all(CloseVerb::Disable, &rows).await.iter().all(Result::is_ok));
    assert!(visitor.is_alive().await, "closing an account to log-ins ends no session");
    let answers = bench.close_all(CloseVerb::Remove, &rows).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{answers:?}");
    for (index, subject) in subjects.iter().enumerate() {
        assert_eq!(rig.has_account(subject.account()).await, index == 1);
    }
    bench.end_sessions(rows[1], SessionScope::All).await;
    assert!(bench.close_all(CloseVerb::Remove, &rows).await.iter().all(Result::is_ok));
    assert_eq!(rig.snapshot().await, before);
    drop(visitor);
}
