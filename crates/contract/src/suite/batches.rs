//! Cases: batches. One step's failure is that step's alone.

use super::bench::{Bench, Subject, learn};
use super::rig::Rig;
use mayfly_domain::{ChangeKind, FailureClass, Payload};
use mayfly_engine::ports::provider::{CloseVerb, Presence, SessionScope, Survey};

/// So many accounts at once, more than fit a small batch.
const MANY: usize = 12;

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

/// Surveys of several wishes at once, one of which cannot be: each has its own answer, in order.
pub async fn one_bad_wish_is_refused_alone(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let (nothing, before) = (bench.word("nothing"), rig.snapshot().await);
    let wishes = [
        bench.new_account(Some(&group)),
        bench.new_account(Some(&nothing)),
        bench.lift(&person, &group),
        bench.lift(&nothing, &group),
        bench.new_account(None),
    ];
    let answers = bench.survey_all(&wishes).await;
    assert_eq!(rig.snapshot().await, before);
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true], "{answers:?}");
    for (wish, answer) in wishes.iter().zip(answers) {
        match answer {
            Ok(survey) => {
                let alone = bench.survey(wish).await.unwrap();
                assert_eq!(survey.target, alone.target);
                let told = |survey: &Survey| -> Vec<_> {
                    survey
                        .changes
                        .iter()
                        .map(|one| (one.kind, one.account.clone(), one.group.clone(), one.prior))
                        .collect()
                };
                assert_eq!(told(&survey), told(&alone), "the same as alone");
                assert!(survey.target_now <= alone.target_now);
            }
            Err(failure) => assert!(failure.text.contains(&nothing), "the text says what is missing: {failure}"),
        }
    }
}

/// Every verb of the way out for three accounts at once, the second of which is written down in a way that nobody can read: it
/// keeps no other back, and nothing is done to it.
pub async fn one_bad_step_of_any_verb_fails_alone(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let before = rig.snapshot().await;
    let mut subjects = Vec::new();
    for _ in 0..3 {
        subjects.push(bench.launch(bench.new_account(None)).await);
    }
    let good = subjects[1].row(ChangeKind::Account).clone();
    // What no build of ours ever froze.
    let unreadable = &mut subjects[1].row_mut(ChangeKind::Account).payload;
    *unreadable = Payload { kind: "nothing".to_owned(), version: 0, bytes: Vec::new() };
    let rows: Vec<_> = subjects.iter().map(|subject: &Subject| subject.row(ChangeKind::Account)).collect();
    for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
        if verb == CloseVerb::Remove {
            let sights = bench.look_all(&rows).await;
            assert_eq!(sights.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{sights:?}");
        }
        let answers = bench.close_all(verb, &rows).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{verb:?}: {answers:?}");
    }
    for (index, subject) in subjects.iter().enumerate() {
        assert_eq!(rig.has_account(subject.account()).await, index == 1);
    }
    assert!(rig.log_in(subjects[1].account(), Some(&subjects[1].secret)).await.is_some(), "nothing was done to it");
    *subjects[1].row_mut(ChangeKind::Account) = good;
    bench.way_out(&subjects[1]).await;
    assert_eq!(rig.snapshot().await, before);
}

/// Memberships of several accounts at once, one of which cannot be granted any more: the others are, and are taken away
/// together again.
pub async fn memberships_go_together(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(bench.existing().await);
    }
    let before = rig.snapshot().await;
    let mut subjects = Vec::new();
    for person in &people {
        subjects.push(bench.plan(bench.lift(person, &group)).await);
    }
    let late = rig.now().await.minus(std::time::Duration::from_secs(1));
    let in_time = subjects[1].row(ChangeKind::Membership).last_moment;
    subjects[1].row_mut(ChangeKind::Membership).last_moment = late;
    let steps = subjects.iter().map(|subject| bench.open_step(subject, subject.row(ChangeKind::Membership))).collect();
    let answers = bench.open_all(steps).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{answers:?}");
    for (index, (person, answer)) in people.iter().zip(&answers).enumerate() {
        assert_eq!(rig.is_member(person, &group).await, index != 1);
        if let Ok(opened) = answer {
            learn(subjects[index].row_mut(ChangeKind::Membership), opened);
        }
    }
    subjects[1].row_mut(ChangeKind::Membership).last_moment = in_time;
    let rows: Vec<_> = subjects.iter().map(|subject: &Subject| subject.row(ChangeKind::Membership)).collect();
    assert!(bench.close_all(CloseVerb::Withdraw, &rows).await.iter().all(Result::is_ok));
    assert_eq!(rig.snapshot().await, before);
}

/// As many accounts as a batch of ours has: all are made, each with its own secret, and all are gone again.
pub async fn many_accounts_come_and_go_together(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let before = rig.snapshot().await;
    let wishes: Vec<_> = (0..MANY).map(|_| bench.new_account(Some(&group))).collect();
    let surveys = bench.survey_all(&wishes).await;
    let mut subjects: Vec<_> =
        wishes.into_iter().zip(surveys).map(|(wish, survey)| bench.subject(wish, survey.unwrap())).collect();
    let steps = subjects.iter().map(|subject| bench.open_step(subject, subject.row(ChangeKind::Account))).collect();
    for (subject, opened) in subjects.iter_mut().zip(bench.open_all(steps).await) {
        learn(subject.row_mut(ChangeKind::Account), &opened.unwrap());
    }
    let mut identities: Vec<_> = subjects.iter().map(|one| one.row(ChangeKind::Account).native_id.clone()).collect();
    if identities.iter().all(Option::is_some) {
        identities.sort();
        identities.dedup();
        assert_eq!(identities.len(), MANY, "each has an identity of its own");
    }
    assert!(rig.log_in(subjects[1].account(), Some(&subjects[1].secret)).await.is_some(), "and its own secret");
    let mut visitor = rig.log_in(subjects[MANY - 1].account(), Some(&subjects[MANY - 1].secret)).await.unwrap();
    assert!(visitor.is_alive().await);
    let rows: Vec<_> = subjects.iter().map(|subject: &Subject| subject.row(ChangeKind::Account)).collect();
    let sights = bench.look_all(&rows).await;
    let seen: Vec<_> = sights.into_iter().map(|sight| sight.unwrap().sessions).collect();
    assert_eq!((seen[0], seen[MANY - 1]), (0, 1), "each sees its own sessions: {seen:?}");
    assert!(bench.close_all(CloseVerb::Disable, &rows).await.iter().all(Result::is_ok));
    bench.close_all(CloseVerb::EndSessions, &rows).await.into_iter().for_each(|one| drop(one.unwrap()));
    bench.end_sessions(rows[MANY - 1], SessionScope::All).await;
    assert!(!visitor.is_alive().await);
    if subjects.iter().all(|subject| subject.rows.len() == 1) {
        assert!(bench.close_all(CloseVerb::Remove, &rows).await.iter().all(Result::is_ok));
        for sight in bench.look_all(&rows).await {
            assert_eq!(sight.unwrap().presence, Presence::Absent);
        }
    } else {
        // What belongs to an account goes before it.
        for subject in &subjects {
            bench.way_out(subject).await;
        }
    }
    assert_eq!(rig.snapshot().await, before);
}
