//! The check of a record: what is missing and what is too much, with the statement that helps, which then does help; who holds
//! rights for good; and the search without the ledger.

use super::rig::{As, Rig, all};
use mayfly_dial::Credential;
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{FailureClass, Prefix, RecordName, Secret, WallTime};
use mayfly_engine::ports::provider::CloseVerb;
use mayfly_providers::{Check, CheckReport, CheckRequest, HoldersRequest, Level, ScanRequest, VisitRequest};
use mayfly_testbed::mysql::{Flavour, Options, snapshot};
use serde_json::{Value, json};

async fn check(rig: &Rig, elevate: Option<&str>, settings: Value) -> CheckReport {
    let micros = rig.ask("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)");
    let request = CheckRequest {
        record: RecordName::parse("orders").unwrap(),
        place: rig.place.clone(),
        elevate: elevate.map(str::to_owned),
        database: Some("orders".to_owned()),
        lifts_existing: false,
        settings,
        prefix: Prefix::default(),
        authority: None,
        our_address: None,
        second_address: None,
        now: WallTime::from_micros(micros.parse().unwrap()),
    };
    rig.subject.check(&authorise_administration(0, 0).unwrap(), &request).await.unwrap()
}

fn fixes(report: &CheckReport, level: Level) -> Vec<String> {
    report.of(level).flat_map(|finding| finding.fix.clone()).collect()
}

#[tokio::test]
async fn what_is_missing_or_too_much_is_named_and_its_statement_helps() {
    for (flavour, as_whom) in all() {
        let rig = Rig::own(Options { durable: false, ..Options::new(flavour) }, as_whom).await;
        if as_whom == As::Root {
            let report = check(&rig, Some("readonly"), json!({})).await;
            assert!(report.of(Level::Excess).any(|finding| finding.what.contains("SUPER")), "{report:?}");
            continue;
        }
        let me = "'mayfly_admin'@'127.0.0.1'";
        let (kill, role) = match flavour {
            Flavour::MySql => ("CONNECTION_ADMIN", "'readonly'@'%'"),
            Flavour::MariaDb => ("CONNECTION ADMIN", "readonly"),
        };
        rig.sql(&format!(
            "REVOKE PROCESS, {kill}, TRIGGER, EVENT ON *.* FROM {me}; REVOKE EVENT ON mysql.* FROM {me}; REVOKE {role} FROM {me}; \
             GRANT FILE, SHUTDOWN ON *.* TO {me}; DROP USER 'mayfly_graveyard'@'localhost'; SET GLOBAL event_scheduler = OFF"
        ));
        let report = check(&rig, Some("readonly"), json!({})).await;
        let (missing, excess) = (fixes(&report, Level::Missing), fixes(&report, Level::Excess));
        for part in [
            "PROCESS",
            kill,
            "WITH ADMIN OPTION",
            "mayfly_graveyard",
            "TRIGGER",
            "event_scheduler=ON",
            "EVENT ON `mysql`",
        ] {
            assert!(missing.iter().any(|fix| fix.contains(part)), "{flavour:?}: {part}: {missing:#?}");
        }
        assert!(excess.iter().any(|fix| fix.contains("FILE") && fix.contains("SHUTDOWN")), "{excess:#?}");
        // Every statement runs, and afterwards nothing is left to say.
        for fix in missing.iter().chain(&excess).filter(|fix| fix.ends_with(';')) {
            rig.sql(fix);
        }
        // Rights on the whole server reach a session at its next log-in.
        let rig = Rig { subject: super::rig::subject(flavour, &rig.admin), ..rig };
        let report = check(&rig, Some("readonly"), json!({})).await;
        assert_eq!(fixes(&report, Level::Missing), Vec::<String>::new(), "{flavour:?}");
        assert_eq!(fixes(&report, Level::Excess), Vec::<String>::new(), "{flavour:?}");
        assert!(report.of(Level::Ok).any(|finding| finding.what.contains("GRANT SELECT ON `orders`")), "{report:#?}");
        let report = check(&rig, Some("readonly"), json!({"host": "%"})).await;
        assert!(report.of(Level::Excess).any(|finding| finding.what.contains("can be bypassed")), "{report:?}");
    }
}

/// The statements of the guide, word for word, on an untouched server, and what the check says before and after.
#[tokio::test]
async fn the_guides_statements_work_and_are_recognised() {
    for (flavour, as_whom) in all().filter(|(flavour, _)| *flavour == Flavour::MySql) {
        let rig = Rig::own(Options { durable: false, ..Options::new(flavour) }, as_whom).await;
        rig.sql("DROP ROLE readonly");
        let report = check(&rig, None, json!({})).await;
        let missing = fixes(&report, Level::Missing);
        for line in [
            "CREATE ROLE 'readonly';",
            "GRANT SELECT ON *.* TO 'readonly';",
            "SET PERSIST mandatory_roles = 'readonly';",
            "SET PERSIST activate_all_roles_on_login = ON;",
            "[mysqld]",
            "mandatory_roles='readonly'",
            "activate_all_roles_on_login=ON",
        ] {
            assert!(missing.iter().any(|fix| fix == line), "{line}: {missing:#?}");
        }
        rig.sql(
            "CREATE ROLE 'readonly'; GRANT SELECT ON *.* TO 'readonly'; SET GLOBAL mandatory_roles='readonly'; \
             SET GLOBAL activate_all_roles_on_login=ON",
        );
        let report = check(&rig, None, json!({})).await;
        assert!(
            report.of(Level::Ok).any(|finding| finding.what.starts_with("every account has readonly")),
            "{report:#?}"
        );
        assert!(report.of(Level::Ok).any(|finding| finding.what.contains("GRANT SELECT ON *.*")), "{report:#?}");
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        let mut session = rig.log_in(&change, "orders").await.unwrap();
        assert_eq!(session.ask("SELECT CURRENT_ROLE()").unwrap(), ["`readonly`@`%`"]);
        assert_eq!(session.ask("SELECT name FROM customers").unwrap().len(), 3);
        assert!(session.ask("INSERT INTO customers (name) VALUES ('x')").unwrap_err().to_string().contains("1142"));
        rig.remove(&mut change).await;
        rig.sql("SET GLOBAL activate_all_roles_on_login=OFF");
        let report = check(&rig, None, json!({})).await;
        assert!(
            fixes(&report, Level::Missing).iter().any(|fix| fix == "activate_all_roles_on_login=ON"),
            "{report:#?}"
        );
    }
}

