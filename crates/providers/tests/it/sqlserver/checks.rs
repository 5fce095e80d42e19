//! The check of a record, the search for accounts and for holders of rights.

use super::rig::{ALL, As, PASSWORD, Rig, ident};
use crate::common::permit;
use mayfly_dial::Credential;
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{Prefix, RecordName, WallTime};
use mayfly_engine::ports::provider::Presence;
use mayfly_providers::{Check, CheckReport, CheckRequest, HoldersRequest, Level, ScanRequest, VisitRequest};

async fn check(rig: &Rig) -> CheckReport {
    let now = rig.ask("master", "SELECT DATEDIFF_BIG(MICROSECOND, '19700101', SYSUTCDATETIME())").parse().unwrap();
    let request = CheckRequest {
        record: RecordName::parse("orders").unwrap(),
        place: rig.place.clone(),
        elevate: Some(if rig.contained() { "readonly" } else { "orders/readonly" }.to_owned()),
        database: Some("orders".to_owned()),
        lifts_existing: false,
        settings: rig.settings(),
        prefix: Prefix::default(),
        authority: None,
        our_address: None,
        second_address: None,
        now: WallTime::from_micros(now),
    };
    let by = authorise_administration(0, 0).unwrap();
    rig.subject.check(&by, &request).await.unwrap()
}

fn fixes(report: &CheckReport, level: Level) -> Vec<String> {
    report.of(level).flat_map(|finding| finding.fix.clone()).collect()
}

#[tokio::test]
async fn what_is_missing_or_too_much_is_named_and_its_statement_helps() {
    let rig = Rig::start(As::Sa);
    let report = check(&rig).await;
    assert!(report.of(Level::Excess).any(|finding| finding.what.contains("sysadmin")), "{report:?}");

    let rig = Rig::start(As::LeastPrivilege);
    rig.sql(
        "master",
        "REVOKE ALTER ANY LOGIN FROM mayfly_admin; REVOKE ALTER ANY CONNECTION FROM mayfly_admin;
         REVOKE VIEW SERVER STATE FROM mayfly_admin; REVOKE IMPERSONATE ON LOGIN::mayfly_graveyard FROM mayfly_admin;
         ALTER LOGIN mayfly_graveyard ENABLE; REVOKE CONNECT SQL FROM mayfly_graveyard; GRANT CONNECT SQL TO mayfly_graveyard;
         ALTER SERVER ROLE securityadmin ADD MEMBER mayfly_admin;",
    );
    for database in ["master", "orders"] {
        rig.sql(database, "ALTER ROLE db_owner DROP MEMBER mayfly_admin;");
    }
    let report = check(&rig).await;
    let (missing, excess) = (fixes(&report, Level::Missing), fixes(&report, Level::Excess));
    for part in [
        "ALTER ANY CONNECTION",
        "VIEW SERVER STATE",
        "IMPERSONATE ON LOGIN",
        "USE [orders]; GRANT ALTER ANY USER",
        "ROLE::[readonly]",
    ] {
        assert!(missing.iter().any(|fix| fix.contains(part)), "{part}: {missing:#?}");
    }
    for part in ["DISABLE", "securityadmin"] {
        assert!(excess.iter().any(|fix| fix.contains(part)), "{part}: {excess:#?}");
    }
    for fix in missing
        .iter()
        .chain(&excess)
        .filter(|fix| !fix.contains("msdb") && !fix.contains("SQLAgentUserRole") && !fix.starts_with("CREATE USER"))
    {
        rig.sql("master", fix);
    }
    rig.sql("master", "GRANT ALTER ANY LOGIN TO mayfly_admin;");
    let report = check(&rig).await;
    let left: Vec<String> = fixes(&report, Level::Missing);
    assert!(
        left.iter()
            .all(|fix| fix.contains("msdb") || fix.contains("SQLAgentUserRole") || fix.starts_with("CREATE USER")),
        "{left:#?}"
    );
    assert_eq!(fixes(&report, Level::Excess), Vec::<String>::new());
    assert_eq!(rig.not_understood(), Vec::<String>::new());
}

#[tokio::test]
async fn a_contained_database_is_checked_by_its_own_rights() {
    let rig = Rig::start(As::Contained);
    rig.sql("master", "REVOKE ALTER ANY CONNECTION FROM mayfly_admin;");
    let report = check(&rig).await;
    let missing = fixes(&report, Level::Missing);
    assert!(missing.iter().any(|fix| fix.contains("ALTER ANY CONNECTION")), "{missing:#?}");
    assert_eq!(rig.not_understood(), Vec::<String>::new());
}

