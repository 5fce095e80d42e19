//! Scenes of what is told of a session: every step once, all of it within the whole, whoever ends it, and also after a crash.

use super::script::{Do, What};
use super::stage::{Want, secs, stage};
use mayfly_domain::{EndReason, FailureClass, SessionId};
use mayfly_engine::Closing;
use mayfly_engine::ports::provider::CloseVerb::{Disable, EndSessions, Remove};
use mayfly_engine::ports::trace::{Span, Step};
use std::sync::Mutex;

/// What was told of a session, in order.
fn told(spans: Vec<Span>, session: &SessionId) -> Vec<Span> {
    spans.into_iter().filter(|span| span.session == *session).collect()
}

fn steps(spans: &[Span]) -> Vec<Step> {
    spans.iter().map(|span| span.step).collect()
}

#[test]
fn every_step_of_a_session_is_told_and_lies_within_the_whole() {
    let (world, script) = stage();
    script.on(What::Open, 1, Do::Slow(secs(2)));
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let session = client.joined.session.clone();
        process.sleep(secs(10)).await;
        let closed = process.engine.end(&session, EndReason::Terminated, "uid:0", None).unwrap();
        assert_eq!(closed.await, Ok(Closing::Clean));
        let spans = told(world.spans.all(), &session);
        let (way, whole) = spans.split_at(spans.len() - 1);
        let expected = [Step::Survey, Step::Commit, Step::Create];
        assert_eq!(steps(way)[..3], expected);
        let out = steps(&way[3..]);
        for step in [Step::End, Step::Close(Disable), Step::Close(EndSessions), Step::Close(Remove), Step::Look] {
            assert!(out.contains(&step), "{step:?} is not among {out:?}");
        }
        let create = &way[2];
        assert_eq!(create.until.since(create.from), secs(2), "it took its time");
        assert_eq!(create.provider.as_deref(), Some("fake"));
        assert_eq!(create.change.as_ref().unwrap().0, world.change_of(&session).id);
        let whole = &whole[0];
        assert_eq!((whole.step, whole.end, whole.failure), (Step::Session, Some(EndReason::Terminated), None));
        assert_eq!(whole.record.as_ref().unwrap().as_str(), "made");
        assert!(way.iter().all(|span| whole.from <= span.from && span.until <= whole.until), "{spans:?}");
        assert!(whole.until.since(whole.from) >= secs(12));
        world.assert_clean(&world.leftovers());
    });
}

/// After a crash the next life tells of the way out, and of the whole, which nobody had told of.
#[test]
fn what_a_crash_interrupted_is_told_by_the_next_life() {
    let (world, _script) = stage();
    let session = Mutex::new(None);
    let killed = world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        *session.lock().unwrap() = Some(client.joined.session.clone());
        world.faults.crash_after(1);
        Want::made("bob").join(&process).await.unwrap_err();
    });
    assert!(killed);
    let session = session.into_inner().unwrap().unwrap();
    let before = told(world.spans.all(), &session);
    assert!(!steps(&before).contains(&Step::Session), "{before:?}");
    world.live(|process| async {
        let process = process;
        process.start().await;
        world.cleaned(&process, 60).await;
    });
    let spans = told(world.spans.all(), &session);
    let after = steps(&spans[before.len()..]);
    assert!(after.contains(&Step::Close(Remove)) && after.contains(&Step::End), "{after:?}");
    let whole = spans.last().unwrap();
    assert_eq!((whole.step, whole.end), (Step::Session, Some(EndReason::ServerLost)));
    world.assert_clean(&world.leftovers());
}

#[test]
fn a_launch_that_fails_is_told_with_how_it_failed() {
    for (what, last) in [(What::Survey, Step::Survey), (What::Open, Step::Create)] {
        let (world, script) = stage();
        script.on(what, 1, Do::Fail(FailureClass::NotPermitted));
        world.live(|process| async {
            let process = process;
            process.start().await;
            assert!(Want::made("alice").join(&process).await.is_err());
            world.cleaned(&process, 60).await;
            // The first failed step, and the whole of it.
            let spans = world.spans.all();
            let failed: Vec<_> = spans.iter().filter(|span| span.failure.is_some()).collect();
            assert_eq!(failed.iter().map(|span| span.step).collect::<Vec<_>>(), [last, Step::Session], "{spans:?}");
            assert!(failed.iter().all(|span| span.failure == Some(FailureClass::NotPermitted)), "{failed:?}");
        });
    }
}

/// A target that stays away does not fill a trace: what goes wrong again and again is told at each doubling.
#[test]
fn what_fails_again_and_again_is_told_ever_more_seldom() {
    let (world, script) = stage();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let client = Want::made("alice").connect(&process).await.unwrap();
        let session = client.joined.session.clone();
        script.on(What::Close(Remove), 16, Do::Fail(FailureClass::Conflict));
        client.leave();
        world.cleaned(&process, 5_000).await;
        let spans = told(world.spans.all(), &session);
        let remove = |span: &&Span| span.step == Step::Close(Remove);
        let (failed, done): (Vec<_>, Vec<_>) = spans.iter().filter(remove).partition(|span| span.failure.is_some());
        assert_eq!((failed.len(), done.len()), (5, 1), "after 1, 2, 4, 8 and 16 tries, and the one that worked");
    });
}
