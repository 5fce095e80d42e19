//! The way out by hand: what the script hands to sqlcmd does what it says, on the stand-in.

use super::rig::{ALL, As, PASSWORD, Rig, ident};
use mayfly_engine::ports::provider::Presence;
use mayfly_providers::Registry;

/// The batches of a script, each with its database, as sqlcmd takes them apart.
fn batches(script: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("run '") else { continue };
        let (database, end) = rest.split_once("' << '").unwrap();
        let end = end.trim_end_matches('\'');
        let mut batch = String::new();
        for line in lines.by_ref().take_while(|line| *line != end) {
            if line == "GO" {
                all.push((database.to_owned(), std::mem::take(&mut batch)));
            } else {
                batch.push_str(line);
                batch.push('\n');
            }
        }
        assert_eq!(batch, "", "every batch ends with GO");
    }
    all
}

/// Runs a script as `sa`; the first error ends it, as with `-b`.
fn run(rig: &Rig, script: &str) -> Result<(), String> {
    for (database, batch) in batches(script) {
        rig.admin(&database, &batch).map_err(|error| format!("{error:#}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn an_account_is_removed_by_hand() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let (change, _) = rig.open(&rig.create(None, rig.settings())).await;
        let name = ident(change.name());
        rig.sql("orders", &format!("CREATE SCHEMA theirs AUTHORIZATION {name};"));
        let mut client = rig.log_in(&change, "orders").await.unwrap();
        let script = Registry::by_hand(&change.row).unwrap();
        assert_eq!(batches(&script).len(), 4, "{script}");
        run(&rig, &script).unwrap();
        client.ask("SELECT 1").await.unwrap_err();
        assert_eq!(rig.look(&change).await.presence, Presence::Absent, "{as_whom:?}");
        // Twice is the same as once.
        run(&rig, &script).unwrap();
        let owner =
            "SELECT u.name FROM sys.schemas AS s JOIN sys.database_principals AS u ON u.principal_id = s.principal_id
             WHERE s.name = N'theirs'";
        assert_eq!(rig.ask("orders", owner), "mayfly_graveyard");
        // Another server is left alone.
        let elsewhere = Rig::start(as_whom);
        let before = elsewhere.snapshot();
        let refused = run(&elsewhere, &script).unwrap_err();
        assert!(refused.contains("51008"), "{refused}");
        assert_eq!(elsewhere.snapshot(), before);
        assert_eq!(rig.not_understood(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_membership_is_taken_back_by_hand() {
    let rig = Rig::start(As::LeastPrivilege);
    rig.sql("master", &format!("CREATE LOGIN alice WITH PASSWORD = N'{PASSWORD}';"));
    rig.sql("orders", "CREATE USER alice FOR LOGIN alice;");
    for role in ["auditors", "orders/readonly"] {
        let before = rig.snapshot();
        let (change, _) = rig.open(&rig.existing("alice", role)).await;
        run(&rig, &Registry::by_hand(&change.row).unwrap()).unwrap();
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
        assert_eq!(rig.snapshot(), before, "{role}");
    }
}
