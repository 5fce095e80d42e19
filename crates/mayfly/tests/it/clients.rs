//! `db` and `connect`: where the secret goes, and where it does not. The psql here is a script that writes down what it was
//! given.

use crate::stand_in::{Ended, StandIn};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn gateway() -> StandIn {
    let answer = json!({
        "user": "alice~orders", "secret": "one-time-s3cret", "expires_at": "2026-01-01T08:00:00Z", "host": "gw.example.com",
        "port": 5432, "database": "orders", "protocol": "postgresql", "ca_pem": "THE AUTHORITY", "notes": ["an account for one session"],
    });
    let server = StandIn::start(vec![("POST /v1/connect", 200, answer.to_string())]);
    fs::write(server.folder.path().join("password"), "correct horse battery\n").unwrap();
    server
}

/// Puts a psql into the folder that dumps its arguments, its environment and the authority's file, and exits with 3.
fn psql(folder: &Path) {
    let script = "#!/bin/sh\nd=$(dirname \"$0\")\nprintf '%s\\n' \"$@\" >\"$d/argv\"\nenv >\"$d/env\"\n\
                  cat \"$PGSSLROOTCERT\" >\"$d/ca\"\nstat -c %a \"$PGSSLROOTCERT\" >\"$d/mode\"\nexit 3\n";
    let file = folder.join("psql");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn db(server: &StandIn, path: &str) -> Ended {
    let folder = server.folder.path();
    let mut command = server.mayfly(&["db", "orders", "--person", "alice", "--password-file"]);
    command.arg(folder.join("password")).args(["--", "-c", "select 1"]).env("PATH", path);
    command
        .env("PGSERVICE", "evil")
        .env("PGHOSTADDR", "192.0.2.1")
        .env("PGSSLMODE", "disable")
        .env("PGAPPNAME", "kept");
    Ended::of(command.output().unwrap())
}

#[test]
fn psql_gets_the_secret_in_its_environment_alone_and_its_status_passes_through() {
    let server = gateway();
    let folder = server.folder.path();
    psql(folder);
    let ended = db(&server, &format!("{}:/usr/bin:/bin", folder.display()));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("argv"), "-c\nselect 1\n");
    let env = read("env");
    let has = |line: &str| env.lines().any(|found| found == line);
    for line in [
        "PGPASSWORD=one-time-s3cret",
        "PGHOST=gw.example.com",
        "PGPORT=5432",
        "PGUSER=alice~orders",
        "PGDATABASE=orders",
        "PGSSLMODE=verify-full",
        "PGAPPNAME=kept",
    ] {
        assert!(has(line), "{line} in {env}");
    }
    assert!(!env.contains("PGSERVICE") && !env.contains("PGHOSTADDR"), "{env}");
    assert!(!env.contains("correct horse battery"), "{env}");
    assert_eq!((read("ca").as_str(), read("mode").as_str()), ("THE AUTHORITY", "600\n"));
    let certificate = env.lines().find_map(|line| line.strip_prefix("PGSSLROOTCERT=")).unwrap();
    assert!(!Path::new(certificate).exists(), "the temporary file is removed");
    assert!(!format!("{ended:?}").contains("s3cret"));
    assert_eq!(
        server.asked()[0].body,
        json!({"person": "alice", "password": "correct horse battery", "record": "orders", "valid_s": null})
    );
}

