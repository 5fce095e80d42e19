//! Commands and shells: what they print, how they end, and what they are told.

use std::{process::Stdio, sync::atomic::Ordering::SeqCst, time::Duration};

use mayfly_brokers::ssh::Outcome;
use tokio::io::AsyncWriteExt;

use crate::programs::{output, printed, texts};

use super::gateway::{Account, Gateway};

async fn gateway() -> (Account, Gateway) {
    let (account, door) = Account::made();
    (account, Gateway::start(door).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_runs_as_the_sessions_account() {
    let (account, gateway) = gateway().await;
    let done = output(gateway.ssh(&[], &["id -un; echo to-stderr >&2; exit 3"])).await;
    assert_eq!((texts(&done), done.status.code()), ((account.name.clone(), "to-stderr".to_owned()), Some(3)));
    assert_eq!(gateway.outcome().await, Outcome::ClientLeft);
    let seen = &gateway.door.seen;
    assert_eq!((seen.started.load(SeqCst), seen.closed.load(SeqCst)), (1, 1));
}
