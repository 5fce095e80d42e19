//! Making accounts and removing them, in the plain case and when somebody interfered.

use super::rig::{ALL, As, Rig, ident, literal, place, services, survey_with};
use mayfly_domain::{FailureClass, TargetId};
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider, SurveyRequest};
use mayfly_providers::sqlserver::SqlServer;
use mayfly_testbed::sqlserver::Options;
use mayfly_testbed::{Proxy, SqlServerStandIn};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A role of a database that accounts are lifted into.
fn readonly(rig: &Rig) -> &'static str {
    if rig.contained() { "readonly" } else { "orders/readonly" }
}

#[tokio::test]
async fn an_account_is_made_used_and_removed_without_a_trace() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let before = rig.snapshot();
        let (mut change, opened) = rig.open(&rig.create(Some(readonly(&rig)), rig.settings())).await;
        assert!(opened.added);
        let sight = rig.look(&change).await;
        assert_eq!(sight.presence, Presence::Ours { native_id: opened.native_id, leftovers: false });
        assert_eq!((sight.sessions, sight.can_log_in), (0, Some(true)));

        let mut client = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(client.ask("SELECT COUNT(*) FROM dbo.customers").await.unwrap(), "2");
        let _second = rig.log_in(&change, "orders").await.unwrap();
        let billing = rig.log_in(&change, "billing").await;
        assert_eq!(billing.is_ok(), !rig.contained(), "a user of one database gets into no other");
        drop(billing);

        rig.close(CloseVerb::Disable, &change).await.unwrap();
        assert_eq!(rig.look(&change).await.can_log_in, Some(false));
        assert!(rig.log_in(&change, "orders").await.is_err());
        let closed = rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        assert_eq!(closed.sessions_left, 0, "{:?}", closed.report);
        assert!(closed.report.len() >= 2, "{:?}", closed.report);
        client.ask("SELECT 1").await.unwrap_err();
        rig.remove(&mut change).await;
        // Twice is the same as once.
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");
        assert_eq!(rig.not_understood(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_sid_or_its_mark_and_strangers_are_left() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let (database, kind) = if rig.contained() { ("orders", "USER") } else { ("master", "LOGIN") };
        let rename = |name: &str, new: &str| {
            rig.sql(database, &format!("ALTER {kind} {} WITH NAME = {};", ident(name), ident(new)))
        };
        let unmark = |name: &str| {
            let sql = format!(
                "EXEC sys.sp_dropextendedproperty @name = N'mayfly', @level0type = N'USER', @level0name = {};",
                literal(name)
            );
            rig.sql(database, &sql);
        };
        // Renamed: found by the SID and the mark.
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        rename(change.name(), "renamed");
        rig.remove(&mut change).await;
        // Renamed, and the answer was lost: found by what was frozen, or by the mark.
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        change.row.native_id = None;
        rename(change.name(), "renamed");
        rig.remove(&mut change).await;
        // The mark is gone: found by SID and name.
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        unmark(change.name());
        rig.remove(&mut change).await;
        // Both are gone: nobody knows, so it is not touched and not forgotten.
        let (change, _) = rig.open(&rig.create(None, rig.settings())).await;
        unmark(change.name());
        rename(change.name(), "adopted");
        rig.close(CloseVerb::Remove, &change).await.unwrap();
        assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::Conflict);
        // A stranger under our name, before and instead of ours.
        let wish = rig.create(None, rig.settings());
        let change = rig.plan(&wish).await;
        rig.sql(database, &format!("CREATE {kind} {} WITH PASSWORD = N'Somebody-1';", ident(change.name())));
        let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
        assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
        let before = rig.snapshot();
        assert_eq!(rig.survey(&wish).await.unwrap_err().class, FailureClass::Conflict);
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            rig.close(verb, &change).await.unwrap();
        }
        assert_eq!(rig.look(&change).await.presence, Presence::Stranger);
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");
    }
}

/// A log-in that somebody drops leaves its users behind: they are ours to remove, and so are those that others made.
#[tokio::test]
async fn users_are_removed_wherever_they_are() {
    for as_whom in [As::Sa, As::LeastPrivilege] {
        let rig = Rig::start(as_whom);
        let before = rig.snapshot();
        let (mut change, _) = rig.open(&rig.create(None, json!({"databases": "orders"}))).await;
        let name = ident(change.name());
        rig.sql("billing", &format!("CREATE USER [somebody else] FOR LOGIN {name};"));
        rig.remove(&mut change).await;
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");

        let (mut change, _) = rig.open(&rig.create(None, json!({"databases": "orders"}))).await;
        rig.sql("master", &format!("DROP LOGIN {};", ident(change.name())));
        let sight = rig.look(&change).await;
        assert!(matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
        assert_eq!(sight.can_log_in, Some(false));
        rig.remove(&mut change).await;
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");
    }
}

#[tokio::test]
async fn a_session_keeps_its_account_from_being_dropped() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let (mut change, _) = rig.open(&rig.create(Some(readonly(&rig)), rig.settings())).await;
        let _client = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(rig.close(CloseVerb::Remove, &change).await.unwrap_err().class, FailureClass::Busy);
        rig.remove(&mut change).await;
    }
}

