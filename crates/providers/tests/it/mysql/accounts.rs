//! Making accounts and removing them, in the plain case and when somebody interfered.

use super::rig::{As, Rig, all, blocking, place, provider_of, subject, survey_with};
use mayfly_domain::{FailureClass, TargetId};
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider, SessionScope, SurveyRequest};
use mayfly_testbed::Proxy;
use mayfly_testbed::mysql::{Flavour, Options, snapshot};
use mayfly_testbed::snapshot::diff;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

#[tokio::test]
async fn an_account_is_made_used_and_removed_without_a_trace() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let before = snapshot::take(&rig).unwrap();
        let (mut change, opened) = rig.open(&rig.create(Some("readonly"), json!({"connections": 2}))).await;
        assert!(opened.added);
        let sight = rig.look(&change).await;
        assert_eq!(sight.presence, Presence::Ours { native_id: opened.native_id, leftovers: false });
        assert_eq!((sight.sessions, sight.can_log_in), (0, Some(true)));

        let mut session = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(
            session.ask("SELECT name FROM customers").unwrap().len(),
            3,
            "the role is active on an untouched server"
        );
        assert!(session.ask("DELETE FROM orders").unwrap_err().to_string().contains("1142"));
        let _second = rig.log_in(&change, "billing").await.unwrap();
        let third = rig.log_in(&change, "orders").await.map(drop).unwrap_err();
        assert!(third.contains("1226"), "the connection limit holds: {third}");
        assert_eq!(rig.look(&change).await.sessions, 2);

        rig.close(CloseVerb::Disable, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.can_log_in, Some(false));
        let closed = rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 2), "{:?}", closed.report);
        rig.log_in(&change, "orders").await.map(drop).unwrap_err();
        assert!(!session.is_alive());
        rig.remove(&mut change).await;
        // Twice is the same as once.
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
        let log = rig.log();
        assert!(!log.contains(change.secret.expose()), "the password is in the server's log");
        assert!(log.contains("CREATE USER"), "the log shows no statement at all");
    }
}

/// The host part is where the server sees us, and TLS is demanded: nobody gets in from elsewhere, or in clear.
#[tokio::test]
async fn an_account_is_for_one_address_and_tls() {
    for (flavour, as_whom) in all() {
        let rig = Rig::used(flavour, as_whom).await;
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        let query = format!("SELECT Host, ssl_type FROM mysql.user WHERE User = '{}'", change.name());
        assert_eq!(rig.ask(&query), "127.0.0.1\tANY");
        let mut clear = rig.root_client().unwrap();
        clear.args(["--user", change.name()]).env("MYSQL_PWD", change.secret.expose()).args(["--execute", "SELECT 1"]);
        assert!(!clear.output().unwrap().status.success(), "the Unix socket is another way");
        rig.remove(&mut change).await;
        let (mut change, _) = rig.open(&rig.create(None, json!({"host": "127.0.0.%"}))).await;
        assert_eq!(rig.ask(&format!("SELECT Host FROM mysql.user WHERE User = '{}'", change.name())), "127.0.0.%");
        let _session = rig.log_in(&change, "").await.unwrap();
        rig.remove(&mut change).await;
    }
}

