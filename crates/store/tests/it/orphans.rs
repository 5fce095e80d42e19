//! The port of orphans: what searches of targets found, whether the ledger speaks for it, claims; and what is read offline.

use crate::contract::ending;
use crate::rig::{Rig, at, change, entry, event, session_id};
use mayfly_access::store::{Claim, Ignored, Orphan, Orphans, Scanned};
use mayfly_domain::{
    AccountName, ChangeKind, ChangeState, Failure, FailureClass, InstallationId, Mark, RecordName, TargetId,
};
use mayfly_engine::ports::ledger::{ChangeRow, Learnt, Ledger, Write};
use mayfly_engine::ports::trail::Trail;

fn record(name: &str) -> RecordName {
    RecordName::parse(name).unwrap()
}

fn orphan(account: &str) -> Orphan {
    Orphan {
        target: TargetId::new("fake", "one"),
        account: AccountName::existing(account),
        record: record("orders"),
        native_id: "7".to_owned(),
        mark: Mark::parse("mayfly ins_0000000000000001 ses_0000000000000001"),
        deadline: Some(at(50)),
        made: None,
        last_log_in: Some(at(3)),
        can_log_in: true,
        sessions: 2,
        first_seen: at(4),
        last_seen: at(5),
        ignored: None,
    }
}

/// What a search found takes the place of what was known of its target; one that could not search leaves it.
#[tokio::test]
async fn a_search_replaces_what_was_known_of_its_target() {
    let rig = Rig::new();
    let store = rig.open();
    let scan = |failure: Option<Failure>| Scanned {
        record: record("orders"),
        at: at(6),
        target: failure.is_none().then(|| TargetId::new("fake", "one")),
        failure,
    };
    let elsewhere = Orphan { target: TargetId::new("fake", "two"), ..orphan("keeper_c") };
    let two = Scanned { record: record("two"), target: Some(elsewhere.target.clone()), ..scan(None) };
    store.scanned(two, vec![elsewhere.clone()], Vec::new()).await.unwrap();
    store.scanned(scan(None), vec![orphan("keeper_a"), orphan("keeper_b")], vec![event(0)]).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), [orphan("keeper_a"), orphan("keeper_b"), elsewhere.clone()]);
    let ignored = Ignored { by: "uid:0".to_owned(), reason: "evidence".to_owned(), until: at(90) };
    let (target, account) = (orphan("keeper_b").target, orphan("keeper_b").account);
    assert_eq!(store.ignore(&target, &account, ignored.clone(), vec![event(0)]).await, Ok(true));
    let size = store.size().await.unwrap();
    let nobody = AccountName::existing("keeper_x");
    assert_eq!(store.ignore(&target, &nobody, ignored.clone(), vec![event(0)]).await, Ok(false));
    assert_eq!(store.size().await.unwrap(), size, "no event without its effect");
    let failed = scan(Some(Failure::new(FailureClass::NotPermitted, "no rights")));
    store.scanned(failed.clone(), Vec::new(), Vec::new()).await.unwrap();
    assert_eq!(store.orphans().await.unwrap().len(), 3);
    assert_eq!(store.orphans().await.unwrap()[1].ignored, Some(ignored));
    assert_eq!(store.scans().await.unwrap()[0], failed);
    store.scanned(scan(None), vec![orphan("keeper_b")], Vec::new()).await.unwrap();
    store.forget(&target, &account).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), [elsewhere]);
}

/// The ledger speaks for an account until its change is over, whatever state it is in and whatever the account is called by now.
#[tokio::test]
async fn the_ledger_speaks_for_what_is_not_over() {
    let rig = Rig::new();
    let store = rig.open();
    let row = ChangeRow { kind: ChangeKind::Account, native_id: Some("16400".to_owned()), ..change(1, &session_id(1)) };
    let mark = |session| Mark { installation: crate::rig::installation(), session };
    let (own, other) = (mark(session_id(1)), mark(session_id(2)));
    let (here, elsewhere) = (row.target.clone(), TargetId::new("fake", "elsewhere"));
    let (named, renamed) = (row.account.clone(), AccountName::existing("renamed"));
    let asked = [
        (&here, &named, None, "1"),
        (&here, &renamed, Some(&own), "16400"),
        // These are others, whatever they have in common with it.
        (&here, &renamed, Some(&own), "16401"),
        (&here, &renamed, Some(&other), "16400"),
        (&here, &renamed, None, "16400"),
        (&elsewhere, &named, Some(&own), "16400"),
    ];
    let spoken = async || {
        let mut answers = Vec::new();
        for (target, account, mark, id) in asked {
            answers.push(store.ledger_speaks_for(target, account, mark, id).await.unwrap());
        }
        answers
    };
    assert_eq!(spoken().await, [false; 6]);
    let mut writes = to_over(&row);
    let conclude = writes.pop().unwrap();
    for write in writes {
        store.commit(entry(vec![write])).await.unwrap();
        assert_eq!(spoken().await, [true, true, false, false, false, false]);
    }
    store.commit(entry(vec![conclude])).await.unwrap();
    assert_eq!(spoken().await, [false; 6]);
}

#[tokio::test]
async fn an_installation_is_claimed_once() {
    let rig = Rig::new();
    let store = rig.open();
    let installation = InstallationId::parse("ins_0000000000000009").unwrap();
    let claim = Claim { installation, by: "uid:0".to_owned(), reason: "lost".to_owned(), at: at(5) };
    assert_eq!(store.claim(claim.clone(), vec![event(0)]).await, Ok(true));
    let size = store.size().await.unwrap();
    assert_eq!(store.claim(Claim { reason: "again".to_owned(), ..claim.clone() }, vec![event(0)]).await, Ok(false));
    assert_eq!((store.claims().await, store.size().await), (Ok(vec![claim]), Ok(size)));
}

/// What may still be on a target is read from the files while nothing else has them open, what builds on something first.
#[tokio::test]
async fn what_is_not_over_is_read_offline() {
    let rig = Rig::new();
    let store = rig.open();
    let (one, two) = (change(1, &session_id(1)), change(2, &session_id(1)));
    let over = to_over(&change(3, &session_id(1)));
    let intended = vec![Write::Intend(Box::new(one.clone())), Write::Intend(Box::new(two.clone()))];
    store.commit(entry([intended, over].concat())).await.unwrap();
    drop(store);
    let ids: Vec<_> =
        mayfly_store::not_over(&rig.settings.directory).unwrap().into_iter().map(|change| change.id).collect();
    assert_eq!(ids, [two.id, one.id]);
}

/// The writes of a change that is made and over.
fn to_over(row: &ChangeRow) -> Vec<Write> {
    let (from, to) = (ChangeState::Intended, ChangeState::Withdrawing);
    vec![
        Write::Intend(Box::new(row.clone())),
        Write::Move { id: row.id.clone(), from, to, at: at(9), next_try: None, learnt: Learnt::default() },
        Write::Conclude { id: row.id.clone(), at: at(10), ending: ending(row, ChangeState::Absent) },
    ]
}