#[tokio::test]
async fn who_holds_rights_for_good_is_named() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        rig.sql(
            "CREATE USER 'ann'@'10.0.0.1'; GRANT readonly TO 'ann'@'10.0.0.1'; CREATE USER 'bob'@'%'; \
             CREATE USER 'cut'@'%' ACCOUNT LOCK; GRANT readonly TO 'cut'@'%'",
        );
        let request =
            HoldersRequest { place: rig.place.clone(), elevate: Some("readonly".to_owned()), settings: json!({}) };
        let found = rig.subject.holders(&authorise_administration(0, 0).unwrap(), &request).await.unwrap();
        let of = |id: &str| found.holders.iter().find(|holder| holder.native_id == id);
        assert_eq!(of("ann@10.0.0.1").unwrap().rights, ["member of 'readonly'"], "{flavour:?}: {found:?}");
        assert!(of("root@127.0.0.1").unwrap().rights.contains(&"SUPER".to_owned()), "{found:?}");
        assert!(of("bob@%").is_none() && of("cut@%").is_none(), "{found:?}");
        let me = format!("{}@127.0.0.1", rig.admin.user);
        assert!(of(&me).unwrap().administrative, "{found:?}");
        assert!(!found.more);
    }
}

/// What `record check --exercise` does: the role is there without being asked for in an account that was made, and is asked for in
/// one that exists.
#[tokio::test]
async fn a_visit_sees_the_role() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        rig.sql("CREATE USER 'alice'@'127.0.0.1' IDENTIFIED BY 'alice-secret'");
        let (mut change, _) = rig.open(&rig.create(Some("readonly"), json!({}))).await;
        let (lifted, _) = rig.open(&rig.existing("alice", "readonly")).await;
        let permit = crate::common::permit();
        for (name, secret, made) in
            [(change.name(), change.secret.clone(), true), ("alice", Secret::new("alice-secret".to_owned()), false)]
        {
            let credential = Credential { login: name.to_owned(), secret };
            let request = VisitRequest {
                permit: &permit,
                destination: &rig.place.destination,
                credential: &credential,
                made,
                certificate: None,
                database: made.then_some("orders"),
                elevate: Some("readonly"),
            };
            let mut visit = rig.subject.visit(&request).await.unwrap().unwrap();
            let told = visit.look_around().await.unwrap();
            assert!(told.ends_with("with the rights of 'readonly'"), "{flavour:?} {as_whom:?}: {told}");
            let id: u64 = visit.native().unwrap().parse().unwrap();
            assert!(snapshot::sessions(&rig, name).unwrap().contains(&id));
            let wrong = VisitRequest { elevate: Some("readwrite"), ..request };
            let mut visit = rig.subject.visit(&wrong).await.unwrap().unwrap();
            visit.look_around().await.unwrap_err();
            let wrong = Credential { secret: Secret::new("wrong".to_owned()), ..credential.clone() };
            let refused =
                rig.subject.visit(&VisitRequest { credential: &wrong, ..request }).await.map(drop).unwrap_err();
            assert_eq!(refused.class, FailureClass::Conflict, "{refused}");
        }
        rig.remove(&mut change).await;
        rig.close(CloseVerb::Withdraw, &lifted).await.unwrap();
    }
}

#[tokio::test]
async fn accounts_of_ours_are_found_without_the_ledger() {
    for (flavour, as_whom) in all() {
        let rig = Rig::start(flavour, as_whom).await;
        let (mut change, opened) = rig.open(&rig.create(Some("readonly"), json!({}))).await;
        rig.sql("CREATE USER 'keeper_stranger'@'127.0.0.1'; CREATE USER 'keeperXother'@'127.0.0.1'");
        let _session = rig.log_in(&change, "").await.unwrap();
        let request = ScanRequest { place: rig.place.clone(), prefix: Prefix::default(), settings: json!({}) };
        let by = authorise_administration(0, 0).unwrap();
        let scan = rig.subject.scan(&by, &request).await.unwrap();
        let of = |name: &str| scan.found.iter().find(|found| found.account.as_str() == name);
        let ours = of(change.name()).unwrap();
        assert_eq!(
            (Some(ours.native_id.clone()), ours.sessions, ours.can_log_in),
            (opened.native_id, 1, true),
            "{flavour:?}"
        );
        assert!(ours.mark.is_some() && ours.deadline.is_some(), "{ours:?}");
        assert!(of("keeper_stranger").unwrap().mark.is_none() && of("keeper_stranger").unwrap().changes.is_empty());
        assert!(of("keeperXother").is_none(), "an underscore is no wildcard");
        // What would be removed is what was made.
        change.row.payload = ours.changes[0].payload.clone();
        rig.remove(&mut change).await;
        assert!(rig.subject.scan(&by, &request).await.unwrap().found.iter().all(|found| found.mark.is_none()));
    }
}