/// The client of MySQL gets where to connect in a file of options and the secret in its environment; nothing else that it could read leads
/// it elsewhere.
#[test]
fn mysql_gets_a_file_without_the_secret_and_the_secret_in_its_environment() {
    for (protocol, says, verifying) in [
        ("mysql", "mysql  Ver 9.7.4", "ssl-mode=VERIFY_IDENTITY"),
        ("mariadb", "mysql Distrib 10.11-MariaDB", "ssl-verify-server-cert"),
    ] {
        let answer = json!({
            "user": "alice~shop", "secret": "one-time-s3cret", "expires_at": "2026-01-01T08:00:00Z", "host": "gw.example.com",
            "port": 7306, "database": "shop", "protocol": protocol, "ca_pem": "THE AUTHORITY", "notes": [],
        });
        let server = StandIn::start(vec![("POST /v1/connect", 200, answer.to_string())]);
        let folder = server.folder.path();
        fs::write(folder.join("password"), "correct horse battery\n").unwrap();
        let script = format!(
            "#!/bin/sh\nd=$(dirname \"$0\")\n[ \"$1\" = --version ] && echo '{says}' && exit\n\
             printf '%s\\n' \"$@\" >\"$d/argv\"\nenv >\"$d/env\"\ncat \"${{1#--defaults-file=}}\" >\"$d/options\"\nexit 4\n"
        );
        fs::write(folder.join(protocol), script).unwrap();
        fs::set_permissions(folder.join(protocol), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = server.mayfly(&["db", "shop", "--person", "alice", "--password-file"]);
        command.arg(folder.join("password")).args(["--", "-e", "select 1"]);
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        command.env("MYSQL_HOST", "192.0.2.1").env("LIBMYSQL_PLUGINS", "evil").env("MYSQL_HISTFILE", "kept");
        let ended = Ended::of(command.output().unwrap());
        assert_eq!(ended.code, Some(4), "{ended:?}");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (argv, env, options) = (read("argv"), read("env"), read("options"));
        assert!(argv.starts_with("--defaults-file=") && argv.ends_with("\n-e\nselect 1\n"), "{argv}");
        assert!(env.contains("MYSQL_PWD=one-time-s3cret\n") && env.contains("MYSQL_HISTFILE=kept\n"), "{env}");
        assert!(!env.contains("192.0.2.1") && !env.contains("LIBMYSQL_PLUGINS"), "{env}");
        assert!(options.contains("host=\"gw.example.com\"\nport=7306\nuser=\"alice~shop\"\n"), "{options}");
        assert!(options.contains(verifying) && !options.contains("s3cret") && !argv.contains("s3cret"), "{options}");
    }
}

#[test]
fn without_psql_nobody_is_asked_anything() {
    let server = gateway();
    let ended = db(&server, "/nowhere");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(255), ""));
    assert!(ended.stderr.contains("apt install postgresql-client"), "{ended:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_refused_sign_in_is_our_own_failure() {
    let problem = json!({
        "type": "about:blank", "title": "t", "status": 401, "detail": "wrong name or password", "code": "sign_in",
        "request_id": "req_1",
    });
    let server = StandIn::start(vec![("POST /v1/connect", 401, problem.to_string())]);
    fs::write(server.folder.path().join("password"), "wrong\n").unwrap();
    psql(server.folder.path());
    let ended = db(&server, &server.folder.path().display().to_string());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(255), ""));
    assert_eq!(ended.stderr, "error: wrong name or password\n");
    assert!(!server.folder.path().join("argv").exists(), "psql is not run");
    let ended = server.run(&["connect", "orders", "--person", "alice", "--password-file", "/nowhere"]);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn connect_prints_what_another_client_needs_and_verifies_the_server() {
    let server = gateway();
    let home = server.folder.path();
    let password = home.join("password").display().to_string();
    let arguments = ["connect", "orders", "--person", "alice", "--valid", "2h", "--password-file", &password];
    let ended = server.run(&arguments);
    let ca = home.join(".local/share/mayfly/gw.example.com_5432.pem");
    let ca = ca.display().to_string();
    assert_eq!(fs::read_to_string(&ca).unwrap(), "THE AUTHORITY");
    assert!(
        ended.stdout.starts_with("host        gw.example.com\nport        5432\nuser        alice~orders\n"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("password    one-time-s3cret\n"));
    assert!(ended.stdout.contains(&format!("dbname=orders sslmode=verify-full sslrootcert={ca}\"\n")), "{ended:?}");
    assert!(ended.stdout.ends_with("an account for one session\n"));
    assert_eq!(server.asked()[0].body["valid_s"], 7200);
    let printed = server.run(&[&arguments[..], &["--json"]].concat()).json();
    assert_eq!((&printed["secret"], &printed["ca_file"]), (&json!("one-time-s3cret"), &json!(ca)));
    assert!(
        !printed["uri"].as_str().unwrap().contains("s3cret") && !printed["psql"].as_str().unwrap().contains("s3cret")
    );
}

#[test]
fn another_program_gets_the_same_environment() {
    let server = gateway();
    let folder = server.folder.path();
    psql(folder);
    fs::rename(folder.join("psql"), folder.join("pg_dump")).unwrap();
    let password = folder.join("password").display().to_string();
    let run = |program: &str, path: &Path| {
        let mut command = server.mayfly(&["connect", "orders", "--person", "alice", "--password-file", &password]);
        command
            .args(["--exec", program, "--", "-t", "orders"])
            .env("PATH", format!("{}:/usr/bin:/bin", path.display()));
        Ended::of(command.output().unwrap())
    };
    let ended = run("pg_dump", folder);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
    assert_eq!(fs::read_to_string(folder.join("argv")).unwrap(), "-t\norders\n");
    let env = fs::read_to_string(folder.join("env")).unwrap();
    assert!(env.contains("PGPASSWORD=one-time-s3cret\n") && env.contains("PGSSLMODE=verify-full\n"), "{env}");
    assert_eq!(run("pg_nothing", folder).code, Some(255));
    assert_eq!(server.run(&["connect", "orders", "--", "x"]).code, Some(2), "arguments without a program");
}
