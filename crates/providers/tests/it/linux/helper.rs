//! The root-owned helper: with it the administrative key can do what Mayfly does for what is listed on the host, and nothing else.

use super::checks::{check, found};
use super::contract::Contract;
use super::host::{Reach, Target, installation};
use mayfly_contract::suite::Bench;
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{FailureClass, Prefix};
use mayfly_engine::ports::provider::AccountWish;
use mayfly_providers::{Check, Level, ScanRequest, Served};
use mayfly_testbed::host::Flavour;
use std::process::{Command, Stdio};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJ7c3Vt3t2rBC0bOuVmu0P4cA8CTuGoV3dQzDjg0k2c";

/// An operation with its values as they are sent.
fn sent(operation: &str, values: &[&str]) -> Vec<u8> {
    let mut input = format!("={operation}\n");
    for value in values {
        input.push_str(&format!("={value}\n"));
    }
    input.push('\n');
    input.into_bytes()
}

/// The values of an account that could be made: lock, last moment, name, mark, ids, shell, home, day, group with its id, file of
/// keys, key, address, end, no forwarding.
fn good<'a>(mark: &'a str, last: &'a str) -> [&'a str; 17] {
    let (name, home) = ("keeper_0123456789abc", "/home/keeper_0123456789abc");
    let keys = "/home/keeper_0123456789abc/.ssh/authorized_keys";
    [
        "00",
        last,
        name,
        mark,
        "65536",
        "99999",
        "/bin/bash",
        home,
        "30000",
        "",
        "",
        keys,
        KEY,
        "192.0.2.1",
        "2000000000",
        "no",
        "",
    ]
}

#[tokio::test]
async fn the_key_runs_no_command_copies_nothing_and_forwards_nothing() {
    for which in [4, 5] {
        let rig = Contract::start(which).await;
        let (options, place) = rig.target.admin();
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(&options).args(arguments).stdin(Stdio::null()).output().unwrap()
        };
        let refused = "mayfly 1\nfail refused form no empty line\n";
        for words in [&["id"][..], &["cat", "/etc/shadow"], &["/bin/sh", "-c", "id"], &[]] {
            let output = run("ssh", &[&[place.as_str()], words].concat());
            assert_eq!(String::from_utf8_lossy(&output.stdout), refused, "host {which}: {words:?}");
        }
        // These wait for an answer that is not the helper's, for longer than this waits for them.
        let (copy, from) = (tempfile::tempdir().unwrap(), format!("{place}:/etc/shadow"));
        let copied = copy.path().join("copied");
        let start = |program: &str, arguments: &[&str]| {
            let mut command = Command::new("timeout");
            command.args(["5", program]).args(&options).args(arguments);
            command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let copies = [
            start("scp", &["-O", "-q", &from, copied.to_str().unwrap()]),
            start("scp", &["-s", "-q", &from, copied.to_str().unwrap()]),
            start("sftp", &["-q", "-b", "/dev/null", &place]),
        ];
        for mut copy in copies {
            assert!(!copy.wait().unwrap().success() && !copied.exists(), "host {which}");
        }
        let output = run("ssh", &["-W", "127.0.0.1:22", &place]);
        assert!(output.stdout.is_empty() && !output.status.success(), "host {which}: {output:?}");
        let output = run("ssh", &["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", &place]);
        assert!(!String::from_utf8_lossy(&output.stdout).contains("mayfly"), "host {which}: {output:?}");
    }
}

/// Sends each input and expects each refusal, and that nothing on the host is another.
async fn refuses(rig: &Contract, cases: &[(&str, Vec<u8>, &str)]) {
    let before = rig.everything();
    for (what, input, refused) in cases {
        assert_eq!(rig.target.answer(input), format!("mayfly 1\nfail refused {refused}\n"), "{what}");
    }
    assert_eq!(rig.settled(&before).await, "");
}

/// A last moment that is long enough ahead.
fn last_moment(rig: &Contract) -> String {
    rig.target.now().plus(std::time::Duration::from_secs(600)).micros().to_string()
}

