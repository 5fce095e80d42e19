//! `ssh`, `sftp`, `scp` and `rsync`: where they are led, and how the secret gets there. The programs here are scripts that write
//! down what they were given and ask for the secret as OpenSSH does.

use crate::stand_in::{Ended, StandIn};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const LINE: &str = "@cert-authority [gw.example.com]:2222 ssh-ed25519 AAAA";

fn gateway() -> StandIn {
    let answer = json!({
        "user": "alice~web01", "secret": "one-time-s3cret", "expires_at": "2026-01-01T08:00:00Z", "host": "gw.example.com",
        "port": 2222, "protocol": "ssh", "ca_pem": "", "known_hosts": LINE, "notes": ["in group sudo"],
    });
    let brokers = json!({"brokers": [
        {"protocol": "postgresql", "host": "gw.example.com", "port": 5432},
        {"protocol": "ssh", "host": "gw.example.com", "port": 2222, "known_hosts": LINE},
    ]});
    let server = StandIn::start(vec![
        ("POST /v1/connect", 200, answer.to_string()),
        ("GET /v1/brokers", 200, brokers.to_string()),
    ]);
    let folder = server.folder.path();
    fs::write(folder.join("password"), "correct horse battery\n").unwrap();
    for name in ["ssh", "sftp", "scp", "rsync"] {
        let script = "#!/bin/sh\nd=$(dirname \"$0\")\nprintf '%s\\n' \"$(basename \"$0\")\" \"$@\" >\"$d/argv\"\nenv >\"$d/env\"\n\
             [ -z \"$SSH_ASKPASS\" ] || \"$SSH_ASKPASS\" 'Connect secret: ' >\"$d/asked\"\n\
             [ -z \"$SSH_ASKPASS\" ] || stat -c %a \"$(dirname \"$SSH_ASKPASS\")\" >\"$d/mode\"\nexit 7\n";
        fs::write(folder.join(name), script).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    server
}

/// Runs a verb as alice, who types her password.
fn run(server: &StandIn, verb: &str, arguments: &[&str]) -> Ended {
    let password = server.folder.path().join("password").display().to_string();
    let path = format!("{}:/usr/bin:/bin", server.folder.path().display());
    let all = [&[verb, "--person", "alice", "--password-file", &password], arguments].concat();
    Ended::of(server.mayfly(&all).env("PATH", path).output().unwrap())
}

fn written(server: &StandIn, name: &str) -> String {
    fs::read_to_string(server.folder.path().join(name)).unwrap()
}

#[test]
fn ssh_is_led_to_the_server_and_gets_the_secret_when_it_asks() {
    let server = gateway();
    let ended = run(&server, "ssh", &["web01", "--", "-L", "8080:localhost:80", "uname", "-a"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(7), "in group sudo\n"), "{ended:?}");
    let argv = written(&server, "argv");
    let known_hosts = server.folder.path().join(".local/share/mayfly/gw.example.com_2222.known_hosts");
    let own: Vec<&str> = argv.lines().collect();
    for option in [
        "-oHostName=gw.example.com",
        "-oPort=2222",
        "-oUser=alice~web01",
        "-oStrictHostKeyChecking=yes",
        "-oProxyCommand=none",
        "-oPubkeyAuthentication=no",
        &format!("-oUserKnownHostsFile=\"{}\"", known_hosts.display()),
    ] {
        let place = own.iter().position(|word| *word == option);
        assert!(
            place.is_some_and(|place| place < own.iter().position(|word| *word == "web01").unwrap()),
            "{option} {argv}"
        );
    }
    assert!(argv.ends_with("web01\n-L\n8080:localhost:80\nuname\n-a\n"), "{argv}");
    assert_eq!(fs::read_to_string(known_hosts).unwrap(), format!("{LINE}\n"));
    assert_eq!(written(&server, "asked"), "one-time-s3cret\n");
    assert_eq!(written(&server, "mode"), "700\n");
    let env = written(&server, "env");
    assert!(!env.contains("s3cret") && !env.contains("correct horse"), "{env}");
    assert!(!argv.contains("s3cret") && !format!("{ended:?}").contains("s3cret"));
    let askpass = env.lines().find_map(|line| line.strip_prefix("SSH_ASKPASS=")).unwrap();
    assert!(!std::path::Path::new(askpass).parent().unwrap().exists(), "the folder is removed");
}

#[test]
fn a_person_with_a_key_is_not_asked_for_anything() {
    let server = gateway();
    let path = format!("{}:/usr/bin:/bin", server.folder.path().display());
    let arguments = ["ssh", "web01", "--person", "alice", "--own-key"];
    let ended = Ended::of(server.mayfly(&arguments).env("PATH", path).output().unwrap());
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(written(&server, "argv").contains("-oUser=alice~web01\n"));
    assert!(!written(&server, "env").contains("SSH_ASKPASS"));
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.what).collect();
    assert_eq!(asked, ["GET /v1/brokers"]);
}