#[tokio::test]
async fn one_bad_step_does_not_spoil_its_batch() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let mut changes = Vec::new();
        for _ in 0..5 {
            changes.push(rig.plan(&rig.create(Some(readonly(&rig)), rig.settings())).await);
        }
        let (database, kind) = if rig.contained() { ("orders", "USER") } else { ("master", "LOGIN") };
        rig.sql(database, &format!("CREATE {kind} {} WITH PASSWORD = N'Somebody-1';", ident(changes[2].name())));
        let outcomes = rig.subject.open(changes.iter().map(|change| change.open_step()).collect()).await;
        let made: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(made, [true, true, false, true, true], "{outcomes:?}");
        for (index, change) in changes.iter_mut().enumerate().filter(|(index, _)| *index != 2) {
            change.row.native_id.clone_from(&outcomes[index].as_ref().unwrap().native_id);
            rig.remove(change).await;
        }
    }
}

/// Where Agent lets us, the account carries a deadline of its own, which goes with it.
#[tokio::test]
async fn a_job_disables_the_account_at_its_deadline() {
    let rig = Rig::start(As::Sa);
    let before = rig.snapshot();
    let (mut change, _) = rig.open(&rig.create(Some(readonly(&rig)), rig.settings())).await;
    let job = format!("mayfly {}", change.name());
    assert_eq!(rig.ask("msdb", &format!("SELECT COUNT(*) FROM dbo.sysjobs WHERE name = {}", literal(&job))), "1");
    rig.log_in(&change, "orders").await.unwrap();
    rig.run_job(&job).unwrap();
    assert_eq!(rig.log_in(&change, "orders").await.err().unwrap().text, "18470");
    assert_eq!(rig.look(&change).await.can_log_in, Some(false));
    rig.remove(&mut change).await;
    assert_eq!(rig.snapshot(), before);
}

/// DESIGN "Identity": another server at the address gets neither credentials that it does not know nor removals.
#[tokio::test]
async fn another_server_at_the_address_is_not_touched() {
    for as_whom in [As::Sa, As::Contained] {
        let rig = Rig::start(as_whom);
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        change.row.target = TargetId::new("sqlserver", "STANDIN/00000000-0000-0000-0000-000000000000");
        let before = rig.snapshot();
        for verb in [CloseVerb::Disable, CloseVerb::EndSessions, CloseVerb::HandOver, CloseVerb::Remove] {
            assert_eq!(rig.close(verb, &change).await.unwrap_err().class, FailureClass::IdentityChanged, "{verb:?}");
        }
        assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::IdentityChanged);
        let outcome = rig.subject.open(vec![change.open_step()]).await.remove(0);
        assert_eq!(outcome.unwrap_err().class, FailureClass::IdentityChanged);
        assert_eq!(rig.snapshot(), before);
    }
    // And one whose certificate another authority signed is not even spoken to.
    let rig = Rig::start(As::Sa);
    let other = SqlServerStandIn::start(Options::default()).unwrap();
    let mut wish = rig.create(None, json!({}));
    wish.place = place(&rig, other.port());
    assert_eq!(rig.survey(&wish).await.unwrap_err().class, FailureClass::Conflict);
    assert_eq!(other.sessions(), []);
}

#[tokio::test]
async fn a_lost_reply_is_an_unknown_outcome_and_is_found_again() {
    for as_whom in [As::LeastPrivilege, As::Contained] {
        let rig = Rig::start(as_whom);
        let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, rig.port()))).unwrap();
        let mut wish = rig.create(None, rig.settings());
        wish.place = place(&rig, proxy.port());
        let mut change = rig.plan(&wish).await;
        proxy.drop_replies_after(0);
        let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
        assert_eq!(failure.class, FailureClass::OutcomeUnknown, "{failure}");
        proxy.restore();
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }));
        rig.remove(&mut change).await;
        proxy.cut();
        assert_eq!(rig.try_look(&change).await.unwrap_err().class, FailureClass::Unreachable);
    }
}

#[tokio::test]
async fn a_refused_credential_is_told_apart() {
    let rig = Rig::start(As::Sa);
    let mut login = rig.admin.clone();
    login.password.push('x');
    let request = SurveyRequest { wish: rig.create(None, json!({})), lifetime: Duration::from_secs(60) };
    let subject = SqlServer::new(services(&login));
    let failure = survey_with(&subject, request).await.map(|_| ()).unwrap_err();
    assert_eq!(failure.class, FailureClass::CredentialsRefused, "{failure}");
    assert!(!failure.text.contains(&login.password));
}
