//! What a person may do on a host before leaving: all of it is gone afterwards, or it is said what stayed.

use super::contract::Contract;
use super::elevation::run_as;
use mayfly_contract::suite::{Bench, Rig as _, Subject};
use mayfly_domain::ChangeKind;
use mayfly_engine::ports::provider::{CloseVerb, OpenStep, SessionScope};

/// Without any right beyond their own.
const LEAVES: &str = "
    setsid -f sleep 5001 > /dev/null 2>&1 < /dev/null
    (sh -c 'trap \"\" HUP TERM; sleep 5002 & exec sleep 5003' > /dev/null 2>&1 < /dev/null &)
    echo '* * * * * sleep 5004' | crontab -
    echo 'sleep 5005' | at now + 1 hour 2> /dev/null
    ipcmk -M 4096 -Q -S 2 > /dev/null
    mkdir -p /tmp/left/deep /dev/shm/left; echo x > /tmp/left/deep/file; echo x > '/var/tmp/left
over'; ln -s /etc/passwd /tmp/left/link; mkfifo /dev/shm/left/pipe
    ln -s /etc trap; mv .ssh kept; ln -s /run/precious .ssh
    python3 -c 'import ctypes; ctypes.CDLL(None).prctl(15, b\"a) Z 1\\n1 (b\", 0, 0, 0); import os, time; os.fork() or time.sleep(5006)' \
        > /dev/null 2>&1 < /dev/null &
    sleep 0.5";

#[tokio::test]
async fn what_a_person_leaves_without_rights_is_gone() {
    for which in [0, 1] {
        leaves_nothing(&Contract::start(which).await).await;
    }
}

/// The same for any host.
pub(super) async fn leaves_nothing(rig: &Contract) {
    let bench = Bench::new(rig);
    let name = "/run/precious/authorized_keys";
    rig.target.shell(&format!("mkdir -p -m 755 /run/precious; echo precious > {name}")).unwrap();
    let before = rig.everything();
    let subject = bench.launch(bench.new_account(None)).await;
    let done = run_as(rig, subject.account(), Some(&subject.secret), LEAVES);
    assert!(done.is_some(), "{} did not do it", subject.account());
    let row = subject.row(ChangeKind::Account);
    assert!(bench.look(row, SessionScope::All).await.unwrap().sessions > 0);
    bench.way_out(&subject).await;
    assert_eq!(rig.settled(&before).await, "");
}

/// On a host with systemd a person's units and their wish to linger outlive the log-in.
#[tokio::test]
async fn units_and_lingering_of_a_person_are_gone() {
    let rig = Contract::start(1).await;
    let bench = Bench::new(&rig);
    let before = rig.everything();
    let subject = bench.launch(bench.new_account(None)).await;
    let name = subject.account().to_owned();
    // A person may do this for themselves only where polkit lets them, an administrator always.
    rig.target.run(&["loginctl", "enable-linger", &name]).unwrap();
    let script = "systemd-run --user --quiet --unit=left sleep 5101; systemctl --user is-active left";
    assert_eq!(run_as(&rig, &name, Some(&subject.secret), script).as_deref(), Some("active\n"));
    bench.way_out(&subject).await;
    assert_eq!(rig.settled(&before).await, "");
}

/// What was started through sudo runs as root and still ends with the session.
#[tokio::test]
async fn what_sudo_started_is_ended() {
    for which in [0, 1] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        let subject = bench.launch(bench.new_account(Some("sudo"))).await;
        let script = "sudo -n setsid -f sleep 5201 > /dev/null 2>&1 < /dev/null; sudo -n id -u";
        assert_eq!(run_as(&rig, subject.account(), Some(&subject.secret), script).as_deref(), Some("0\n"));
        assert!(rig.target.output(&["pgrep", "-f", "^sleep 5201"]).unwrap().status.success());
        bench.way_out(&subject).await;
        assert!(!rig.target.output(&["pgrep", "-f", "^sleep 5201"]).unwrap().status.success(), "host {which}");
    }
}

/// Whoever was root can have changed anything: what differs from the launch is named.
#[tokio::test]
async fn what_a_person_changed_as_root_is_named() {
    for which in [0, 1] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        let subject = bench.launch(bench.new_account(Some("sudo"))).await;
        let script = "sudo -n sh -c 'cp /usr/sbin/userdel /usr/sbin/userdel.kept; echo >> /usr/sbin/userdel
            echo \"* * * * * root true\" > /etc/cron.d/left; cp /bin/sh /usr/local/bin/left; chmod 4755 /usr/local/bin/left
            echo \"ALL ALL=(ALL) NOPASSWD: ALL\" > /etc/sudoers.d/mayfly-left'";
        run_as(&rig, subject.account(), Some(&subject.secret), script).unwrap();
        bench.close(CloseVerb::Remove, subject.row(ChangeKind::Companion), SessionScope::All).await.unwrap();
        let row = subject.row(ChangeKind::Account);
        bench.close(CloseVerb::Disable, row, SessionScope::All).await.unwrap();
        bench.end_sessions(row, SessionScope::All).await;
        bench.close(CloseVerb::HandOver, row, SessionScope::All).await.unwrap();
        let closed = bench.close(CloseVerb::Remove, row, SessionScope::All).await.unwrap();
        rig.target
            .shell("mv /usr/sbin/userdel.kept /usr/sbin/userdel; rm /etc/cron.d/left /usr/local/bin/left /etc/sudoers.d/mayfly-left")
            .unwrap();
        let named: Vec<&str> = closed.report.iter().map(|line| line.rsplit(": ").next().unwrap()).collect();
        let expected = [
            "removed; the host was under the person's control",
            "the programs that accounts are made and removed with",
            "the rules of sudo",
            "cron or at jobs of root",
            "programs that run as root whoever starts them",
        ];
        assert_eq!(named, expected, "host {which}");
        bench.way_out(&subject).await;
    }
}