#[tokio::test]
async fn an_account_that_is_not_of_our_kind_is_refused() {
    let rig = Contract::start(4).await;
    let wish = Bench::new(&rig).new_account(None);
    let AccountWish::Create { mark, .. } = &wish.account else { panic!("an account that is made") };
    let (mark, last) = (mark.to_string(), last_moment(&rig));
    let (mark, last) = (mark.as_str(), last.as_str());
    let with = |at: &[(usize, &str)]| {
        let mut values = good(mark, last);
        for (place, value) in at {
            values[*place] = value;
        }
        sent("open_account", &values)
    };
    let other = "mayfly ins_0000000000000000 ses_0000000000000000";
    let options = format!("command=\"id\" {KEY}");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("another name", with(&[(2, "deploy")]), "prefix deploy"),
        ("a short name", with(&[(2, "keeper_")]), "prefix keeper_"),
        ("a long name", with(&[(2, "keeper_0123456789abcd")]), "prefix keeper_0123456789abcd"),
        ("a name with a path", with(&[(2, "keeper_../../etc/xx0")]), "prefix keeper_../../etc/xx0"),
        ("another's mark", with(&[(3, other)]), "installation ins_0000000000000000"),
        ("a mark that is none", with(&[(3, "x")]), "form mark"),
        ("root's id", with(&[(4, "0")]), "ids 0 99999"),
        ("another range", with(&[(5, "4000000000")]), "ids 65536 4000000000"),
        ("a shell", with(&[(6, "/tmp/sh")]), "shell /tmp/sh"),
        ("a home", with(&[(7, "/etc/keeper_0123456789abc")]), "homes /etc"),
        ("another's home", with(&[(7, "/home/deploy")]), "form home"),
        ("a group", with(&[(9, "shadow"), (10, "42")]), "group shadow"),
        ("an id of a group", with(&[(9, "sudo"), (10, "42")]), "group shadow"),
        ("root's group", with(&[(9, "sudo"), (10, "0")]), "group with the id 0"),
        (
            "a file of keys",
            with(&[(11, "/home/deploy/.ssh/authorized_keys")]),
            "keys /home/deploy/.ssh/authorized_keys",
        ),
        ("a way up", with(&[(11, "/home/keeper_0123456789abc/../deploy/x")]), "form keys"),
        ("options of a key", with(&[(12, &options)]), "form key"),
        ("an address", with(&[(13, "*")]), "form address"),
        ("a lock", with(&[(0, "../../etc/x")]), "form lock"),
        ("a number", with(&[(14, "1; id")]), "form number"),
        ("too few values", sent("open_account", &good(mark, last)[..16]), "form values of open_account"),
    ];
    refuses(&rig, &cases).await;
    // The one that they all began with is taken, so each of them was refused for what differs.
    let answer = rig.target.answer(&with(&[]));
    assert!(answer.starts_with("mayfly 1\nuid ") && answer.ends_with("\ndone\n"), "{answer}");
    rig.target.run(&["userdel", "-r", "keeper_0123456789abc"]).unwrap();
}

#[tokio::test]
async fn what_belongs_to_others_is_refused() {
    let rig = Contract::start(4).await;
    let last = last_moment(&rig);
    let last = last.as_str();
    rig.target.run(&["useradd", "-m", "deploy"]).unwrap();
    let uid = rig.target.run(&["id", "-u", "deploy"]).unwrap();
    let uid = uid.trim();
    let (change, lines) = ("chg_0000000000000000", "# Made by Mayfly for one session and removed after it.|Defaults:");
    let as_deploy = format!("{lines}deploy !authenticate");
    let as_ours = format!("{lines}keeper_0123456789abc !authenticate");
    let more = format!("{lines}keeper_0123456789abc !authenticate|ALL ALL=(ALL) NOPASSWD: ALL");
    let path = "/etc/sudoers.d/mayfly-keeper_0123456789abc";
    let (itself, its_id) = (format!("account {uid} deploy"), format!("ids {uid}"));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("an account that is not listed", sent("survey", &["deploy", "", "/bin/bash", "::1", "/tmp", ""]), &itself),
        ("its membership", sent("open_membership", &["00", last, "deploy", uid, "27", change]), "account deploy"),
        ("its sessions", sent("end_some", &["00", uid, "all", "", "", "", ""]), &its_id),
        ("root's sessions", sent("end_some", &["00", "0", "all", "", "", "", ""]), "ids 0"),
        ("places", sent("survey", &["keeper_0123456789abc", "", "/bin/bash", "::1", "/tmp /etc", ""]), "swept /etc"),
        ("a pattern", sent("survey", &["keeper_0123456789abc", "", "/bin/bash", "::1", "/t*", ""]), "swept /t*"),
        (
            "sudo for another",
            sent("open_companion", &["00", last, "/etc/sudoers.d/mayfly-deploy", &as_deploy]),
            "account deploy",
        ),
        ("sudo for all", sent("open_companion", &["00", last, path, &more]), "form lines"),
        ("another file", sent("open_companion", &["00", last, "/etc/sudoers", &as_ours]), "form path"),
        (
            "to remove another",
            sent("look_companion", &["00", "/etc/sudoers.d/README", &as_ours, "remove"]),
            "form path",
        ),
        (
            "a note elsewhere",
            sent("withdraw", &["00", "deploy", uid, "27", "../../../etc/passwd", "yes", ""]),
            "account deploy",
        ),
    ];
    refuses(&rig, &cases).await;
    rig.target.run(&["userdel", "-r", "deploy"]).unwrap();
}

