//! The check of a record: what is missing and what is too much, with the statement that helps, which then does help.

use crate::rig::{ALL, As, Rig, log_in};
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{Prefix, RecordName, WallTime};
use mayfly_providers::{Check, CheckReport, CheckRequest, Level};
use mayfly_testbed::postgres::PostgresHandle;
use serde_json::json;

async fn check(rig: &Rig) -> CheckReport {
    let micros = rig.ask("postgres", "SELECT (extract(epoch from now()) * 1000000)::bigint").await;
    let request = CheckRequest {
        record: RecordName::parse("orders").unwrap(),
        place: rig.place.clone(),
        elevate: Some("readonly".to_owned()),
        database: None,
        lifts_existing: true,
        settings: json!({}),
        prefix: Prefix::default(),
        authority: None,
        our_address: Some("127.0.0.1".parse().unwrap()),
        second_address: None,
        now: WallTime::from_micros(micros.parse().unwrap()),
    };
    let by = authorise_administration(0, 0).unwrap();
    rig.subject.check(&by, &request).await.unwrap()
}

fn fixes(report: &CheckReport, level: Level) -> Vec<String> {
    report.of(level).flat_map(|finding| finding.fix.clone()).collect()
}

#[tokio::test]
async fn what_is_missing_or_too_much_is_named_and_its_statement_helps() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::own(flavour, as_whom).await;
        let by_marker = !flavour.has_membership_options();
        if as_whom == As::Superuser {
            let report = check(&rig).await;
            assert!(report.of(Level::Excess).any(|finding| finding.what.contains("SUPERUSER")), "{report:?}");
            continue;
        }
        rig.sql(
            "postgres",
            "REVOKE pg_signal_backend FROM mayfly_admin; REVOKE pg_read_all_stats FROM mayfly_admin;
             REVOKE mayfly_graveyard FROM mayfly_admin; REVOKE readonly FROM mayfly_admin;
             ALTER ROLE mayfly_admin NOCREATEROLE CREATEDB BYPASSRLS REPLICATION;
             GRANT pg_read_server_files TO mayfly_admin; ALTER ROLE mayfly_graveyard LOGIN; GRANT readonly TO mayfly_graveyard;
             REVOKE CONNECT ON DATABASE billing FROM PUBLIC, mayfly_admin;",
        )
        .await;
        let report = check(&rig).await;
        let (missing, excess) = (fixes(&report, Level::Missing), fixes(&report, Level::Excess));
        for part in [
            "CREATEROLE",
            "pg_signal_backend",
            "pg_read_all_stats",
            "mayfly_graveyard",
            "CONNECT ON DATABASE \"billing\"",
        ] {
            assert!(missing.iter().any(|fix| fix.contains(part)), "{part}: {missing:#?}");
        }
        assert_eq!(missing.iter().any(|fix| fix.contains("CREATE ROLE mayfly_accounts")), by_marker);
        for part in ["NOCREATEDB", "NOBYPASSRLS", "NOREPLICATION", "pg_read_server_files", "NOLOGIN", "REVOKE readonly"]
        {
            assert!(excess.iter().any(|fix| fix.contains(part)), "{part}: {excess:#?}");
        }
        // Every statement runs, and afterwards nothing is left to say but what cannot be changed.
        for fix in missing.iter().chain(&excess) {
            rig.sql("postgres", fix).await;
        }
        let report = check(&rig).await;
        assert_eq!(fixes(&report, Level::Missing), Vec::<String>::new(), "{flavour:?}");
        assert_eq!(fixes(&report, Level::Excess), Vec::<String>::new(), "{flavour:?}");
        assert_eq!(report.of(Level::NotTried).count(), 1);
    }
}

/// The lines for pg_hba.conf do what they say: an account of ours gets in over TLS from the address given and no other way.
#[tokio::test]
async fn the_pg_hba_lines_let_our_accounts_in_from_one_address_only() {
    for (flavour, as_whom) in ALL {
        if as_whom == As::Superuser {
            continue;
        }
        let rig = Rig::own(flavour, as_whom).await;
        rig.sql("postgres", "CREATE ROLE mayfly_accounts NOLOGIN; CREATE ROLE bob LOGIN PASSWORD 'b'").await;
        let report = check(&rig).await;
        let lines = fixes(&report, Level::NotTried).join("\n");
        rig.set_hba(&format!("{lines}\n{}", PostgresHandle::default_hba())).unwrap();
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        rig.log_in(&change, "orders").await.map(|_| ()).expect_err("the Unix socket is another way");
        let (name, password) = (change.name().to_owned(), change.secret.expose().to_owned());
        let rule = |mode: &str| {
            let (port, host) = (rig.port(), rig.host());
            format!(
                "host={host} port={port} user={name} password={password} dbname=orders sslmode={mode} connect_timeout=20"
            )
        };
        let try_psql = |conninfo: String| {
            std::process::Command::new("psql").args([&conninfo, "-XAtc", "SELECT 1"]).output().unwrap().status.success()
        };
        assert!(try_psql(rule("require")), "{flavour:?}: {lines}");
        assert!(!try_psql(rule("disable")), "{flavour:?}");
        log_in(&rig, "bob", "b", "orders").await.unwrap();
        rig.remove(&mut change).await;
    }
}
