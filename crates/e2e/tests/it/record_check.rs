//! `record check` on real servers: what it says of `pg_hba.conf` is tried, not read.

use mayfly_e2e::Installation;
use mayfly_e2e::objects::{self, Record};
use mayfly_testbed::{Flavour, Options, Postgres, PostgresHandle, admin, fixtures};

fn findings(installation: &Installation, arguments: &[&str]) -> Vec<(String, String, Vec<String>)> {
    let mut all = vec!["-o", "json", "record", "check", "orders"];
    all.extend(arguments);
    let output = installation.run(&all).unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", String::from_utf8_lossy(&output.stderr), installation.log()));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let of = |finding: &serde_json::Value| {
        let fix = finding["fix"].as_array().unwrap().iter().map(text).collect();
        (text(&finding["level"]), text(&finding["what"]), fix)
    };
    answer["findings"].as_array().unwrap().iter().map(of).collect()
}

fn about<'a>(findings: &'a [(String, String, Vec<String>)], what: &str) -> &'a (String, String, Vec<String>) {
    findings
        .iter()
        .find(|found| found.1.contains(what))
        .unwrap_or_else(|| panic!("nothing about {what}: {findings:#?}"))
}

/// Lets everybody try from anywhere on this machine, after the lines that the check printed.
fn install(server: &PostgresHandle, lines: &[String]) {
    let everybody = "hostssl all all 127.0.0.0/8 scram-sha-256";
    let rules = format!("local all postgres trust\n{}\n{everybody}\n", lines.join("\n"));
    server.set_hba(&rules).unwrap();
    server.reload().unwrap();
}

async fn on(flavour: Flavour) {
    let server = Postgres::start(Options::new(flavour)).unwrap();
    fixtures::create(server.handle()).await.unwrap();
    let admin = admin::create(server.handle(), &fixtures::ROLES, &fixtures::DATABASES).await.unwrap();
    let installation = Installation::init().unwrap();
    let _running = installation.start().unwrap();
    objects::apply(&installation, server.handle(), &admin, &["alice"], &[(Record::new("orders"), None)]).unwrap();

    let untried = findings(&installation, &[]);
    assert_eq!(about(&untried, "no second address was given").0, "not_tried");
    if !flavour.has_membership_options() {
        let missing = about(&untried, "mayfly_accounts");
        assert_eq!((missing.0.as_str(), missing.2[0].as_str()), ("missing", "CREATE ROLE mayfly_accounts NOLOGIN;"));
        server.handle().psql(&["-c", &missing.2[0]]).unwrap();
    }
    install(server.handle(), &[]);
    let open = findings(&installation, &["--from", "127.0.0.2"]);
    let bypassed = about(&open, "can be bypassed");
    assert_eq!(bypassed.0, "excess");
    install(server.handle(), &bypassed.2);
    let closed = findings(&installation, &["--from", "127.0.0.2"]);
    assert_eq!(about(&closed, "refuses our accounts from the second address").0, "ok");
    assert!(!closed.iter().any(|found| found.1.contains("can be bypassed")), "{closed:#?}");
    // And Mayfly itself still gets in.
    let ticket = mayfly_e2e::client::Ticket::get(&installation, "alice", "orders").unwrap();
    assert!(ticket.query("select current_user").unwrap().starts_with("keeper_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_for_pg_hba_are_tried_on_debians_postgresql() {
    on(Flavour::Debian15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_for_pg_hba_are_tried_on_a_newer_postgresql() {
    on(Flavour::Newer).await;
}
