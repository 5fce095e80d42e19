//! Many who commit at once share few transactions, and one who is refused spoils nothing for the others.

use crate::rig::{Rig, entry, event, session, session_id};
use mayfly_engine::ports::ledger::{Entry, Ledger, LedgerError, Write};
use mayfly_engine::ports::trail::Trail;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_commits_share_transactions() {
    const MANY: u64 = 512;
    let rig = Rig::new();
    let store = Arc::new(rig.open());
    let commits = (0..MANY).map(|number| {
        let store = Arc::clone(&store);
        async move { store.commit(Entry { writes: Vec::new(), events: vec![event(number)] }).await }
    });
    for result in futures_util::future::join_all(commits).await {
        assert_eq!(result, Ok(()));
    }
    let counts = store.counts();
    assert_eq!(counts.entries, MANY);
    assert!(counts.transactions <= MANY / 8, "{} transactions for {MANY} entries", counts.transactions);
    assert_eq!(store.size().await, Ok(MANY));
}

#[tokio::test]
async fn an_entry_that_is_refused_is_rolled_back_alone() {
    let rig = Rig::new();
    let store = Arc::new(rig.open());
    // Every third opens the same session; all but the first of those are refused.
    let commits = (0..60_u64).map(|number| {
        let store = Arc::clone(&store);
        let opened = session(if number % 3 == 0 { 0 } else { number });
        async move { store.commit(entry(vec![Write::OpenSession(opened)])).await }
    });
    let results = futures_util::future::join_all(commits).await;
    let refused = results.iter().filter(|result| matches!(result, Err(LedgerError::Expectation(_)))).count();
    assert_eq!(refused, 19);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 41);
    assert_eq!(store.size().await, Ok(41), "no event of a refused entry is in the trail");
    assert_eq!(store.open_sessions(None, 100).await.unwrap().len(), 41);
    assert!(store.footprint(&session_id(0)).await.unwrap().is_some());
    store.close();
    assert!(matches!(store.commit(Entry::default()).await, Err(LedgerError::Unavailable(_))));
    drop(store);
    rig.open();
}
