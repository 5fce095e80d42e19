//! The check of a record: what is missing and what is too much, with the lines that help, which then do help.

use super::contract::Contract;
use super::elevation::run_as;
use super::host::Target;
use mayfly_contract::suite::Bench;
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{Prefix, RecordName, TargetId};
use mayfly_providers::{Check as _, CheckReport, CheckRequest, Finding, Level};
use serde_json::json;

pub(super) async fn check(rig: &Contract, elevate: &str) -> CheckReport {
    check_target(&rig.target, Some(elevate)).await
}

pub(super) async fn check_target(target: &Target, elevate: Option<&str>) -> CheckReport {
    let request = CheckRequest {
        record: RecordName::parse("web01").unwrap(),
        place: target.place(),
        elevate: elevate.map(str::to_owned),
        database: None,
        lifts_existing: false,
        settings: json!({"authority": target.authority.public_line()}),
        prefix: Prefix::default(),
        authority: Some(target.authority.clone()),
        our_address: None,
        second_address: None,
        now: target.now(),
    };
    target.subject().check(&authorise_administration(0, 0).unwrap(), &request).await.unwrap()
}

pub(super) fn found<'a>(report: &'a CheckReport, level: Level, words: &str) -> Option<&'a Finding> {
    report.of(level).find(|finding| finding.what.contains(words))
}

#[tokio::test]
async fn a_host_is_known_by_its_machine_id_and_else_by_its_key() {
    let rig = Contract::start(0).await;
    let by = authorise_administration(0, 0).unwrap();
    let place = rig.target.place();
    let machine = rig.target.run(&["cat", "/etc/machine-id"]).unwrap();
    let identify = async || rig.target.subject().identify(&by, &place, &json!({})).await.unwrap();
    assert_eq!(identify().await, TargetId::new("linux", machine.trim()));
    rig.target.run(&["mv", "/etc/machine-id", "/etc/machine-id.kept"]).unwrap();
    let fingerprint = rig.target.host_key().unwrap().fingerprint;
    assert_eq!(identify().await, TargetId::new("linux", &fingerprint));
    rig.target.shell("echo uninitialized > /etc/machine-id").unwrap();
    assert_eq!(identify().await, TargetId::new("linux", &fingerprint));
    assert!(found(&check(&rig, "sudo").await, Level::Missing, "machine id").is_some());
    rig.target.run(&["mv", "/etc/machine-id.kept", "/etc/machine-id"]).unwrap();
}

#[tokio::test]
async fn what_is_missing_or_too_much_is_named() {
    let rig = Contract::start(0).await;
    let report = check(&rig, "nobodys").await;
    let missing = found(&report, Level::Missing, "no group").unwrap();
    assert_eq!(missing.fix, ["groupadd \"nobodys\""]);
    assert!(found(&report, Level::Excess, "is root").is_some(), "{report:?}");
    assert!(found(&report, Level::Ok, "programs").is_some(), "{report:?}");
    assert!(found(&check(&rig, "sudo").await, Level::Missing, "no group").is_none());
    rig.target.run(&["mv", "/usr/bin/flock", "/usr/bin/flock.kept"]).unwrap();
    let report = check(&rig, "sudo").await;
    rig.target.run(&["mv", "/usr/bin/flock.kept", "/usr/bin/flock"]).unwrap();
    assert!(found(&report, Level::Missing, "flock").is_some(), "{report:?}");
    rig.target.run(&["useradd", "-u", "70000", "-K", "UID_MAX=99999", "squatter"]).unwrap();
    assert!(found(&check(&rig, "sudo").await, Level::Excess, "1 accounts").is_some());
    rig.target.run(&["userdel", "squatter"]).unwrap();
}

/// An administrator whom sudo does not let become root is told the line that helps.
#[tokio::test]
async fn an_administrator_without_sudo_is_told_so() {
    let rig = Contract::start(1).await;
    let rule = "/etc/sudoers.d/mayfly";
    rig.target.run(&["mv", rule, "/etc/sudoers.kept"]).unwrap();
    let report = check(&rig, "sudo").await;
    let bench = Bench::new(&rig);
    let failure = bench.survey(&bench.new_account(None)).await.unwrap_err();
    rig.target.run(&["mv", "/etc/sudoers.kept", rule]).unwrap();
    let fix = found(&report, Level::Missing, "nor become root").unwrap().fix.join("\n");
    assert!(fix.starts_with("mayfly record install-helpers web01 | ssh "), "{fix}");
    assert_eq!(failure.class, mayfly_domain::FailureClass::NotPermitted, "{failure}");
}

/// DESIGN §1.6: on an untouched host a person can come past us by a key of their own; where their keys stand outside of their
/// home they cannot, and our own way in still works.
#[tokio::test]
async fn keys_outside_of_homes_keep_a_person_from_going_round_us() {
    let rig = Contract::start(0).await;
    let bench = Bench::new(&rig);
    let add_own = "mkdir -p ~/.ssh; cat /run/people.pub >> ~/.ssh/authorized_keys";

    let subject = bench.launch(bench.new_account(None)).await;
    run_as(&rig, subject.account(), Some(&subject.secret), add_own).unwrap();
    assert!(run_as(&rig, subject.account(), None, "true").is_some(), "without the lines this is a way past us");
    bench.way_out(&subject).await;
    assert!(found(&check(&rig, "sudo").await, Level::Excess, "can be bypassed").is_some());

    let lines = format!(
        "Match User keeper_*\n    AuthorizedKeysFile /etc/ssh/mayfly.d/%u\n    AllowUsers *@{}\n",
        rig.target.from()
    );
    rig.target.shell("install -d -m 755 /etc/ssh/mayfly.d").unwrap();
    rig.target.change_sshd(&format!("printf '%s' '{lines}' >> /etc/ssh/sshd_config"));
    let report = check(&rig, "sudo").await;
    assert!(found(&report, Level::Excess, "can be bypassed").is_none(), "{report:?}");
    assert!(found(&report, Level::Ok, "cannot change them").is_some(), "{report:?}");
    let subject = bench.launch(bench.new_account(None)).await;
    run_as(&rig, subject.account(), Some(&subject.secret), add_own).unwrap();
    assert!(run_as(&rig, subject.account(), None, "true").is_none(), "{lines}");
    let file = format!("/etc/ssh/mayfly.d/{}", subject.account());
    assert!(rig.target.run(&["cat", &file]).unwrap().starts_with("restrict,pty,from="));
    bench.way_out(&subject).await;
    assert!(rig.target.run(&["cat", &file]).is_err());
    rig.target.restore_sshd();
    rig.target.shell("rmdir /etc/ssh/mayfly.d").unwrap();
}