/// The second deadline: an event that locks the account and goes, and none where the scheduler is off.
#[tokio::test]
async fn the_server_closes_an_account_at_its_deadline() {
    for (flavour, as_whom) in all() {
        let rig = Rig::own(Options { durable: false, ..Options::new(flavour) }, as_whom).await;
        let wish = rig.create(None, json!({}));
        let request = SurveyRequest { wish: wish.clone(), lifetime: Duration::from_secs(2) };
        let survey = survey_with(&rig.subject, request).await.unwrap();
        let planned = survey.changes.into_iter().next().unwrap();
        let change = super::rig::Change::new(&wish, planned, &survey.target, survey.target_now);
        rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap();
        let events = "SELECT COUNT(*) FROM information_schema.EVENTS";
        let started = std::time::Instant::now();
        while rig.look(&change).await.can_log_in != Some(false) {
            assert!(started.elapsed() < Duration::from_secs(60), "{flavour:?}: it was never locked");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let started = std::time::Instant::now();
        while rig.ask(events) != "0" {
            assert!(started.elapsed() < Duration::from_secs(60), "{flavour:?}: the event stays");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        rig.close(CloseVerb::Remove, &change).await.unwrap();

        rig.sql("SET GLOBAL event_scheduler = OFF");
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        assert_eq!(rig.ask(events), "0");
        rig.remove(&mut change).await;
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_mark_and_strangers_are_left() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let at = |name: &str| format!("'{name}'@'127.0.0.1'");
        // Renamed, alone or made together with others: found by the mark.
        let mut changes = Vec::new();
        for _ in 0..3 {
            changes.push(rig.plan(&rig.create(Some("readonly"), json!({}))).await);
        }
        let opened = rig.subject.open(changes.iter().map(|change| change.open_step()).collect()).await;
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
        rig.sql(&format!("RENAME USER {} TO {}", at(changes[1].name()), at("renamed")));
        for which in [1, 0, 2] {
            rig.remove(&mut changes[which]).await;
        }
        assert_eq!(rig.ask("SELECT COUNT(*) FROM mysql.user WHERE User = 'renamed'"), "0", "{flavour:?} {as_whom:?}");
        // The mark is gone: nobody knows whose it is, so it is not touched.
        let (change, _) = rig.open(&rig.create(None, json!({}))).await;
        let unmark = match flavour {
            Flavour::MySql => format!("ALTER USER {} ATTRIBUTE '{{\"mayfly\": null}}'", at(change.name())),
            Flavour::MariaDb => format!("ALTER USER {} IDENTIFIED BY 'other'", at(change.name())),
        };
        rig.sql(&unmark);
        assert_eq!(rig.look(&change).await.presence, Presence::Stranger);
        let before = snapshot::take(&rig).unwrap();
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

/// A person may set another password, which changes neither the mark nor that it is removed.
#[tokio::test]
async fn an_account_with_a_password_of_its_own_is_removed_like_any_other() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let before = snapshot::take(&rig).unwrap();
        let (mut change, _) = rig.open(&rig.create(Some("readonly"), json!({}))).await;
        let mut session = rig.log_in(&change, "").await.unwrap();
        session.ask("SET PASSWORD = 'mine'").or_else(|_| session.ask("SET PASSWORD = PASSWORD('mine')")).unwrap();
        rig.remove(&mut change).await;
        assert!(!session.is_alive());
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

#[tokio::test]
async fn what_was_made_half_way_is_taken_back() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let before = snapshot::take(&rig).unwrap();
        let mut changes = Vec::new();
        for _ in 0..3 {
            changes.push(rig.plan(&rig.create(Some("readonly"), json!({}))).await);
        }
        // An event in the way of the second: its account was made before.
        rig.sql(&format!("CREATE EVENT mysql.{} ON SCHEDULE AT '2037-01-01 00:00:00' DO SELECT 1", changes[1].name()));
        let outcomes = rig.subject.open(changes.iter().map(|change| change.open_step()).collect()).await;
        let made: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(made, [true, false, true], "{outcomes:?}");
        assert_ne!(outcomes[1].as_ref().unwrap_err().class, FailureClass::OutcomeUnknown);
        assert_eq!(rig.look(&changes[1]).await.presence, Presence::Absent, "{flavour:?} {as_whom:?}");
        rig.sql(&format!("DROP EVENT mysql.{}", changes[1].name()));
        for change in &mut changes {
            rig.remove(change).await;
        }
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

/// DESIGN "Identity": another server at the address gets neither credentials that it does not know nor removals.
#[tokio::test]
async fn another_server_at_the_address_is_not_touched() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        let known = std::mem::replace(&mut change.row.target, TargetId::new(provider_of(flavour), "1-1700000000"));
        let before = snapshot::take(&rig).unwrap();
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            assert_eq!(rig.close(verb, &change).await.unwrap_err().class, FailureClass::IdentityChanged, "{verb:?}");
        }
        assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::IdentityChanged);
        assert_eq!(diff(&before, &snapshot::take(&rig).unwrap()), "");
        change.row.target = known;
        rig.remove(&mut change).await;
        // The other of the two kinds is told from this one.
        let other = if flavour == Flavour::MySql { Flavour::MariaDb } else { Flavour::MySql };
        let request = SurveyRequest { wish: rig.create(None, json!({})), lifetime: Duration::from_secs(60) };
        let failure = survey_with(&subject(other, &rig.admin), request).await.map(drop).unwrap_err();
        assert!(failure.text.contains("database_type"), "{failure}");
    }
}

#[tokio::test]
async fn a_lost_reply_is_an_unknown_outcome_and_is_found_again() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, rig.port()))).unwrap();
        let mut wish = rig.create(None, json!({}));
        wish.place = place(&rig, proxy.port());
        let mut change = rig.plan(&wish).await;
        proxy.drop_replies_after(0);
        let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
        assert_eq!(failure.class, FailureClass::OutcomeUnknown, "{failure}");
        proxy.restore();
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }), "{flavour:?} {as_whom:?}");
        rig.remove(&mut change).await;
        proxy.cut();
        assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::Unreachable);
    }
}

#[tokio::test]
async fn a_refused_credential_is_told_apart() {
    for (flavour, as_whom) in all() {
        let rig = Rig::used(flavour, as_whom).await;
        let mut login = rig.admin.clone();
        login.password.push('x');
        let request = SurveyRequest { wish: rig.create(None, json!({})), lifetime: Duration::from_secs(60) };
        let failure = survey_with(&subject(flavour, &login), request).await.map(drop).unwrap_err();
        assert_eq!(failure.class, FailureClass::CredentialsRefused, "{failure}");
        assert!(failure.text.contains("orders-admin") && !failure.text.contains(&login.password), "{failure}");
    }
}

/// A server that is started again numbers its connections from the beginning, and the connections kept to it are gone.
#[tokio::test]
async fn a_restart_of_the_server_is_survived() {
    for (flavour, as_whom) in all().filter(|(_, as_whom)| *as_whom == As::LeastPrivilege) {
        let rig = Rig::own(Options { durable: false, ..Options::new(flavour) }, as_whom).await;
        rig.sql("CREATE USER 'alice'@'127.0.0.1' IDENTIFIED BY 'alice-secret'");
        let (change, _) = rig.open(&rig.existing("alice", "readonly")).await;
        let rig = blocking(move || {
            rig.restart().unwrap();
            rig
        })
        .await;
        let login = mayfly_testbed::postgres::Login { user: "alice".to_owned(), password: "alice-secret".to_owned() };
        let mut session = super::rig::log_in(&rig, login, "").await.unwrap();
        let scope = SessionScope::Between { from: change.row.held_since, until: None };
        let looked = rig.subject.look(vec![change.look_step(scope.clone())]).await.remove(0).unwrap();
        assert_eq!(looked.sessions, 1, "{flavour:?}: its number is lower than those before");
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![change.close_step(scope)]).await.remove(0).unwrap();
        assert_eq!(closed.sessions_left, 0);
        assert!(!session.is_alive());
    }
}
