//! What accounts leave: handed over, dropped or kept, and nothing of it gets anybody else's rights.

use super::rig::{ALL, As, Rig, ident, literal};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{CloseVerb, Presence};
use serde_json::{Value, json};

fn with(rig: &Rig, leftovers: &str) -> Value {
    let mut settings = rig.settings();
    settings["leftovers"] = json!(leftovers);
    settings
}

/// Who owns a schema of `orders`.
fn owner(rig: &Rig, schema: &str) -> String {
    let sql = format!(
        "SELECT u.name FROM sys.schemas AS s JOIN sys.database_principals AS u ON u.principal_id = s.principal_id WHERE s.name = {}",
        literal(schema)
    );
    rig.ask("orders", &sql)
}

#[tokio::test]
async fn what_an_account_owns_goes_to_an_heir_without_rights() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        let name = ident(change.name());
        rig.sql("orders", &format!("CREATE SCHEMA theirs AUTHORIZATION {name};"));
        rig.sql("orders", "CREATE TABLE theirs.things (id int NOT NULL);");
        rig.sql("orders", &format!("CREATE ROLE [their role] AUTHORIZATION {name};"));
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { leftovers: true, .. }));
        assert_eq!(rig.close(CloseVerb::Remove, &change).await.unwrap_err().class, FailureClass::Conflict);
        let report = rig.remove(&mut change).await;
        assert!(
            report.iter().any(|line| line.contains("[theirs]") && line.contains("[mayfly_graveyard]")),
            "{report:?}"
        );
        assert_eq!(owner(&rig, "theirs"), "mayfly_graveyard");
        let heirs = "SELECT COUNT(*) FROM sys.database_role_members AS m JOIN sys.database_principals AS r
             ON r.principal_id = m.role_principal_id WHERE r.name = N'mayfly_graveyard'";
        assert_eq!(rig.ask("orders", heirs), "0", "nobody has what ended accounts have left");
        assert_eq!(rig.not_understood(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_an_account_owns_can_be_dropped_or_kept() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let before = rig.snapshot();
        let (mut change, _) = rig.open(&rig.create(None, with(&rig, "drop"))).await;
        let name = ident(change.name());
        rig.sql("orders", &format!("CREATE SCHEMA theirs AUTHORIZATION {name};"));
        rig.sql("orders", "CREATE TABLE theirs.things (id int NOT NULL);");
        let report = rig.remove(&mut change).await;
        assert!(report.iter().any(|line| line.contains("things") && line.contains("dropped")), "{report:?}");
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");

        let (change, _) = rig.open(&rig.create(None, with(&rig, "keep"))).await;
        rig.sql("orders", &format!("CREATE SCHEMA theirs AUTHORIZATION {};", ident(change.name())));
        rig.close(CloseVerb::Disable, &change).await.unwrap();
        let closed = rig.close(CloseVerb::HandOver, &change).await.unwrap();
        assert!(closed.stays, "{:?}", closed.report);
        assert_eq!(owner(&rig, "theirs"), change.name());
        assert_eq!(rig.look(&change).await.can_log_in, Some(false));
    }
}

#[tokio::test]
async fn what_belongs_to_the_server_goes_to_the_log_in_without_rights() {
    let rig = Rig::start(As::Sa);
    let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
    let (name, text) = (ident(change.name()), literal(change.name()));
    rig.sql("master", "CREATE DATABASE theirs;");
    rig.sql("master", &format!("ALTER AUTHORIZATION ON DATABASE::theirs TO {name};"));
    rig.sql("master", &format!("CREATE SERVER ROLE [their role] AUTHORIZATION {name};"));
    rig.sql("msdb", &format!("EXEC dbo.sp_add_job @job_name = N'their job', @owner_login_name = {text};"));
    let report = rig.remove(&mut change).await;
    assert!(report.iter().any(|line| line.contains("switched off")), "{report:?}");
    let owner = "SELECT p.name FROM sys.databases AS d JOIN sys.server_principals AS p ON p.sid = d.owner_sid WHERE d.name = N'theirs'";
    assert_eq!(rig.ask("master", owner), "mayfly_graveyard");
    assert_eq!(rig.ask("msdb", "SELECT CONVERT(int, enabled) FROM dbo.sysjobs WHERE name = N'their job'"), "0");
}

/// A trigger that came into being in the account's time would run with our rights: nothing is defined where it is.
#[tokio::test]
async fn a_trigger_of_the_accounts_time_stops_the_removal() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        rig.sql("orders", "CREATE TRIGGER [evil ]]] ON DATABASE FOR DDL_DATABASE_LEVEL_EVENTS AS SELECT 1;");
        let failure = rig.close(CloseVerb::Remove, &change).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::NotPermitted);
        let fix = "DISABLE TRIGGER [evil ]]] ON DATABASE;";
        assert!(failure.text.contains(fix), "{failure}");
        rig.sql("orders", fix);
        rig.remove(&mut change).await;
    }
}

/// What an account granted to others is taken back: it would keep the account from being dropped.
#[tokio::test]
async fn what_an_account_granted_is_taken_back() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        rig.sql("orders", "CREATE USER bob WITHOUT LOGIN;");
        let before = rig.snapshot();
        let (mut change, _) = rig.open(&rig.create(None, rig.settings())).await;
        let name = ident(change.name());
        rig.sql("orders", &format!("GRANT SELECT ON SCHEMA::dbo TO {name} WITH GRANT OPTION;"));
        rig.sql("orders", &format!("GRANT SELECT ON SCHEMA::dbo TO bob AS {name};"));
        let report = rig.remove(&mut change).await;
        assert!(report.iter().any(|line| line.contains("REVOKE SELECT ON SCHEMA::[dbo] FROM [bob]")), "{report:?}");
        assert_eq!(rig.snapshot(), before, "{as_whom:?}");
    }
}