#[tokio::test]
async fn what_is_no_operation_is_refused() {
    let rig = Contract::start(4).await;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("too many values", sent("end_some", &["00", "65536", "all", "", "", "", "", ""]), "form values of end_some"),
        ("an unknown operation", sent("rm", &["-r"]), "operation rm"),
        ("a function of its own", sent("values", &[]), "operation values"),
        ("no operation", b"\n\n".to_vec(), "form value"),
        ("nothing", Vec::new(), "form no empty line"),
        ("half of it", b"=hello\n".to_vec(), "form no empty line"),
        ("a script", b"echo hello\n\nid\n".to_vec(), "form value"),
        ("a long line", [b"=", "a".repeat(1 << 20).as_bytes(), b"\n\n"].concat(), "form no empty line"),
        ("many lines", [b"=x\n".repeat(5000), b"\n".to_vec()].concat(), "form too many values"),
        ("a NUL", sent("end_some", &["00", "0\0", "all", "", "", "", ""]), "ids 0"),
        ("bytes", (0..=255_u8).chain(*b"\n\n").collect(), "form value"),
    ];
    refuses(&rig, &cases).await;
}

/// What the helper does not take is a failure before anything is written down, and says what to do.
#[tokio::test]
async fn a_refusal_says_what_the_configuration_lacks() {
    let rig = Contract::start(5).await;
    let bench = Bench::new(&rig);
    rig.target.run(&["groupadd", "unlisted"]).unwrap();
    let failure = bench.survey(&bench.new_account(Some("unlisted"))).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::NotPermitted);
    for words in ["group unlisted", "helper.conf", "install-helpers"] {
        assert!(failure.text.contains(words), "{failure}");
    }
    let missing = check(&rig, "unlisted").await;
    assert!(found(&missing, Level::Missing, "group unlisted").is_some(), "{missing:?}");
    rig.target.run(&["groupdel", "unlisted"]).unwrap();
}

#[tokio::test]
async fn a_configuration_that_others_can_change_is_not_believed() {
    let rig = Contract::start(5).await;
    let bench = Bench::new(&rig);
    for (spoil, mend) in [
        ("chown daemon /etc/mayfly/helper.conf", "chown 0 /etc/mayfly/helper.conf"),
        ("chmod g+w /etc/mayfly/helper.conf", "chmod g-w /etc/mayfly/helper.conf"),
        ("chmod o+w /etc/mayfly", "chmod o-w /etc/mayfly"),
        ("chown daemon /etc/mayfly", "chown 0 /etc/mayfly"),
        (
            "cd /etc/mayfly; mv helper.conf kept; ln -s kept helper.conf",
            "cd /etc/mayfly; rm helper.conf; mv kept helper.conf",
        ),
        ("mv /etc/mayfly/helper.conf /etc/mayfly/kept", "mv /etc/mayfly/kept /etc/mayfly/helper.conf"),
    ] {
        let wish = bench.new_account(None);
        rig.target.shell(spoil).unwrap();
        let failure = bench.survey(&wish).await;
        let report = check(&rig, "sudo").await;
        rig.target.shell(mend).unwrap();
        let failure = failure.unwrap_err();
        assert_eq!(failure.class, FailureClass::NotPermitted, "{spoil}: {failure}");
        assert!(failure.text.contains("/etc/mayfly"), "{spoil}: {failure}");
        assert!(found(&report, Level::Missing, "trusts its configuration").is_some(), "{spoil}: {report:?}");
    }
    bench.survey(&bench.new_account(None)).await.unwrap();
}

