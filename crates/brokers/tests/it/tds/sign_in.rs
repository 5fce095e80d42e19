//! Signing in: who gets in, who does not, and what they are told.

use std::sync::atomic::Ordering::SeqCst;

use mayfly_brokers::{
    port::{RefusalClass, Service, Turned},
    tds::Outcome,
};
use mayfly_protocol::tds::{
    TdsVersion,
    login::{Feature, FeatureId, Features, Login},
};
use tokio::io::AsyncWriteExt;

use super::{
    gateway::{Gateway, Target},
    programs::tsql,
    raw::{Raw, login},
};
use crate::door::{SECRET, USER, refusal};

/// What a log-in is told, how long the answer is, and how the connection ended.
async fn told(gateway: &Gateway, asked: &Login) -> (u32, String) {
    let mut client = Raw::connect(gateway, false).await;
    client.stream.write_all(&login(asked)).await.unwrap();
    let error = client.error().await;
    assert!(super::raw::rest(&mut client.stream).await.is_empty());
    (error.number, error.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_who_exists() {
    let (target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let mut answers = Vec::new();
    for (user, secret) in
        [(USER, "wrong"), ("nobody~orders", SECRET), ("alice~nowhere", SECRET), ("bob~orders", SECRET)]
    {
        answers.push(told(&gateway, &Login::new(TdsVersion::V7_4, user, secret)).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(answers[0].0 == 18456 && answers[0].1.contains("mayfly connect"), "{answers:?}");
    assert_eq!(gateway.outcomes(4).await, vec![Outcome::SignInFailed(Turned::Failed); 4]);
    let seen = &gateway.door.seen;
    assert_eq!((seen.failed.load(SeqCst), seen.proved.load(SeqCst), seen.joined.load(SeqCst)), (4, 0, 0));
    assert!(target.sessions().is_empty());
    // Without a secret there was no try.
    let (number, text) = told(&gateway, &Login::new(TdsVersion::V7_4, USER, "")).await;
    assert!(number == 18456 && text.contains("no connect secret"), "{text}");
    assert_eq!(seen.failed.load(SeqCst), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_ways_to_log_in_are_refused_before_anybody_is_asked() {
    let (_target, door) = Target::start();
    let gateway = Gateway::start(door).await;
    let plain = || Login::new(TdsVersion::V7_4, USER, SECRET);
    let with = |options_2: u8, options_3: u8| {
        let mut login = plain();
        (login.flags.options_2, login.flags.options_3) = (options_2, options_3);
        login
    };
    let federated = Features(vec![Feature { id: FeatureId::FEDERATED, data: b"token of somebody".to_vec() }]);
    let cases = [
        (Login { token: b"NTLMSSP".to_vec(), ..with(0x80, 0) }, "integrated authentication", "integrated"),
        (Login { features: federated, ..plain() }, "federated authentication", "federated"),
        (Login { new_password: "new".to_owned().into(), ..with(0, 1) }, "password change", "cannot be changed"),
        (with(0, 4), "attached file", "cannot be attached"),
        (Login { attach_file: "c:\\x.mdf".to_owned(), ..plain() }, "attached file", "cannot be attached"),
        (Login { user: "alice".to_owned(), ..plain() }, "user name", "PERSON~RECORD"),
        (Login { user: String::new(), ..plain() }, "user name", "no user name"),
        (Login { user: "a~b~c'; DROP".to_owned(), ..plain() }, "user name", "PERSON~RECORD"),
    ];
    let count = cases.len();
    for (login, what, says) in cases {
        let (number, text) = told(&gateway, &login).await;
        assert!(number == 18456 && text.contains(says), "{what}: {number} {text}");
        assert!(!text.contains("token of somebody"));
        assert_eq!(gateway.outcomes(1).await.last(), Some(&Outcome::Unsupported(what)));
    }
    assert_eq!(gateway.outcomes(count).await.len(), count);
    assert_eq!((gateway.door.seen.failed.load(SeqCst), gateway.door.seen.proved.load(SeqCst)), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_told_to_people() {
    for (turned, says) in [(Turned::Locked, "too many failed sign-ins"), (Turned::Busy, "try again later")] {
        let (_target, mut door) = Target::start();
        door.turned = Some(turned);
        let gateway = Gateway::start(door).await;
        let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 1\nGO\n").await;
        assert!(said.contains(says), "{said}");
        assert_eq!(gateway.outcome().await, Outcome::SignInFailed(turned));
    }
    for class in [RefusalClass::NotPermitted, RefusalClass::Busy, RefusalClass::Failed] {
        let (_target, mut door) = Target::start();
        door.refused = Some(refusal(class, "the launch came to nothing: é"));
        let gateway = Gateway::start(door).await;
        let said = tsql(&gateway, (USER, SECRET), "", "7.1", "SELECT 1\nGO\n").await;
        assert!(said.contains("the launch came to nothing: é"), "{said}");
        assert_eq!(gateway.outcome().await, Outcome::Refused(class));
    }
    let (_target, mut door) = Target::start();
    door.service = Service::Postgres { default_database: "orders".to_owned() };
    let gateway = Gateway::start(door).await;
    let said = tsql(&gateway, (USER, SECRET), "", "7.4", "SELECT 1\nGO\n").await;
    assert!(said.contains("not opened with the protocol of SQL Server"), "{said}");
}

/// That the account of the session cannot log in is no fault of the person's secret, and does not read as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_the_target_refuses_is_told_apart() {
    for statement in ["ALTER LOGIN keeper_test DISABLE", "ALTER LOGIN keeper_test WITH PASSWORD = N'Another-1'"] {
        let (target, door) = Target::start();
        target.server.admin("master", statement).unwrap();
        let gateway = Gateway::start(door).await;
        let (number, text) = told(&gateway, &Login::new(TdsVersion::V7_4, USER, SECRET)).await;
        assert!(number == 50_000 && text.starts_with("the target refused the account of this session"), "{text}");
        assert!(!text.contains(&target.password) && !text.contains(SECRET));
        assert!(matches!(gateway.outcome().await, Outcome::TargetRefused(_)));
        assert_eq!(gateway.door.seen.started.load(SeqCst), 0);
    }
}
