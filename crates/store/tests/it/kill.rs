//! SIGKILL in the middle of writing: after each one the store opens, the chain is whole, and whatever was acknowledged is
//! there. The child is this very test binary, told by the environment to write until it is killed.

use crate::rig::{Key, Rig, Ticking, event, installation};
use mayfly_engine::ports::ledger::{Entry, Ledger};
use mayfly_engine::ports::trail::Trail;
use mayfly_store::{Settings, Store};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const DATA: &str = "MAYFLY_STORE_TEST_DATA";
const CHECKPOINTS: &str = "MAYFLY_STORE_TEST_CHECKPOINTS";
const FIRST: &str = "MAYFLY_STORE_TEST_FIRST";

/// What the child does. Run without the environment it checks that it is not started by mistake.
#[tokio::test]
async fn child() {
    let Ok(data) = std::env::var(DATA) else {
        assert!(std::env::var(FIRST).is_err());
        return;
    };
    let settings = Settings { directory: data.into(), checkpoints: std::env::var(CHECKPOINTS).unwrap().into() };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = Arc::new(Store::open(&settings, Arc::new(Ticking::new()), Arc::new(Key::new(1))).unwrap());
    let lanes = (0..8_u64).map(|lane| {
        let store = Arc::clone(&store);
        async move {
            for number in (0..).map(|round| first + round * 8 + lane) {
                let events = vec![event(number)];
                store.commit(Entry { writes: Vec::new(), events }).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {number}").unwrap();
                out.flush().unwrap();
            }
        }
    });
    futures_util::future::join_all(lanes).await;
}

fn spawn(rig: &Rig, first: u64) -> Child {
    #[expect(clippy::disallowed_methods, reason = "the test kills a process of its own")]
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(DATA, &rig.settings.directory)
        .env(CHECKPOINTS, &rig.settings.checkpoints)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets the child write until it has acknowledged `enough`, kills it, and answers all that it had acknowledged.
fn kill_after(mut child: Child, enough: usize) -> Vec<u64> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut killed = false;
    while let Some(Ok(line)) = lines.next() {
        if let Some(number) = line.strip_prefix("acknowledged ").and_then(|number| number.parse().ok()) {
            acknowledged.push(number);
        }
        if acknowledged.len() >= enough && !killed {
            killed = true;
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(killed, "the child ended by itself after {acknowledged:?}");
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill() {
    let rig = Rig::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..6_u64 {
        acknowledged.extend(kill_after(spawn(&rig, round * 1_000_000), 20 + 37 * usize::try_from(round).unwrap()));
        let store = rig.open();
        let entries = store.entries(0, 100_000).await.unwrap();
        let mut previous = [0_u8; 32];
        let mut found = BTreeSet::new();
        for (sequence, entry) in (0_u64..).zip(&entries) {
            let object: serde_json::Value = serde_json::from_slice(&entry.bytes).unwrap();
            let number = object["detail"]["number"].as_str().unwrap().parse().unwrap();
            assert_eq!(entry.bytes, event(number).canonical(&installation(), sequence, &previous));
            previous = Sha256::new().chain_update([0]).chain_update(&entry.bytes).finalize().into();
            assert!(found.insert(number), "{number} twice");
        }
        assert!(acknowledged.is_subset(&found), "lost: {:?}", acknowledged.difference(&found).collect::<Vec<_>>());
    }
}
