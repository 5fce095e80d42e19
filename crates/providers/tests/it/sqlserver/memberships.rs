//! Lifting existing accounts: into roles of the server and of databases, and what is refused.

use super::rig::{ALL, As, PASSWORD, Rig, ident, log_in};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{CloseVerb, Presence, Provider, SessionScope};

/// An account that exists, with a user in `orders`.
fn make(rig: &Rig, name: &str) {
    if rig.contained() {
        rig.sql("orders", &format!("CREATE USER {} WITH PASSWORD = N'{PASSWORD}';", ident(name)));
    } else {
        rig.sql("master", &format!("CREATE LOGIN {} WITH PASSWORD = N'{PASSWORD}';", ident(name)));
        rig.sql("orders", &format!("CREATE USER {} FOR LOGIN {};", ident(name), ident(name)));
    }
}

#[tokio::test]
async fn a_user_is_lifted_into_a_role_of_a_database_and_only_for_as_long() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        make(&rig, "alice");
        let before = rig.snapshot();
        let role = if rig.contained() { "readonly" } else { "orders/readonly" };
        let mut alice = log_in(&rig, "alice", PASSWORD, "orders").await.unwrap();
        assert_eq!(alice.ask("SELECT COUNT(*) FROM dbo.customers").await, Err(229));
        let (change, opened) = rig.open(&rig.existing("alice", role)).await;
        assert!(opened.added);
        assert_eq!(alice.ask("SELECT COUNT(*) FROM dbo.customers").await.unwrap(), "2");
        let sight = rig.look(&change).await;
        assert!(matches!(sight.presence, Presence::Ours { .. }), "{sight:?}");
        assert_eq!((sight.sessions, sight.can_log_in), (1, Some(true)));
        let closed = rig.close(CloseVerb::Withdraw, &change).await.unwrap();
        assert!(closed.gone_at.is_some());
        assert_eq!(alice.ask("SELECT COUNT(*) FROM dbo.customers").await, Err(229));
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");
        // Older than the hold, so it goes on.
        let scope = SessionScope::Between { from: change.row.held_since, until: None };
        let closed = rig.subject.close(CloseVerb::EndSessions, vec![change.close_step(scope)]).await.remove(0).unwrap();
        assert_eq!(closed.sessions_left, 0);
        assert!(closed.report.iter().any(|line| line.contains("left alone")), "{:?}", closed.report);
        assert_eq!(alice.ask("SELECT 1").await.unwrap(), "1");
        assert_eq!(rig.not_understood(), Vec::<String>::new());
    }
}

/// A role made anew under the old name, and an account renamed meanwhile, are told by their SIDs.
#[tokio::test]
async fn memberships_are_found_by_sid() {
    let rig = Rig::start(As::LeastPrivilege);
    make(&rig, "alice");
    let (change, _) = rig.open(&rig.existing("alice", "auditors")).await;
    rig.sql("master", "ALTER LOGIN alice WITH NAME = alicia;");
    assert!(matches!(rig.look(&change).await.presence, Presence::Ours { .. }));
    rig.close(CloseVerb::Withdraw, &change).await.unwrap();
    assert_eq!(rig.look(&change).await.presence, Presence::Absent);
    // The role is dropped and made anew: the member of the new one is not ours.
    let (change, _) = rig.open(&rig.existing("alicia", "auditors")).await;
    rig.sql(
        "master",
        "ALTER SERVER ROLE auditors DROP MEMBER alicia; DROP SERVER ROLE auditors; CREATE SERVER ROLE auditors;",
    );
    rig.sql("master", "ALTER SERVER ROLE auditors ADD MEMBER alicia;");
    let before = rig.snapshot();
    assert_eq!(rig.look(&change).await.presence, Presence::Absent);
    rig.close(CloseVerb::Withdraw, &change).await.unwrap();
    assert_eq!(rig.snapshot(), before);
    // Between the plan and the command the role goes.
    let change = rig.plan(&rig.existing("alicia", "auditors")).await;
    rig.sql("master", "ALTER SERVER ROLE auditors DROP MEMBER alicia; DROP SERVER ROLE auditors;");
    let failure = rig.subject.open(vec![change.open_step()]).await.remove(0).unwrap_err();
    assert_eq!(failure.class, FailureClass::Conflict, "{failure}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_done() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        make(&rig, "alice");
        let before = rig.snapshot();
        let mut wishes = vec![
            (rig.existing("nobody", "auditors"), FailureClass::Conflict),
            (rig.existing(&rig.admin.user, "auditors"), FailureClass::Conflict),
            (rig.existing("alice", "public"), FailureClass::Conflict),
            (rig.existing("alice", "mayfly_graveyard"), FailureClass::Conflict),
            (rig.existing("alice", "nothing"), FailureClass::Conflict),
        ];
        if !rig.contained() {
            wishes.extend([
                (rig.existing("alice", "nowhere/readonly"), FailureClass::Conflict),
                (rig.existing("alice", "orders/nothing"), FailureClass::Conflict),
                (rig.existing("alice", "billing/readonly"), FailureClass::Conflict),
                (rig.existing("alice", "a/b/c"), FailureClass::Conflict),
            ]);
        }
        if as_whom == As::LeastPrivilege {
            wishes.push((rig.existing("alice", "sysadmin"), FailureClass::NotPermitted));
        }
        for (wish, class) in wishes {
            let failure = rig.survey(&wish).await.map(|_| ()).unwrap_err();
            assert_eq!(failure.class, class, "{as_whom:?} {:?}: {failure}", wish.elevate);
        }
        assert_eq!(rig.snapshot(), before);
    }
}