/// A directory of the account's in which somebody else has put something stays with what is in it, and is named.
#[tokio::test]
async fn what_holds_things_of_others_is_given_to_root_and_named() {
    let rig = Contract::start(0).await;
    let bench = Bench::new(&rig);
    let subject = bench.launch(bench.new_account(None)).await;
    let name = subject.account().to_owned();
    run_as(&rig, &name, Some(&subject.secret), "mkdir -m 777 /tmp/shared; echo mine > /tmp/shared/mine").unwrap();
    rig.target.shell("echo theirs > /tmp/shared/theirs; chown daemon /tmp/shared/theirs").unwrap();
    let row = subject.row(ChangeKind::Account);
    bench.close(CloseVerb::Disable, row, SessionScope::All).await.unwrap();
    bench.end_sessions(row, SessionScope::All).await;
    let closed = bench.close(CloseVerb::HandOver, row, SessionScope::All).await.unwrap();
    assert_eq!(closed.report, ["\"/tmp/shared\" was given to root, since it could not be removed"]);
    bench.way_out(&subject).await;
    let left = rig.target.shell("cd /tmp/shared; stat -c '%n %U' . *; cat theirs; rm -r /tmp/shared").unwrap();
    assert_eq!(left, ". root\ntheirs daemon\ntheirs\n");
}

/// FAILURES 8: nobody gets an id that another had, not even when the one before has gone.
#[tokio::test]
async fn an_id_is_not_used_again() {
    let rig = Contract::start(0).await;
    let bench = Bench::new(&rig);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let subject = bench.launch(bench.new_account(None)).await;
        let id: u32 = subject.row(ChangeKind::Account).native_id.as_ref().unwrap().parse().unwrap();
        let both = rig.target.run(&["sh", "-c", "id -u \"$1\"; id -g \"$1\"", "sh", subject.account()]).unwrap();
        assert_eq!(both, format!("{id}\n{id}\n"));
        ids.push(id);
        bench.way_out(&subject).await;
    }
    assert!((65_536..100_000).contains(&ids[0]) && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    // Neither is one that the host has given out by itself.
    rig.target.shell(&format!("useradd -u {} -K UID_MAX=99999 taken", ids[2] + 1)).unwrap();
    let subject = bench.launch(bench.new_account(None)).await;
    let id: u32 = subject.row(ChangeKind::Account).native_id.as_ref().unwrap().parse().unwrap();
    assert!(id > ids[2] + 1, "{id}");
    bench.way_out(&subject).await;
    rig.target.run(&["userdel", "taken"]).unwrap();
    // What the host has noted may be lost with it; the ledger knows better.
    rig.target.run(&["rm", "-r", "/var/lib/mayfly"]).unwrap();
    let subject = bench.plan(bench.new_account(None)).await;
    let row = subject.row(ChangeKind::Account);
    assert_eq!(subject.survey.changes[0].native_ids, Some(65_536..=99_999));
    let step = OpenStep { highest_id: Some(id + 5), ..bench.open_step(&subject, row) };
    let opened = bench.open_all(vec![step]).await.remove(0).unwrap();
    assert_eq!(opened.native_id, Some((id + 6).to_string()));
    bench.way_out(&subject).await;
}

/// An id is used again only when all of its range were, and only if a search of the whole host finds nothing of it.
#[tokio::test]
async fn an_id_of_a_used_up_range_is_used_again_when_it_owns_nothing() {
    for which in [0, 5] {
        let rig = Contract::start(which).await;
        let bench = Bench::new(&rig);
        rig.take("ids", "70000 70002");
        let wish = || {
            let mut wish = bench.new_account(None);
            wish.settings = serde_json::json!({"id_least": 70_000, "id_most": 70_002});
            wish
        };
        let id = |subject: &Subject| subject.row(ChangeKind::Account).native_id.clone().unwrap();
        for expected in ["70000", "70001", "70002"] {
            let subject = bench.launch(wish()).await;
            assert_eq!(id(&subject), expected, "host {which}");
            bench.way_out(&subject).await;
        }
        // Far from every place that is searched after a session.
        rig.target.shell("mkdir -p '/srv/a b' /opt; echo x > '/srv/a b/x'; chown 70000 '/srv/a b/x'; echo x > /opt/x; chgrp 70001 /opt/x").unwrap();
        let last = bench.launch(wish()).await;
        assert_eq!(id(&last), "70002", "host {which}");
        let refused = bench.plan(wish()).await;
        let failure = bench.open_one(&refused, refused.row(ChangeKind::Account)).await.unwrap_err();
        for words in ["id_most", "70000", "/srv/a b/x"] {
            assert!(failure.text.contains(words), "host {which}: {failure}");
        }
        assert!(!rig.has_account(refused.account()).await);
        bench.way_out(&last).await;
        // Ten minutes later, or when the list of that search is gone, the host is searched again.
        rig.target.shell("rm '/srv/a b/x' /opt/x /var/lib/mayfly/held-*").unwrap();
        for expected in ["70000", "70001", "70002", "70000"] {
            let subject = bench.launch(wish()).await;
            assert_eq!(id(&subject), expected, "host {which}");
            bench.way_out(&subject).await;
        }
        // The mark of this range is none of a range below.
        rig.take("ids", "69990 69999");
        let mut below = wish();
        below.settings = serde_json::json!({"id_least": 69_990, "id_most": 69_999});
        let subject = bench.launch(below).await;
        assert_eq!(id(&subject), "69990", "host {which}");
        bench.way_out(&subject).await;
    }
}
