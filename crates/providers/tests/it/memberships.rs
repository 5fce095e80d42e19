//! Lifting existing accounts: only what we added is taken away, and only the sessions in the scope are ended.

use crate::rig::{ALL, As, Change, Rig, log_in};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider, SessionScope};
use mayfly_testbed::snapshot;
use std::time::Duration;

async fn alice(rig: &Rig, extra: &str) {
    rig.sql("postgres", &format!("CREATE ROLE alice LOGIN PASSWORD 'alice-secret'; {extra}")).await;
}

#[tokio::test]
async fn a_membership_is_added_and_taken_away_without_a_trace() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "").await;
        let before = snapshot::take(&rig).await.unwrap();
        let (change, opened) = rig.open(&rig.existing("alice", "readonly")).await;
        assert!(opened.added && !change.row.prior);
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }));
        // Made again, it says that it was there.
        let again = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap();
        assert!(!again.added);
        let client = log_in(&rig, "alice", "alice-secret", "orders").await.unwrap();
        client.query("SELECT * FROM customers", &[]).await.unwrap();
        client.batch_execute("SET ROLE readonly").await.unwrap();
        let gone = rig.close(CloseVerb::Withdraw, &change).await.unwrap().gone_at.unwrap();
        assert!(gone > change.row.held_since);
        // PostgreSQL lets a session keep the role that it had set: it has to end.
        client.query("SELECT * FROM customers", &[]).await.unwrap();
        let scope = SessionScope::Between { from: change.row.held_since, until: Some(gone) };
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![change.close_step(scope)]).await.remove(0).unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 1), "{:?}", closed.report);
        client.query("SELECT 1", &[]).await.unwrap_err();
        let sight = rig.look(&change).await;
        assert_eq!((sight.presence, sight.sessions, sight.can_log_in), (Presence::Absent, 0, Some(true)));
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

/// FAILURES 41, 42: what was there before us stays, and so does what somebody else grants meanwhile.
#[tokio::test]
async fn memberships_of_others_survive() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "GRANT readonly TO alice; GRANT readwrite TO alice;").await;
        let before = snapshot::take(&rig).await.unwrap();
        let change = rig.plan(&rig.existing("alice", "readonly")).await;
        assert!(change.row.prior);
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");

        // A grant that somebody made in ours' place: on 15 ours has to go first, since there is one row.
        rig.sql(
            "postgres",
            "CREATE ROLE bob LOGIN; CREATE ROLE dba SUPERUSER; GRANT readonly TO dba WITH ADMIN OPTION",
        )
        .await;
        let (change, _) = rig.open(&rig.existing("bob", "readonly")).await;
        if !flavour.has_membership_options() {
            rig.sql("postgres", "REVOKE readonly FROM bob").await;
        }
        rig.sql("postgres", "SET ROLE dba; GRANT readonly TO bob").await;
        if as_whom == As::Superuser && flavour.has_membership_options() {
            // A superuser's grant is recorded as the bootstrap superuser's, so this one merged with ours.
            rig.sql("postgres", "SET ROLE dba; GRANT readonly TO bob GRANTED BY dba").await;
        }
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.presence, Presence::Stranger, "{flavour:?} {as_whom:?}");
        assert_eq!(rig.ask("postgres", "SELECT pg_has_role('bob', 'readonly', 'MEMBER')").await, "t");
    }
}

#[tokio::test]
async fn inherited_membership_is_not_membership() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "CREATE ROLE team; GRANT readonly TO team; GRANT team TO alice;").await;
        let (change, opened) = rig.open(&rig.existing("alice", "readonly")).await;
        assert!(opened.added);
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
        assert_eq!(rig.ask("postgres", "SELECT pg_has_role('alice', 'readonly', 'MEMBER')").await, "t");
    }
}

/// DESIGN "Existing accounts": a session older than the hold is a bystander.
#[tokio::test]
async fn a_bystander_survives_and_is_named() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "").await;
        let older = log_in(&rig, "alice", "alice-secret", "orders").await.unwrap();
        let pid: i32 = older.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (change, _) = rig.open(&rig.existing("alice", "readonly")).await;
        let newer = log_in(&rig, "alice", "alice-secret", "orders").await.unwrap();
        let ours: i32 = newer.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let scope = |ids: &[i32]| SessionScope::Ours(ids.iter().map(ToString::to_string).collect());
        let looked = rig.subject.look(vec![change.look_step(scope(&[ours]))]).await.remove(0).unwrap();
        assert_eq!(looked.sessions, 1);
        let scope = SessionScope::Between { from: change.row.held_since, until: None };
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![change.close_step(scope)]).await.remove(0).unwrap();
        assert_eq!(closed.sessions_left, 0);
        let line = closed.report.iter().find(|line| line.contains("left alone")).unwrap();
        assert!(line.contains(&pid.to_string()), "{line}");
        newer.query("SELECT 1", &[]).await.unwrap_err();
        older.query("SELECT 1", &[]).await.unwrap();
    }
}