/// The check is content with the helper, and names every right beyond it.
#[tokio::test]
async fn rights_beyond_the_helper_are_named() {
    for which in [4, 5] {
        let rig = Contract::start(which).await;
        let report = check(&rig, "sudo").await;
        assert!(found(&report, Level::Ok, "may run the helper and nothing else").is_some(), "host {which}: {report:?}");
        rig.target.shell("chmod g+w /usr/local/sbin/mayfly-helper; chmod o+w /usr/local/sbin").unwrap();
        let report = check(&rig, "sudo").await;
        rig.target.shell("chmod g-w /usr/local/sbin/mayfly-helper; chmod o-w /usr/local/sbin").unwrap();
        for path in ["\"/usr/local/sbin\"", "\"/usr/local/sbin/mayfly-helper\""] {
            assert!(found(&report, Level::Excess, path).is_some(), "host {which}: {report:?}");
        }
        let keys = if which == 4 { "~/.ssh/authorized_keys" } else { "/home/mayfly/.ssh/authorized_keys" };
        rig.target.shell(&format!("sed -i 's/^restrict,//' {keys}")).unwrap();
        let report = {
            let fresh = Contract::renewed(rig);
            let report = check(&fresh, "sudo").await;
            fresh.target.shell(&format!("sed -i 's/^from=/restrict,from=/' {keys}")).unwrap();
            report
        };
        assert!(found(&report, Level::Excess, "begin with `restrict`").is_some(), "host {which}: {report:?}");
    }
    let rig = Contract::start(5).await;
    let rule = "echo 'mayfly ALL=(root) NOPASSWD: /usr/bin/id' > /etc/sudoers.d/more; chmod 440 /etc/sudoers.d/more";
    rig.target.shell(rule).unwrap();
    let report = check(&rig, "sudo").await;
    rig.target.run(&["rm", "/etc/sudoers.d/more"]).unwrap();
    let more = found(&report, Level::Excess, "do more than run the helper").unwrap();
    assert!(more.what.contains("/usr/bin/id"), "{more:?}");
    rig.target.shell("echo '# changed' >> /usr/local/sbin/mayfly-helper").unwrap();
    let report = check(&rig, "sudo").await;
    rig.target.shell("sed -i '$d' /usr/local/sbin/mayfly-helper").unwrap();
    assert!(found(&report, Level::Missing, "not the one that this Mayfly installs").is_some(), "{report:?}");
}

/// An account with a shell of its own and the one line for sudo is used in the same way.
#[tokio::test]
async fn a_shell_with_the_one_line_for_sudo_uses_the_helper() {
    let rig = Contract::start(5).await;
    let keys = "/home/mayfly/.ssh/authorized_keys";
    rig.target.shell(&format!("cp -p {keys} {keys}.kept; sed -i 's/,command=\"[^\"]*\"//' {keys}")).unwrap();
    let rig = Contract::renewed(rig);
    let bench = Bench::new(&rig);
    let before = rig.everything();
    let report = check(&rig, "sudo").await;
    assert!(found(&report, Level::Ok, "it has a shell").is_some(), "{report:?}");
    let subject = bench.launch(bench.new_account(Some("sudo"))).await;
    bench.way_out(&subject).await;
    assert_eq!(rig.settled(&before).await, "");
    rig.target.shell(&format!("mv {keys}.kept {keys}")).unwrap();
}

#[tokio::test]
async fn a_helper_of_another_version_is_told_apart() {
    let rig = Contract::start(4).await;
    let helper = "/usr/local/sbin/mayfly-helper";
    rig.target
        .shell(&format!("cp -p {helper} {helper}.kept; sed -i 's/^version=[0-9]*/version=4711/' {helper}"))
        .unwrap();
    let rig = Contract::renewed(rig);
    let bench = Bench::new(&rig);
    let failure = bench.survey(&bench.new_account(None)).await.unwrap_err();
    rig.target.shell(&format!("mv {helper}.kept {helper}")).unwrap();
    assert_eq!(failure.class, FailureClass::NotPermitted);
    assert!(failure.text.contains("version 4711") && failure.text.contains("install-helpers"), "{failure}");
    bench.survey(&bench.new_account(None)).await.unwrap();
}

