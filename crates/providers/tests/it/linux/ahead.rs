//! The command that is started ahead: it waits while something is done at a host, and one that has ended is not taken for one
//! that waits.

use super::contract::Contract;
use mayfly_contract::suite::Bench;
use std::time::{Duration, Instant};

/// The shells that wait for a script, by what they were started with; the first bracket keeps the search from finding itself.
const WAITING: &str = "pgrep -f '^[t]imeout -s KILL 120 /bin/sh' || true";

/// Waits until one waits, and nothing else runs; returns its process.
async fn waiting(rig: &Contract) -> String {
    let start = Instant::now();
    loop {
        let found = rig.target.shell(WAITING).unwrap();
        if let [one] = found.split_whitespace().collect::<Vec<_>>()[..] {
            return one.to_owned();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for one that waits: {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_command_that_was_started_ahead_and_has_ended_is_not_used() {
    for which in [0, 1] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        bench.plan(bench.new_account(None)).await;
        let first = waiting(&rig).await;
        // Once it is gone on the host, that is known here before anything is given to it.
        rig.target.run(&["kill", "-KILL", &first]).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let subject = bench.launch(bench.new_account(None)).await;
        let second = waiting(&rig).await;
        assert_ne!(first, second);
        bench.way_out(&subject).await;
    }
}