/// The same for one that had switched to another role before: it is known by who logged in, and keeps what it had.
#[tokio::test]
async fn a_bystander_that_had_set_another_role_survives_and_is_named() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "GRANT readwrite TO alice").await;
        let older = log_in(&rig, "alice", "alice-secret", "orders").await.unwrap();
        let pid: i32 = older.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        older.batch_execute("SET ROLE readwrite").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (change, _) = rig.open(&rig.existing("alice", "readonly")).await;
        let lifted = log_in(&rig, "alice", "alice-secret", "orders").await.unwrap();
        let lifted_pid: i32 = lifted.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        lifted.batch_execute("SET ROLE readonly").await.unwrap();

        let gone = rig.close(CloseVerb::Withdraw, &change).await.unwrap().gone_at.unwrap();
        let scope = || SessionScope::Between { from: change.row.held_since, until: Some(gone) };
        let step = change.close_step(scope());
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![step]).await.remove(0).unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 2), "{:?}", closed.report);
        let line =
            |pid: i32| closed.report.iter().find(|line| line.starts_with(&format!("session {pid} of \"alice\" ")));
        assert!(line(pid).unwrap().ends_with("is not one of this elevation and was left alone"), "{:?}", closed.report);
        assert!(line(lifted_pid).unwrap().ends_with("was told to end"), "{:?}", closed.report);
        lifted.query("SELECT 1", &[]).await.unwrap_err();
        let looked = rig.subject.look(vec![change.look_step(scope())]).await.remove(0).unwrap();
        assert_eq!((looked.presence, looked.sessions), (Presence::Absent, 0), "{flavour:?} {as_whom:?}");
        let row = older.query_one("SELECT current_user::text, session_user::text", &[]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("readwrite", "alice"), "{flavour:?} {as_whom:?}");
        older.batch_execute("INSERT INTO customers (name) VALUES ('Barbara')").await.unwrap();
    }
}

#[tokio::test]
async fn a_renamed_account_is_still_found() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        alice(&rig, "").await;
        let (change, _): (Change, _) = rig.open(&rig.existing("alice", "readonly")).await;
        rig.sql("postgres", "ALTER ROLE alice RENAME TO \"alice; smith\"; CREATE ROLE alice; GRANT readonly TO alice")
            .await;
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }));
        rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
        assert_eq!(
            rig.ask("postgres", "SELECT pg_has_role('alice', 'readonly', 'MEMBER')").await,
            "t",
            "the new alice"
        );
    }
}

#[tokio::test]
async fn bad_wishes_are_refused_with_what_helps() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::own(flavour, as_whom).await;
        alice(&rig, "CREATE ROLE boss SUPERUSER; CREATE ROLE secret_role;").await;
        let refused =
            async |name: &str, role: &str| rig.survey(&rig.existing(name, role)).await.map(|_| ()).unwrap_err();
        for (name, role) in [
            ("nobody", "readonly"),
            ("alice", "nothing"),
            ("alice", "mayfly_graveyard"),
            (rig.admin.user.as_str(), "readonly"),
            ("alice", ""),
            ("", "readonly"),
        ] {
            assert_eq!(refused(name, role).await.class, FailureClass::Conflict, "{name} {role}");
        }
        if as_whom == As::LeastPrivilege {
            assert_eq!(refused("alice", "boss").await.class, FailureClass::Conflict);
            if flavour.has_membership_options() {
                let failure = refused("alice", "secret_role").await;
                assert_eq!(failure.class, FailureClass::NotPermitted);
                assert!(
                    failure.text.contains("GRANT \"secret_role\" TO \"mayfly_admin\" WITH ADMIN TRUE"),
                    "{failure}"
                );
            }
            rig.sql("postgres", "REVOKE pg_read_all_stats FROM mayfly_admin").await;
            let failure = refused("alice", "readonly").await;
            assert!(failure.text.contains("GRANT pg_read_all_stats TO \"mayfly_admin\";"), "{failure}");
        }
    }
}
