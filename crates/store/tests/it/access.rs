//! The ports of the access crate: objects with their revision, sealed secrets, connect secrets; each change is one with its
//! events, and a credential that an undo needs cannot be deleted.

use crate::contract::ending;
use crate::rig::{Rig, Seeded, at, change, change_id, entry, event, place, session, session_id};
use mayfly_access::api_token::{ApiToken, NewToken};
use mayfly_access::connect_secret::{ConnectSecret, MOST};
use mayfly_access::objects::{Object, ObjectId, Person, UserRecord};
use mayfly_access::person_token::{self, PersonToken, VALID};
use mayfly_access::store::{
    ApiTokens, ApplyOutcome, Batch, Bound, ConnectSecrets, HeldLockdown, IssueOutcome, KeyRotation, KeyRotations,
    Lockdowns, Objects, PersonTokens, Resealed, SealedSecret, SecretOutcome, Secrets, StoreError,
};
use mayfly_domain::{ChangeState, Lockdown, PersonName, RecordName, Scope};
use mayfly_engine::ports::ledger::{ChangeRow, Learnt, Ledger, Write};
use mayfly_engine::ports::trail::Trail;
use mayfly_store::Store;
use std::collections::BTreeMap;
use std::time::Duration;

fn record(name: &str) -> RecordName {
    RecordName::parse(name).unwrap()
}

fn person(name: &str) -> Object {
    Object::Person(Person {
        name: PersonName::parse(name).unwrap(),
        labels: BTreeMap::new(),
        email: None,
        password_hash: None,
        ssh_keys: Vec::new(),
        disabled: false,
        may_launch: vec![record("orders")],
    })
}

fn user(name: &str, login: &str) -> Object {
    Object::User(UserRecord {
        name: record(name),
        labels: BTreeMap::new(),
        login: login.to_owned(),
        resource: record("orders"),
    })
}

fn user_id(name: &str) -> ObjectId {
    ObjectId::User(record(name))
}

fn batch(expected: u64, put: Vec<Object>, delete: Vec<ObjectId>) -> Batch {
    Batch { expected, put, delete, events: vec![event(0)] }
}

pub(crate) async fn put(store: &Store, objects: Vec<Object>) {
    let expected = store.snapshot().await.unwrap().revision;
    let answer = store.apply(batch(expected, objects, Vec::new())).await;
    assert_eq!(answer, Ok(ApplyOutcome::Applied { revision: expected + 1 }));
}

fn sealed(name: &str, byte: u8) -> SealedSecret {
    // One that was sealed before it was kept for what.
    let bound = (byte != 1).then(|| Bound { resource: record("orders"), destination: place("root").destination });
    SealedSecret { user: record(name), sealed: vec![byte; 40], bound, set_at: at(1), set_by: "uid:0".to_owned() }
}

fn connect_secret(name: &str, to: &str, seed: u64) -> ConnectSecret {
    let valid = Duration::from_secs(60 * seed);
    let verifier = format!("SCRAM-SHA-256${seed}");
    ConnectSecret::issue(PersonName::parse(name).unwrap(), record(to), verifier, valid, at(0), &mut Seeded(seed))
}

#[tokio::test]
async fn objects_are_applied_together_against_one_revision() {
    let rig = Rig::new();
    let store = rig.open();
    assert_eq!(store.snapshot().await.unwrap().revision, 0);
    put(&store, vec![user("root", "postgres"), person("bob"), person("alice")]).await;
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.objects, vec![person("alice"), person("bob"), user("root", "postgres")], "by kind and name");
    assert_eq!(Objects::get(&store, &user_id("root")).await, Ok(Some(user("root", "postgres"))));
    assert_eq!(Objects::get(&store, &user_id("nobody")).await, Ok(None));

    let stale = store.apply(batch(0, vec![person("carol")], Vec::new())).await;
    assert_eq!(stale, Ok(ApplyOutcome::Stale { revision: 1 }));
    assert_eq!((store.snapshot().await, store.size().await), (Ok(snapshot), Ok(1)), "nothing is written, and no event");

    let delete = vec![ObjectId::Person(PersonName::parse("bob").unwrap()), user_id("nobody"), user_id("root")];
    let answer = store.apply(batch(1, vec![user("root", "admin")], delete)).await;
    assert_eq!(answer, Ok(ApplyOutcome::Applied { revision: 2 }));
    assert_eq!(store.snapshot().await.unwrap().objects, vec![person("alice"), user("root", "admin")]);
}