#[test]
fn copies_go_the_same_way() {
    let server = gateway();
    assert_eq!(run(&server, "scp", &["-r", "web01:/var/log", "."]).code, Some(7));
    assert!(written(&server, "argv").ends_with("\n-r\nweb01:/var/log\n.\n"));
    assert_eq!(run(&server, "sftp", &["web01:/srv", "--", "-b", "batch"]).code, Some(7));
    assert!(written(&server, "argv").ends_with("\n-b\nbatch\nweb01:/srv\n"));
    assert_eq!(run(&server, "rsync", &["-ave", "ssh", "site/", "web01:/srv"]).code, Some(7));
    let argv = written(&server, "argv");
    assert!(argv.starts_with("rsync\n-ave\nssh\nsite/\nweb01:/srv\n-e\n'"), "{argv}");
    assert!(argv.contains("' '-oUser=alice~web01' '"), "{argv}");
    assert_eq!(server.asked().len(), 3);
    let ended = run(&server, "scp", &["a", "b"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(255), ""), "{ended:?}");
    assert!(ended.stderr.contains("no argument names a machine"), "{ended:?}");
    assert_eq!(server.asked().len(), 3, "nobody is asked anything then");
}

#[test]
fn a_missing_client_says_how_it_is_installed() {
    let server = gateway();
    let ended = Ended::of(server.mayfly(&["ssh", "web01"]).env("PATH", "/nowhere").output().unwrap());
    assert_eq!(ended.code, Some(255));
    assert!(ended.stderr.contains("apt install openssh-client"), "{ended:?}");
}

#[test]
fn ssh_config_is_what_the_real_ssh_reads() {
    let server = gateway();
    let printed = server.run(&["ssh-config", "--person", "alice", "web01", "db-1"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let file = server.folder.path().join("config");
    fs::write(&file, &printed.stdout).unwrap();
    #[expect(clippy::disallowed_methods, reason = "asks the real ssh what it makes of it")]
    let real = std::process::Command::new("ssh").arg("-G").arg("-F").arg(&file).arg("web01.gw").output().unwrap();
    let real = Ended::of(real);
    for line in ["user alice~web01", "hostname gw.example.com", "port 2222", "stricthostkeychecking true"] {
        assert!(real.stdout.lines().any(|found| found == line), "{line} in {real:?}");
    }
    let installed = server.run(&["ssh-config", "--person", "alice", "--install", "web01"]);
    let kept = server.folder.path().join(".local/share/mayfly/gw.example.com_2222.ssh_config");
    assert_eq!(installed.stdout, format!("Include \"{}\"\n", kept.display()), "{installed:?}");
    assert!(fs::read_to_string(kept).unwrap().contains("Host web01.gw\n    User alice~web01\n"));
    assert!(!server.folder.path().join(".ssh").exists(), "the person's own settings are left alone");
}
