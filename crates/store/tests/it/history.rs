//! What was: sessions that are over are found by account, person, record and time, and the trail by session.

use crate::rig::{Rig, at, entry, event, run, session, session_id};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{AccountName, EndReason, PersonName, RecordName, SessionState};
use mayfly_engine::ports::history::{Asked, History, Use, UseAsked};
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

#[tokio::test]
async fn use_is_counted_by_person_and_record_within_a_span() {
    let rig = Rig::new();
    let store = rig.open();
    had(&store, 1, "alice", "keeper_a", true).await;
    had(&store, 2, "bob", "keeper_b", true).await;
    had(&store, 50, "alice", "keeper_c", true).await;
    had(&store, 300, "bob", "keeper_d", false).await;
    let asked = |from, until| UseAsked { person: None, record: None, from: at(from), until: at(until) };
    let told =
        async |asked: UseAsked, after: Option<&(PersonName, RecordName)>, limit| -> Vec<(String, u64, i64, i64, u64)> {
            let used = store.used(&asked, after, limit).await.unwrap();
            let second = |time: mayfly_domain::WallTime| (time.micros() - at(0).micros()) / 1_000_000;
            let row = |one: &Use| {
                (one.person.to_string(), one.sessions, second(one.first), second(one.last), one.lasted.as_secs())
            };
            used.iter().map(row).collect()
        };
    let row = |person: &str, sessions, first, last, lasted| (person.to_owned(), sessions, first, last, lasted);
    // Every session that is over lasted 100 s. The one that is launching is no use yet.
    assert_eq!(told(asked(0, 1_000), None, 10).await, [row("alice", 2, 1, 50, 200), row("bob", 1, 2, 2, 100)]);
    let id = session_id(300);
    let to =
        Write::MoveSession { id, from: SessionState::Launching, to: SessionState::Live, at: at(301), reason: None };
    store.commit(entry(vec![to])).await.unwrap();
    assert_eq!(told(asked(0, 1_000), None, 10).await[1], row("bob", 2, 2, 300, 800));
    // Only what falls into the span counts: of the first 1 s, of the second 50 s.
    assert_eq!(told(asked(100, 250), None, 10).await, [row("alice", 2, 1, 50, 51), row("bob", 1, 2, 2, 2)]);
    assert_eq!(told(asked(103, 250), None, 10).await, [row("alice", 1, 50, 50, 47)]);
    let bob = UseAsked { person: PersonName::parse("bob").ok(), ..asked(0, 1_000) };
    assert_eq!(told(bob, None, 10).await.len(), 1);
    let nothing = UseAsked { record: RecordName::parse("nothing").ok(), ..asked(0, 1_000) };
    assert_eq!(told(nothing, None, 10).await, []);
    // Page by page.
    let first = store.used(&asked(0, 1_000), None, 1).await.unwrap();
    let after = (first[0].person.clone(), first[0].record.clone());
    assert_eq!(told(asked(0, 1_000), Some(&after), 1).await, [row("bob", 2, 2, 300, 800)]);
}