/// Promise 1: the undo needs the credential, so it stays for as long as a change is not gone, one that was kept included.
#[tokio::test]
async fn a_credential_that_an_undo_needs_is_not_deleted() {
    let rig = Rig::new();
    let store = rig.open();
    put(&store, vec![user("root", "postgres"), user("other", "x")]).await;
    let rows: Vec<ChangeRow> =
        (0..3).map(|number| ChangeRow { place: place("root"), ..change(number, &session_id(0)) }).collect();
    let mut writes = vec![Write::OpenSession(session(0))];
    writes.extend(rows.iter().map(|row| Write::Intend(Box::new(row.clone()))));
    store.commit(entry(writes)).await.unwrap();
    let size = store.size().await.unwrap();
    let delete = || store.apply(batch(1, vec![person("dave")], vec![user_id("other"), user_id("root")]));
    let mut changes: Vec<_> = (0..3).map(change_id).collect();
    changes.sort();
    let refused = ApplyOutcome::InUse { object: user_id("root"), changes };
    assert_eq!(delete().await, Ok(refused));
    assert_eq!(store.snapshot().await.unwrap().objects.len(), 2, "nothing of the batch is written");
    assert_eq!(store.size().await, Ok(size));
    let out = |row: &ChangeRow, from| {
        let (id, to) = (row.id.clone(), ChangeState::Withdrawing);
        Write::Move { id, from, to, at: at(1), next_try: None, learnt: Learnt::default() }
    };
    let end = |row: &ChangeRow, state| Write::Conclude { id: row.id.clone(), at: at(2), ending: ending(row, state) };
    for (row, state) in rows.iter().zip([ChangeState::Absent, ChangeState::Absent, ChangeState::Kept]) {
        assert!(matches!(delete().await, Ok(ApplyOutcome::InUse { .. })));
        store.commit(entry(vec![out(row, ChangeState::Intended), end(row, state)])).await.unwrap();
    }
    assert!(matches!(delete().await, Ok(ApplyOutcome::InUse { .. })));
    let again = vec![out(&rows[2], ChangeState::Kept), end(&rows[2], ChangeState::Absent)];
    store.commit(entry(again)).await.unwrap();
    assert_eq!(delete().await, Ok(ApplyOutcome::Applied { revision: 2 }));
}

#[tokio::test]
async fn a_sealed_secret_belongs_to_its_user_record_and_goes_with_it() {
    let rig = Rig::new();
    let store = rig.open();
    assert_eq!(Secrets::put(&store, sealed("root", 1), vec![event(0)]).await, Ok(SecretOutcome::NoSuchRecord));
    assert_eq!(store.size().await, Ok(0));
    put(&store, vec![user("root", "postgres"), user("app", "app")]).await;
    assert_eq!(Secrets::get(&store, &record("root")).await, Ok(None));
    for (name, byte) in [("root", 1), ("app", 2), ("root", 3)] {
        assert_eq!(Secrets::put(&store, sealed(name, byte), vec![event(0)]).await, Ok(SecretOutcome::Stored));
        assert_eq!(Secrets::get(&store, &record(name)).await, Ok(Some(sealed(name, byte))));
    }
    assert_eq!(store.all().await, Ok(vec![sealed("app", 2), sealed("root", 3)]));
    put(&store, vec![user("root", "renamed")]).await;
    assert_eq!(Secrets::get(&store, &record("root")).await, Ok(Some(sealed("root", 3))), "a put does not touch it");
    store.apply(batch(2, Vec::new(), vec![user_id("root")])).await.unwrap();
    assert_eq!(store.all().await, Ok(vec![sealed("app", 2)]));
}

