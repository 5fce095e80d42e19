//! Cases: reading. `survey` and `look` change nothing, and what cannot be is refused before anything is made.

use super::bench::Bench;
use super::rig::Rig;
use mayfly_domain::{ChangeKind, FailureClass};
use mayfly_engine::ports::provider::{Presence, SessionScope};

/// A survey changes nothing, whatever is wished, and knows the same target and its clock each time.
pub async fn a_survey_changes_nothing(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let wishes = [bench.new_account(None), bench.new_account(Some(&group)), bench.lift(&person, &group)];
    let before = rig.snapshot().await;
    let mut targets = Vec::new();
    for wish in wishes {
        let earlier = rig.now().await;
        let survey = bench.survey(&wish).await.unwrap();
        assert!(earlier <= survey.target_now && survey.target_now <= rig.now().await, "the target's own clock is read");
        assert!(!survey.changes.is_empty());
        for (index, change) in survey.changes.iter().enumerate() {
            assert!(change.depends_on.iter().all(|&other| other < index), "a change builds on earlier ones only");
        }
        targets.push(survey.target);
    }
    assert!(targets.iter().all(|target| *target == targets[0]), "{targets:?}");
    assert_eq!(rig.snapshot().await, before);
}

/// A group or an account that does not exist is a failure of the survey, with words, and nothing is made for it.
pub async fn a_survey_refuses_what_cannot_be(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let (person, group) = (bench.existing().await, bench.group().await);
    let before = rig.snapshot().await;
    let nothing = bench.word("nothing");
    for wish in [bench.new_account(Some(&nothing)), bench.lift(&person, &nothing), bench.lift(&nothing, &group)] {
        let failure = bench.survey(&wish).await.unwrap_err();
        assert!(!matches!(failure.class, FailureClass::Bug | FailureClass::OutcomeUnknown), "{failure}");
        assert!(failure.text.contains(&nothing), "the text says what is missing: {failure}");
    }
    assert_eq!(rig.snapshot().await, before);
}

/// A look changes nothing, before a change is made, while it is there and after it is gone.
pub async fn looking_changes_nothing(rig: &dyn Rig) {
    let bench = Bench::new(rig);
    let group = bench.group().await;
    let empty = rig.snapshot().await;
    let mut subject = bench.plan(bench.new_account(Some(&group))).await;
    let sight = bench.look(subject.row(ChangeKind::Account), SessionScope::All).await.unwrap();
    assert_eq!((sight.presence, sight.sessions), (Presence::Absent, 0));
    assert_eq!(rig.snapshot().await, empty);
    bench.open(&mut subject).await;
    let full = rig.snapshot().await;
    assert_ne!(full, empty);
    for row in &subject.rows {
        let earlier = rig.now().await;
        let sight = bench.look(row, SessionScope::All).await.unwrap();
        assert!(matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
        assert!(earlier <= sight.target_now && sight.target_now <= rig.now().await);
    }
    assert_eq!(rig.snapshot().await, full);
    bench.way_out(&subject).await;
    assert_eq!(rig.snapshot().await, empty);
    bench.look(subject.row(ChangeKind::Account), SessionScope::All).await.unwrap();
    assert_eq!(rig.snapshot().await, empty);
}
