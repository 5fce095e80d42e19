//! The cursor: it moves only past what was taken, and everything is tried until it is.

use crate::rig::{Around, entries, parts};
use mayfly_domain::audit::EventKind;
use mayfly_export::{State, serve};
use std::sync::Arc;
use std::time::Duration;

/// Serves for that long by the paused clock, then ends at once, as a kill does.
async fn for_a_while(around: &Arc<Around>, state: &Arc<State>, seconds: u64) {
    let served = tokio::time::timeout(Duration::from_secs(seconds), serve(parts(around, state))).await;
    assert!(served.is_err(), "serving never ends by itself");
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_every_entry_in_order_and_goes_on_at_its_cursor() {
    let (around, state) = (Arc::new(Around::default()), Arc::new(State::default()));
    *around.trail.lock().unwrap() = entries(0..1234);
    for_a_while(&around, &state, 5).await;
    assert_eq!(*around.taken.lock().unwrap(), (0..1234).collect::<Vec<_>>());
    assert_eq!(around.cursors.lock().unwrap()["siem"], 1234);
    around.trail.lock().unwrap().extend(entries(1234..1300));
    for_a_while(&around, &state, 5).await;
    assert_eq!(*around.taken.lock().unwrap(), (0..1300).collect::<Vec<_>>());
    let lag = state.lag();
    assert_eq!((lag.next, lag.oldest, lag.gaps, lag.failures), (1300, None, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_tried_again_and_put_on_record_after_a_minute() {
    let (around, state) = (Arc::new(Around::default()), Arc::new(State::default()));
    *around.trail.lock().unwrap() = entries(0..10);
    *around.broken.lock().unwrap() = true;
    let script = async {
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert!(around.notes.lock().unwrap().is_empty());
        assert!(state.lag().failures > 2 && state.lag().oldest.is_some(), "{:?}", state.lag());
        tokio::time::sleep(Duration::from_secs(500)).await;
        let notes = around.notes.lock().unwrap().clone();
        assert_eq!(notes, [(EventKind::SinkFailed, "/f: no space".to_owned())], "once, however long it lasts");
        assert!(around.cursors.lock().unwrap().is_empty());
        *around.broken.lock().unwrap() = false;
        tokio::time::sleep(Duration::from_secs(40)).await;
    };
    tokio::select! {
        () = serve(parts(&around, &state)) => panic!("serving never ends by itself"),
        () = script => {}
    }
    assert_eq!(*around.taken.lock().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(around.notes.lock().unwrap()[1].0, EventKind::SinkRecovered);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_cannot_be_written_makes_entries_come_twice_and_never_not() {
    let (around, state) = (Arc::new(Around::default()), Arc::new(State::default()));
    *around.trail.lock().unwrap() = entries(0..3);
    *around.stuck.lock().unwrap() = true;
    for_a_while(&around, &state, 2).await;
    *around.stuck.lock().unwrap() = false;
    for_a_while(&around, &state, 2).await;
    let taken = around.taken.lock().unwrap().clone();
    assert!(taken.len() > 3 && taken.chunks(3).all(|batch| batch == [0, 1, 2]), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn entries_that_are_missing_or_damaged_are_counted_and_hold_nothing_up() {
    let (around, state) = (Arc::new(Around::default()), Arc::new(State::default()));
    let mut trail = entries(0..6);
    trail.remove(2);
    trail[3].bytes = b"{\"at_us\":".to_vec();
    *around.trail.lock().unwrap() = trail;
    for_a_while(&around, &state, 2).await;
    assert_eq!(*around.taken.lock().unwrap(), [0, 1, 3, 5]);
    assert_eq!((state.lag().gaps, state.lag().next), (2, 6));
}
