//! What was: sessions that are over are found by account, person, record and time, and the trail by session.

use crate::rig::{Rig, at, entry, event, run, session, session_id};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{AccountName, EndReason, PersonName, SessionState};
use mayfly_engine::ports::history::{Asked, History};
use mayfly_engine::ports::ledger::{Ledger, SessionRow, Write};
use mayfly_store::Store;

/// Opens a session at second `number`, and ends it at second 100 + `number` where it is to be over.
async fn had(store: &Store, number: u64, person: &str, account: &str, over: bool) {
    let second = i64::try_from(number).unwrap();
    let row = SessionRow {
        person: PersonName::parse(person).unwrap(),
        account: AccountName::existing(account),
        opened_at: at(second),
        since: at(second),
        ..session(number)
    };
    let mut told = Event::new(EventKind::SessionStarted, at(second), run(), "server");
    told.session = Some(session_id(number));
    let mut written = entry(vec![Write::OpenSession(row)]);
    written.events = vec![told.clone(), event(0)];
    store.commit(written).await.unwrap();
    if over {
        let states = [SessionState::Launching, SessionState::Ending, SessionState::Ended];
        for pair in states.windows(2) {
            let reason = (pair[1] == SessionState::Ending).then_some(EndReason::Expired);
            let id = session_id(number);
            let to = Write::MoveSession { id, from: pair[0], to: pair[1], at: at(second + 100), reason };
            store.commit(entry(vec![to])).await.unwrap();
        }
    }
}

async fn found(store: &Store, asked: Asked) -> Vec<String> {
    let told = store.sessions(&asked, None, 10).await.unwrap();
    told.into_iter().map(|told| told.session.id.to_string()).collect()
}

#[tokio::test]
async fn sessions_that_are_over_are_found_by_what_they_were() {
    let rig = Rig::new();
    let store = rig.open();
    had(&store, 1, "alice", "keeper_a", true).await;
    had(&store, 2, "bob", "app", true).await;
    had(&store, 300, "alice", "app", false).await;
    let ids =
        |numbers: &[u64]| -> Vec<String> { numbers.iter().map(|number| session_id(*number).to_string()).collect() };
    let all = Asked { over: true, ..Asked::default() };
    assert_eq!(found(&store, Asked::default()).await, ids(&[300]));
    assert_eq!(found(&store, all.clone()).await, ids(&[300, 2, 1]));
    let account = |name: &str| Some(AccountName::existing(name));
    assert_eq!(found(&store, Asked { account: account("app"), ..all.clone() }).await, ids(&[300, 2]));
    assert_eq!(
        found(&store, Asked { account: account("app"), person: PersonName::parse("bob").ok(), ..all.clone() }).await,
        ids(&[2])
    );
    assert_eq!(found(&store, Asked { person: PersonName::parse("alice").ok(), ..all.clone() }).await, ids(&[300, 1]));
    // Whose was it then? Session 2 had the account from second 2 to 102, session 300 has it since second 300.
    for (second, expected) in [(1, vec![]), (50, ids(&[2])), (102, ids(&[2])), (200, vec![]), (300, ids(&[300]))] {
        let then = Asked { account: account("app"), from: Some(at(second)), until: Some(at(second)), ..all.clone() };
        assert_eq!(found(&store, then).await, expected, "second {second}");
    }
    let first = store.sessions(&all, None, 2).await.unwrap();
    let rest = store.sessions(&all, first.last().map(|told| told.made), 2).await.unwrap();
    assert_eq!(rest.iter().map(|told| told.session.id.clone()).collect::<Vec<_>>(), [session_id(1)]);
}

#[tokio::test]
async fn the_trail_is_found_by_session() {
    let rig = Rig::new();
    let store = rig.open();
    had(&store, 1, "alice", "keeper_a", true).await;
    had(&store, 2, "bob", "keeper_b", true).await;
    let story = store.story(&session_id(2), 10).await.unwrap();
    assert_eq!(story.len(), 1);
    assert!(String::from_utf8_lossy(&story[0].bytes).contains(session_id(2).as_str()));
    assert_eq!(store.story(&session_id(3), 10).await.unwrap(), []);
}
