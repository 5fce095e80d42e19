//! Elevation has to be usable, not only present, and what was there before it stays.

use super::contract::Contract;
use mayfly_contract::suite::{Bench, Rig as _};
use mayfly_domain::{ChangeKind, Secret};
use mayfly_engine::ports::provider::{CloseVerb, SessionScope};

/// Runs a script as an account and returns what it printed, or nothing when it failed.
pub(super) fn run_as(rig: &Contract, account: &str, secret: Option<&Secret>, script: &str) -> Option<String> {
    let output = rig.target.ssh(account, secret).arg(script).stdin(std::process::Stdio::null()).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// On an untouched Debian the group `sudo` asks for a password, which an account of ours does not have.
#[tokio::test]
async fn an_account_made_in_the_group_sudo_is_root_through_sudo() {
    for which in [0, 1, 4] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        let before = rig.everything();
        let subject = bench.launch(bench.new_account(Some("sudo"))).await;
        let companion = subject.row(ChangeKind::Companion);
        assert_eq!(companion.depends_on, [subject.row(ChangeKind::Account).id.clone()]);
        let name = subject.account().to_owned();
        assert_eq!(run_as(&rig, &name, Some(&subject.secret), "sudo -n id -u").as_deref(), Some("0\n"));
        // Without the file for it sudo asks; nothing but the question was in the way.
        bench.close(CloseVerb::Remove, companion, SessionScope::All).await.unwrap();
        assert_eq!(run_as(&rig, &name, Some(&subject.secret), "sudo -n -k id -u"), None);

        let account = subject.row(ChangeKind::Account);
        bench.close(CloseVerb::Disable, account, SessionScope::All).await.unwrap();
        bench.end_sessions(account, SessionScope::All).await;
        bench.close(CloseVerb::HandOver, account, SessionScope::All).await.unwrap();
        let closed = bench.close(CloseVerb::Remove, account, SessionScope::All).await.unwrap();
        assert_eq!(closed.report, ["removed; the host was under the person's control"]);
        bench.way_out(&subject).await;
        assert_eq!(rig.settled(&before).await, "", "host {which}");
    }
}

/// A group that sudo does not know needs no file for it, and an account with a password is asked for it as before.
#[tokio::test]
async fn sudo_is_spared_the_question_only_where_nobody_could_answer_it() {
    let rig = Contract::start(0).await;
    let bench = Bench::new(&rig);
    let kinds = |rows: &[mayfly_engine::ports::ledger::ChangeRow]| rows.iter().map(|row| row.kind).collect::<Vec<_>>();
    let group = bench.group().await;
    assert_eq!(kinds(&bench.plan(bench.new_account(Some(&group))).await.rows), [ChangeKind::Account]);
    let person = bench.existing().await;
    let subject = bench.plan(bench.lift(&person, "sudo")).await;
    assert_eq!(kinds(&subject.rows), [ChangeKind::Membership, ChangeKind::Companion]);
    rig.target.shell(&format!("echo '{person}:correct horse' | chpasswd")).unwrap();
    let subject = bench.plan(bench.lift(&person, "sudo")).await;
    assert_eq!(kinds(&subject.rows), [ChangeKind::Membership]);
    // A rule for some commands gives no others to whoever is lifted.
    rig.target
        .shell(&format!("echo '%{group} ALL=(root) /usr/bin/id' > /etc/sudoers.d/some; chmod 440 /etc/sudoers.d/some"))
        .unwrap();
    let subject = bench.launch(bench.new_account(Some(&group))).await;
    assert_eq!(kinds(&subject.rows), [ChangeKind::Account, ChangeKind::Companion]);
    let (name, secret) = (subject.account().to_owned(), Some(&subject.secret));
    assert_eq!(run_as(&rig, &name, secret, "sudo -n /usr/bin/id -u").as_deref(), Some("0\n"));
    assert_eq!(run_as(&rig, &name, secret, "sudo -n /usr/bin/whoami"), None);
    rig.target.run(&["rm", "/etc/sudoers.d/some"]).unwrap();
    bench.way_out(&subject).await;
}

/// DESIGN §4, "Existing accounts": a lifted account's services and older sessions survive, what logged in since is ended with
/// what it started, and the group is gone.
#[tokio::test]
async fn a_lifted_account_keeps_its_services_and_older_sessions() {
    for which in [0, 1] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        let person = bench.existing().await;
        let service = if which == 1 {
            format!("systemd-run --quiet --unit=of-{person} --uid={person} sleep 4321")
        } else {
            format!("setsid -f setpriv --reuid={person} --clear-groups sleep 4321 < /dev/null > /dev/null 2>&1")
        };
        rig.target.shell(&service).unwrap();
        let mut older = rig.log_in(&person, None).await.unwrap();
        bench.tick().await;
        let subject = bench.launch(bench.lift(&person, "sudo")).await;
        if which == 1 {
            // A service that the host starts meanwhile is nobody's log-in.
            rig.target.shell(&format!("systemd-run --quiet --unit=new-{person} --uid={person} sleep 4324")).unwrap();
        }
        let mut lifted = rig.log_in(&person, None).await.unwrap();
        let script =
            "sudo -n id -u; setsid -f sleep 4322 > /dev/null 2>&1; sudo -n setsid -f sleep 4323 > /dev/null 2>&1";
        assert_eq!(run_as(&rig, &person, None, script).as_deref(), Some("0\n"));
        let runs = |seconds: &str| {
            let what = format!("^(/usr/bin/)?sleep {seconds}$");
            rig.target.output(&["pgrep", "-f", &what]).unwrap().status.success()
        };
        assert!(runs("4321") && runs("4322") && runs("4323"), "host {which}");
        bench.way_out(&subject).await;
        assert!(!lifted.is_alive().await, "host {which}");
        assert!(!runs("4322") && !runs("4323"), "host {which}");
        assert!(older.is_alive().await && runs("4321") && (which == 0 || runs("4324")), "host {which}");
        assert_eq!(run_as(&rig, &person, None, "sudo -n -k id -u"), None, "host {which}");
        drop(older);
        rig.target.run(&["pkill", "-f", "^(/usr/bin/)?sleep 432[14]$"]).unwrap();
    }
}
