//! Making accounts and removing them, in the plain case and when somebody interfered.

use crate::rig::{ALL, As, Rig};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider};
use mayfly_testbed::postgres::Flavour;
use mayfly_testbed::snapshot;
use serde_json::json;

#[tokio::test]
async fn an_account_is_made_used_and_removed_without_a_trace() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let before = snapshot::take(&rig).await.unwrap();
        let wish = rig.create(Some("readonly"), json!({"connections": 2}));
        let (mut change, opened) = rig.open(&wish).await;
        assert!(opened.added);
        let sight = rig.look(&change).await;
        assert_eq!(sight.presence, Presence::Ours { native_id: opened.native_id, leftovers: false });
        assert_eq!((sight.sessions, sight.can_log_in), (0, Some(true)));

        let client = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(client.query("SELECT * FROM customers", &[]).await.unwrap().len(), 3);
        let _second = rig.log_in(&change, "billing").await.unwrap();
        assert_eq!(rig.log_in(&change, "orders").await.unwrap_err().text, "53300", "the connection limit holds");
        assert_eq!(rig.look(&change).await.sessions, 2);
        let name = change.name().to_owned();
        let until =
            format!("SELECT extract(epoch from rolvaliduntil - now())::int FROM pg_roles WHERE rolname = '{name}'");
        let left: i32 = rig.ask("postgres", &until).await.parse().unwrap();
        assert!((3500..=3660).contains(&left), "{left}");

        rig.close(CloseVerb::Disable, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.can_log_in, Some(false));
        let closed = rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        assert_eq!((closed.sessions_left, closed.report.len()), (0, 2), "{:?}", closed.report);
        assert_eq!(rig.log_in(&change, "orders").await.unwrap_err().text, "28000");
        client.query("SELECT 1", &[]).await.unwrap_err();
        rig.remove(&mut change).await;
        // Twice is the same as once.
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");
        let secret = change.secret.expose();
        assert!(!rig.log().unwrap().contains(secret), "the password is in the server's log");
        assert!(rig.log().unwrap().contains("SCRAM-SHA-256$1:"), "the log shows no statement at all");
    }
}