#[tokio::test]
async fn accounts_are_found_without_the_ledger_and_can_be_removed() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let wish = rig.create(None, rig.settings());
        let (change, opened) = rig.open(&wish).await;
        if !rig.contained() {
            rig.sql("master", &format!("CREATE LOGIN [keeper_stranger] WITH PASSWORD = N'{PASSWORD}';"));
        }
        let request = ScanRequest { place: rig.place.clone(), prefix: Prefix::default(), settings: rig.settings() };
        let by = authorise_administration(0, 0).unwrap();
        let scan = rig.subject.scan(&by, &request).await.unwrap();
        let ours = scan.found.iter().find(|found| found.account.as_str() == change.name()).unwrap();
        assert_eq!(Some(&ours.native_id), opened.native_id.as_ref());
        assert!(ours.mark.is_some() && ours.can_log_in && ours.made.is_some());
        assert_eq!(scan.found.len(), if rig.contained() { 1 } else { 2 });
        // What the search found is enough to remove it.
        let planned = ours.changes.first().unwrap().clone();
        let mut found = super::rig::Change::new(&wish, planned, &scan.target, scan.target_now);
        found.row.native_id = Some(ours.native_id.clone());
        rig.remove(&mut found).await;
        assert_eq!(rig.look(&change).await.presence, Presence::Absent);
        assert_eq!(rig.not_understood(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn holders_of_rights_are_named() {
    let rig = Rig::start(As::LeastPrivilege);
    rig.sql(
        "master",
        &format!("CREATE LOGIN alice WITH PASSWORD = N'{PASSWORD}'; ALTER SERVER ROLE sysadmin ADD MEMBER alice;"),
    );
    rig.sql(
        "orders",
        &format!("CREATE USER {} FOR LOGIN alice; ALTER ROLE readonly ADD MEMBER alice;", ident("alice")),
    );
    let request = HoldersRequest {
        place: rig.place.clone(),
        elevate: Some("orders/readonly".to_owned()),
        settings: rig.settings(),
    };
    let by = authorise_administration(0, 0).unwrap();
    let holders = rig.subject.holders(&by, &request).await.unwrap();
    let alice = holders.holders.iter().find(|holder| holder.account.as_str() == "alice").unwrap();
    assert_eq!(alice.rights, ["member of [sysadmin]", "member of [readonly] in database [orders]"]);
    let admin = holders.holders.iter().find(|holder| holder.account.as_str() == "mayfly_admin").unwrap();
    assert!(admin.administrative && admin.rights.iter().any(|right| right == "ALTER ANY LOGIN"), "{admin:?}");
    assert!(!holders.holders.iter().any(|holder| holder.account.as_str() == "mayfly_graveyard"), "it cannot log in");
    assert_eq!(rig.not_understood(), Vec::<String>::new());
}

/// What `record check --exercise` does as the account: it sees who it is, and that the role is there at once.
#[tokio::test]
async fn a_visit_sees_the_account_and_its_role() {
    for as_whom in ALL {
        let rig = Rig::start(as_whom);
        let role = if rig.contained() { "readonly" } else { "orders/readonly" };
        let (mut change, _) = rig.open(&rig.create(Some(role), rig.settings())).await;
        let credential = Credential { login: change.name().to_owned(), secret: change.secret.clone() };
        let allowed = permit();
        let mut request = VisitRequest {
            permit: &allowed,
            destination: &rig.place.destination,
            credential: &credential,
            made: true,
            certificate: None,
            database: Some("orders"),
            elevate: Some(role),
        };
        let mut visit = rig.subject.visit(&request).await.unwrap().unwrap();
        assert!(visit.native().is_some());
        let told = visit.look_around().await.unwrap();
        assert!(told.contains("reads in database [orders], as a member of"), "{told}");
        request.elevate = Some(if rig.contained() { "db_owner" } else { "auditors" });
        let failure = rig.subject.visit(&request).await.unwrap().unwrap().look_around().await.unwrap_err();
        assert!(failure.text.contains("is no member of"), "{failure}");
        request.database = Some("nowhere");
        let failure = rig.subject.visit(&request).await.map(|_| ()).unwrap_err();
        // A user of a database is nobody in another.
        let expected = if rig.contained() { "error 18456" } else { "default_database" };
        assert!(failure.text.contains(expected), "{failure}");
        drop(visit);
        rig.remove(&mut change).await;
        assert_eq!(rig.not_understood(), Vec::<String>::new());
    }
}