/// Installing again changes nothing, keeps the keys of others, and never takes the last way in from whoever installs.
#[tokio::test]
async fn installing_is_done_once_and_locks_nobody_out() {
    let target = Target::start(Flavour::Plain, Reach::Shell).await;
    target.shell("useradd -m deploy; groupadd extra").unwrap();
    let served = Served {
        elevate: Some("extra".to_owned()),
        existing: Some("deploy".to_owned()),
        settings: serde_json::json!({"id_least": 70_000, "id_most": 70_009, "swept": "/tmp"}),
    };
    let script = installation(&target, vec![served]).await;
    let keys = "~/.ssh/authorized_keys";
    let before = target.shell(&format!("cat {keys}")).unwrap();
    let (options, place) = target.admin();
    let over_ssh = || {
        let mut ssh = Command::new("ssh");
        ssh.args(&options).args([place.as_str(), "sh"]);
        let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let refused = over_ssh();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("add a key of your own"), "{said}");
    assert_eq!(target.shell(&format!("cat {keys}")).unwrap(), before);

    target.shell(&format!("cat /run/people.pub >> {keys}")).unwrap();
    let done = over_ssh();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let now = target.shell(&format!("cat {keys}")).unwrap();
    let people = target.shell("cat /run/people.pub").unwrap();
    assert!(now.starts_with(&people) && now.lines().count() == 2, "{now}");
    let limited = now.lines().last().unwrap();
    assert!(
        limited.starts_with("restrict,from=\"") && limited.contains("command=\"/usr/local/sbin/mayfly-helper\" ssh-")
    );
    let conf = target.shell("cat /etc/mayfly/helper.conf").unwrap();
    for line in
        ["group extra", "ids 70000 70009", "swept /tmp", "homes /home", "keys /etc/ssh/mayfly.d/%u", "prefix keeper_"]
    {
        assert!(conf.lines().any(|known| known == line), "{line}: {conf}");
    }
    assert!(conf.contains(" deploy\n"), "{conf}");
    let again = target.install(&script).unwrap();
    assert!(again.contains("helper.conf is as it was") && again.contains("mayfly-helper is as it was"), "{again}");
    assert_eq!(target.shell(&format!("cat {keys}")).unwrap(), now);
    assert_eq!(
        target.shell("ls -A /etc/mayfly /usr/local/sbin").unwrap(),
        "/etc/mayfly:\nhelper.conf\n\n/usr/local/sbin:\nmayfly-helper\n"
    );
    assert!(target.answer(&sent("hello", &[])).contains("\nhelper "));
    assert_eq!(String::from_utf8_lossy(&over_ssh().stdout), "mayfly 1\nfail refused form value\n");
}

/// The search goes through the helper too, for our prefix and no other. A helper from before there was a search has to be installed
/// again, and says so.
#[tokio::test]
async fn the_helper_searches_for_our_accounts() {
    let rig = Contract::start(4).await;
    let name = "keeper_0123456789abd";
    let other = sent("scan", &[name, "192.0.2.1", "9", "root"]);
    refuses(&rig, &[("another prefix", other, "prefix root")]).await;
    let mark = "mayfly ins_0123456789abcdef ses_0123456789abcdef";
    rig.target.run(&["useradd", "-M", "-e", "2031-01-02", "-c", &format!("{mark},,,"), name]).unwrap();
    let by = authorise_administration(0, 0).unwrap();
    let request =
        ScanRequest { place: rig.target.place(), prefix: Prefix::default(), settings: serde_json::Value::Null };
    let subject = rig.target.subject();
    let scan = subject.scan(&by, &request).await.unwrap();
    let found = scan.found.iter().find(|found| found.account.as_str() == name).unwrap();
    assert_eq!(found.mark.as_ref().map(ToString::to_string).as_deref(), Some(mark));
    assert_eq!(found.deadline.map(|at| at.to_string()).as_deref(), Some("2031-01-02T00:00:00.000000Z"));
    assert!(found.can_log_in && found.made.is_some() && found.sessions == 0 && found.changes.len() == 1, "{found:?}");
    rig.target.run(&["userdel", name]).unwrap();
    let helper = "/usr/local/sbin/mayfly-helper";
    rig.target.run(&["sed", "-i", "s/^    scan)/    later)/", helper]).unwrap();
    // Over a connection of its own, on which none was started ahead.
    let failure = rig.target.subject().scan(&by, &request).await.unwrap_err();
    rig.target.run(&["sed", "-i", "s/^    later)/    scan)/", helper]).unwrap();
    assert_eq!(failure.class, FailureClass::NotPermitted);
    assert!(failure.text.contains("install it again"), "{failure}");
}