#[tokio::test]
async fn connect_secrets_stand_side_by_side_are_counted_and_deleted() {
    let rig = Rig::new();
    let store = rig.open();
    put(&store, vec![person("alice"), person("bob")]).await;
    let (alice, orders) = (PersonName::parse("alice").unwrap(), record("orders"));
    let of = async |name: &str, to: &str| store.of(&PersonName::parse(name).unwrap(), &record(to)).await.unwrap();
    let first = connect_secret("alice", "orders", 1);
    let second = ConnectSecret { issued: at(1), native: Some([7; 20]), ..connect_secret("alice", "orders", 2) };
    ConnectSecrets::put(&store, first.clone(), vec![event(0)]).await.unwrap();
    assert_eq!(of("alice", "orders").await, std::slice::from_ref(&first));
    assert_eq!(store.used(&first.id, at(5), vec![event(1)]).await, Ok(true));
    let used = ConnectSecret { used: 1, last_used: Some(at(5)), ..first.clone() };
    ConnectSecrets::put(&store, second.clone(), Vec::new()).await.unwrap();
    assert_eq!(of("alice", "orders").await, [second.clone(), used]);
    // The newest stay, and those of other pairs with them.
    ConnectSecrets::put(&store, connect_secret("bob", "orders", 3), Vec::new()).await.unwrap();
    ConnectSecrets::put(&store, connect_secret("bob", "billing", 4), Vec::new()).await.unwrap();
    for number in 0..MOST - 1 {
        let seed = u64::from(number) + 10;
        let next = ConnectSecret { issued: at(10 + i64::from(number)), ..connect_secret("alice", "orders", seed) };
        ConnectSecrets::put(&store, next, Vec::new()).await.unwrap();
    }
    let kept = of("alice", "orders").await;
    assert_eq!((kept.len(), kept.last()), (MOST as usize, Some(&second)));
    let size = store.size().await.unwrap();
    assert_eq!(store.used(&first.id, at(6), vec![event(1)]).await, Ok(false), "others took its place");
    assert_eq!(store.size().await, Ok(size), "and no event says that it was used");
    // With a new one those that have expired go.
    let last = ConnectSecret { issued: at(601), ..connect_secret("alice", "orders", 30) };
    ConnectSecrets::put(&store, last.clone(), Vec::new()).await.unwrap();
    assert!(of("alice", "orders").await.iter().all(|secret| secret.expires > at(601)));

    assert_eq!(store.delete_expired(at(179)).await, Ok(0));
    assert_eq!(store.delete_expired(at(180)).await, Ok(1));
    assert_eq!(of("bob", "orders").await, []);
    let bob = PersonName::parse("bob").unwrap();
    store.apply(batch(1, Vec::new(), vec![ObjectId::Person(bob)])).await.unwrap();
    assert_eq!(of("bob", "billing").await, []);
    assert_eq!(store.of(&alice, &orders).await.unwrap().first(), Some(&last));
}

#[tokio::test]
async fn what_a_newer_program_wrote_is_told_from_a_store_that_is_away() {
    let rig = Rig::new();
    let store = rig.open();
    let file = rusqlite::Connection::open(rig.settings.directory.join("mayfly.db")).unwrap();
    file.execute("INSERT INTO object VALUES ('Person', 'alice', '{\"version\":99,\"object\":{}}')", []).unwrap();
    let answer = store.snapshot().await;
    assert!(matches!(&answer, Err(StoreError::Unreadable(text)) if text.contains("version 99")), "{answer:?}");
    store.close();
    assert!(matches!(store.snapshot().await, Err(StoreError::Unavailable(_))));
}

fn token(name: &str, seed: u64, issued: i64) -> ApiToken {
    let scopes = vec![Scope::Read, Scope::Sessions];
    let wanted = NewToken { name: record(name), scopes, valid: Duration::from_secs(60), made_by: "uid:0".to_owned() };
    ApiToken::issue(wanted, at(issued), &mut Seeded(seed)).unwrap().1
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_taken_back_or_another_finds_it_expired() {
    let rig = Rig::new();
    let store = rig.open();
    let (first, second) = (token("ci", 1, 0), token("ops", 2, 0));
    for token in [&first, &second] {
        assert_eq!(ApiTokens::put(&store, token.clone(), vec![event(0)]).await, Ok(IssueOutcome::Stored));
    }
    let written = store.size().await.unwrap();
    let taken = ApiTokens::put(&store, token("ci", 3, 1), vec![event(0)]).await;
    assert_eq!(taken, Ok(IssueOutcome::NameTaken(first.id.clone())));
    assert_eq!(store.size().await.unwrap(), written, "what was refused is not in the trail");
    assert_eq!(ApiTokens::get(&store, &first.id).await, Ok(Some(first.clone())));
    let mut both = vec![first.clone(), second.clone()];
    both.sort_by_key(|token| token.id.clone());
    assert_eq!(store.list(None, 10).await.unwrap(), both);
    assert_eq!(store.list(Some(&both[0].id), 10).await.unwrap(), both[1..]);
    assert_eq!(store.revoke(&second.id, vec![event(0)]).await, Ok(true));
    assert_eq!(store.revoke(&second.id, vec![event(0)]).await, Ok(false));
    // Once it has expired its name is free, and it is dropped with the next.
    let later = token("ci", 4, 60);
    assert_eq!(ApiTokens::put(&store, later.clone(), vec![event(0)]).await, Ok(IssueOutcome::Stored));
    assert_eq!(store.list(None, 10).await.unwrap(), [later]);
}

pub(crate) fn somebody(name: &str, password_hash: Option<&str>, disabled: bool) -> Object {
    let Object::Person(person) = person(name) else { panic!("no person") };
    Object::Person(Person { password_hash: password_hash.map(str::to_owned), disabled, ..person })
}

pub(crate) async fn signed_in(store: &Store, name: &str, seed: u64, issued: i64) -> (PersonToken, bool) {
    let name = PersonName::parse(name).unwrap();
    let token = PersonToken::issue(name, at(issued), &mut Seeded(seed)).1;
    let kept = store.put_person_token(token.clone(), "hash", vec![event(0)]).await.unwrap();
    (token, kept)
}

#[tokio::test]
async fn a_persons_token_goes_with_what_it_rests_on() {
    let rig = Rig::new();
    let store = rig.open();
    let (alice, bob) = (PersonName::parse("alice").unwrap(), PersonName::parse("bob").unwrap());
    let hold = |lockdown: Lockdown| {
        let (reason, by) = (String::new(), "uid:0".to_owned());
        store.hold(HeldLockdown { lockdown, reason, by, since: at(0) }, vec![event(0)])
    };
    let known = async |token: &PersonToken| store.person_token(&token.id).await.unwrap().is_some();
    put(&store, vec![somebody("alice", Some("hash"), false), somebody("bob", Some("hash"), false)]).await;
    let (bobs, kept) = signed_in(&store, "bob", 1, 0).await;
    assert!(kept && store.person_token(&bobs.id).await == Ok(Some(bobs.clone())));
    let voids = [
        ("another password", somebody("alice", Some("other"), false)),
        ("no password", somebody("alice", None, false)),
        ("switched off", somebody("alice", Some("hash"), true)),
    ];
    for (seed, (what, after)) in (10..).zip(voids) {
        put(&store, vec![somebody("alice", Some("hash"), false)]).await;
        let (token, kept) = signed_in(&store, "alice", seed, 0).await;
        assert!(kept && known(&token).await, "{what}");
        put(&store, vec![somebody("alice", Some("hash"), false)]).await;
        assert!(known(&token).await, "the same again changes nothing");
        put(&store, vec![after]).await;
        assert!(!known(&token).await, "{what}");
        let size = store.size().await.unwrap();
        assert!(!signed_in(&store, "alice", seed + 10, 0).await.1, "{what}");
        assert_eq!(store.size().await.unwrap(), size, "what was refused is not in the trail");
        put(&store, vec![somebody("alice", Some("hash"), false)]).await;
        assert!(!known(&token).await, "it does not come back");
    }
    for (seed, lockdown) in [(30, Lockdown::Person(alice.clone())), (31, Lockdown::All)] {
        let (token, kept) = signed_in(&store, "alice", seed, 0).await;
        hold(Lockdown::Record(record("orders"))).await.unwrap();
        assert!(kept && known(&token).await && known(&bobs).await);
        hold(lockdown.clone()).await.unwrap();
        assert!(!known(&token).await && !signed_in(&store, "alice", seed + 10, 0).await.1);
        assert_eq!(known(&bobs).await, lockdown != Lockdown::All);
        store.lift(&lockdown, vec![event(0)]).await.unwrap();
        assert!(!known(&token).await);
    }
    let ((first, _), (second, _)) = (signed_in(&store, "alice", 50, 0).await, signed_in(&store, "bob", 51, 0).await);
    let revision = store.snapshot().await.unwrap().revision;
    store.apply(batch(revision, Vec::new(), vec![ObjectId::Person(alice)])).await.unwrap();
    assert!(!known(&first).await && known(&second).await && !signed_in(&store, "alice", 52, 0).await.1);
    assert_eq!(store.revoke_person_token(&second.id, vec![event(0)]).await, Ok(true));
    assert_eq!(store.revoke_person_token(&second.id, vec![event(0)]).await, Ok(false));
    assert_eq!(second.person, bob);
}

#[tokio::test]
async fn of_many_tokens_of_a_person_the_newest_stay_and_those_that_expired_go() {
    let rig = Rig::new();
    let store = rig.open();
    put(&store, vec![somebody("alice", Some("hash"), false), somebody("bob", Some("hash"), false)]).await;
    let (others, _) = signed_in(&store, "bob", 100, 5).await;
    let mut tokens = Vec::new();
    for number in 0..person_token::MOST + 3 {
        tokens.push(signed_in(&store, "alice", u64::from(number), i64::from(number)).await.0);
    }
    for (number, token) in (0..).zip(&tokens) {
        assert_eq!(store.person_token(&token.id).await.unwrap().is_some(), number >= 3, "{number}");
    }
    let after = i64::try_from(VALID.as_secs()).unwrap() + 5;
    signed_in(&store, "alice", 101, after).await;
    assert_eq!(store.person_token(&others.id).await, Ok(None));
}

#[tokio::test]
async fn a_lockdown_holds_until_it_is_lifted_whatever_is_started_again_meanwhile() {
    let rig = Rig::new();
    let store = rig.open();
    let held = |lockdown: Lockdown, reason: &str| HeldLockdown {
        lockdown,
        reason: reason.to_owned(),
        by: "uid:0".to_owned(),
        since: at(0),
    };
    let orders = Lockdown::Record(record("orders"));
    for (lockdown, reason) in [(Lockdown::All, "first"), (orders.clone(), "leak"), (Lockdown::All, "second")] {
        store.hold(held(lockdown, reason), vec![event(0)]).await.unwrap();
    }
    store.close();
    let store = rig.open();
    assert_eq!(store.held().await.unwrap(), [held(Lockdown::All, "second"), held(orders, "leak")]);
    assert_eq!(store.lift(&Lockdown::All, vec![event(0)]).await, Ok(true));
    assert_eq!(store.lift(&Lockdown::All, vec![event(0)]).await, Ok(false));
    assert_eq!(store.held().await.unwrap().len(), 1);
}

/// What is sealed anew and how far that has come are one transaction, and what somebody set meanwhile stays.
#[tokio::test]
async fn an_exchange_of_keys_goes_on_where_it_was_cut_short() {
    let rig = Rig::new();
    let store = rig.open();
    put(&store, vec![user("root", "postgres"), user("app", "app")]).await;
    for (name, byte) in [("root", 2), ("app", 3)] {
        Secrets::put(&store, sealed(name, byte), Vec::new()).await.unwrap();
    }
    let rotation = |to: &str, cursor| KeyRotation { from: "a".to_owned(), to: to.to_owned(), cursor, begun: at(3) };
    assert_eq!(store.rotation().await, Ok(None));
    assert_eq!(store.end(vec![event(0)]).await, Ok(false));
    assert_eq!(store.begin(rotation("b", None), vec![event(0)]).await, Ok(true));
    assert_eq!(store.begin(rotation("c", None), vec![event(0)]).await, Ok(false));
    let anew =
        |name: &str, before, after| Resealed { user: record(name), before: vec![before; 40], after: vec![after; 40] };
    store.reseal(vec![anew("app", 3, 5), anew("root", 9, 6)], Some(record("app"))).await.unwrap();
    drop(store);
    let store = rig.open();
    assert_eq!(store.rotation().await, Ok(Some(rotation("b", Some(record("app"))))));
    let kept: Vec<Vec<u8>> = store.all().await.unwrap().into_iter().map(|secret| secret.sealed).collect();
    assert_eq!(kept, vec![vec![5; 40], vec![2; 40]]);
    assert_eq!(store.end(vec![event(0)]).await, Ok(true));
    assert_eq!((store.rotation().await, store.size().await), (Ok(None), Ok(3)));
}
