//! The settings: from which places they come, what is said of one that cannot be, and what a running server takes over when it is told to
//! read them again.

use mayfly_e2e::certificate::Certificate;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, Server, World, wait};
use mayfly_testbed::Flavour;
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// `mayfly server check` with this in the environment.
fn check(installation: &Installation, environment: &[(&str, &str)]) -> (bool, String) {
    let mut check = installation.command().unwrap();
    check.args(["server", "check", "--config"]).arg(installation.config()).envs(environment.iter().copied());
    let Output { status, stdout, stderr } = check.output().unwrap();
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[test]
fn settings_come_from_the_file_the_folder_beside_it_and_the_environment() {
    let installation = Installation::init().unwrap();
    let folder = installation.directory().join("etc/conf.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("10-log.toml"), "[log]\nlevel = \"warn\"\n[sessions]\nmargin_s = 30\n").unwrap();
    fs::write(folder.join("20-log.toml"), "[log]\nlevel = \"error\"\n").unwrap();
    let (good, said) = check(&installation, &[("MAYFLY__SESSIONS__MARGIN_S", "45")]);
    assert!(good && said.contains("\nlog.level = error\n") && said.contains("\nsessions.margin_s = 45\n"), "{said}");
    let (good, said) = check(&installation, &[("MAYFLY__LISTEN__POSTGRESS", "127.0.0.1:1")]);
    let meant = "environment variable MAYFLY__LISTEN__POSTGRESS: there is no setting `listen.postgress`: did you mean `postgres`?";
    assert!(!good && said.contains(meant), "{said}");
    fs::write(folder.join("20-log.toml"), "# ours\n[log]\nlevle = \"error\"\n").unwrap();
    let (good, said) = check(&installation, &[]);
    let meant = "20-log.toml cannot be used: line 3: there is no setting `log.levle`: did you mean `level`?";
    assert!(!good && said.contains(meant), "{said}");
}

/// Whether a new client that believes this certificate alone is served.
fn shown(installation: &Installation, certificate: &Path) -> bool {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "--cacert"]).arg(certificate);
    curl.arg(format!("https://localhost:{}/v1/status", installation.https_port));
    curl.output().unwrap().status.success()
}

/// Tells the server to read its settings again, and waits until the log says so with these words.
fn reload(installation: &Installation, server: &Server, words: &str) {
    let told = || installation.log().matches(words).count();
    let before = told();
    server.signal(Signal::HUP).unwrap();
    wait::until(&format!("the log says: {words}"), LIMIT, || Ok(told() > before)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_takes_a_new_certificate_over_and_keeps_the_one_before_when_it_is_broken() {
    const TAKEN: &str = "The settings were read again";
    const KEPT: &str = "those of before stay in force";
    let world = World::new(Flavour::Debian15, "").await.unwrap();
    let installation = &world.installation;
    let folder = installation.directory().join("etc");
    let (first, second) = (Certificate::make(&folder, "first").unwrap(), Certificate::make(&folder, "second").unwrap());
    let settings = fs::read_to_string(installation.config()).unwrap();
    fs::write(installation.config(), settings.clone() + &first.setting()).unwrap();
    let server = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    assert!(shown(installation, &first.certificate));
    // Two that last: a session, and somebody who follows the trail over HTTPS.
    let mut psql = world.ticket("alice", "orders").unwrap().open().unwrap();
    psql.query("select 1").unwrap();
    let events = folder.join("events");
    let mut follower = follow(installation, &first.certificate, &events);
    wait::until("the trail is followed", LIMIT, || Ok(fs::read_to_string(&events)?.contains("session.started")))
        .unwrap();

    // The same names with other contents, as who renews certificates writes them.
    fs::copy(&second.certificate, &first.certificate).unwrap();
    fs::copy(&second.key, &first.key).unwrap();
    assert!(!shown(installation, &second.certificate), "nothing changes before the server is told");
    reload(installation, &server, TAKEN);
    assert!(shown(installation, &second.certificate));
    psql.query("select 1").unwrap();

    // What cannot be used changes nothing, and is named: a certificate, its setting, and a file that is no TOML.
    fs::write(&first.certificate, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n").unwrap();
    reload(installation, &server, KEPT);
    assert!(
        shown(installation, &second.certificate) && installation.log().contains("first.pem and `https.key` do not")
    );
    for (broken, named) in [("[https\n", "line "), ("\n[log]\nlevl = \"debug\"\n", "did you mean `level`?")] {
        fs::write(installation.config(), settings.split("[log]").next().unwrap().to_owned() + broken).unwrap();
        reload(installation, &server, KEPT);
        assert!(installation.log().contains(named), "{named}: {}", installation.log());
    }
    assert!(shown(installation, &second.certificate));

    // What is logged changes too, by a file beside; what waits for the next start is named.
    fs::write(installation.config(), settings.clone() + &second.setting()).unwrap();
    fs::create_dir(folder.join("conf.d")).unwrap();
    let beside = "[log]\nlevel = \"debug\"\n[sessions]\nmargin_s = 30\n";
    fs::write(folder.join("conf.d/debug.toml"), beside).unwrap();
    assert!(!installation.log().contains("DEBUG"));
    reload(installation, &server, "wait for the next start settings=\"sessions.margin_s\"");
    assert!(!shown(installation, &installation.ca()), "who does not believe it goes away");
    wait::until("that is told in debug", LIMIT, || Ok(installation.log().contains("DEBUG"))).unwrap();

    // Those who were in are in.
    psql.query("select 1").unwrap();
    psql.leave().unwrap();
    wait::until("the follower sees the end", LIMIT, || Ok(fs::read_to_string(&events)?.contains("session.closed")))
        .unwrap();
    follower.kill().unwrap();
    follower.wait().unwrap();
    world.all_out().unwrap();
    server.stop().unwrap();
}

/// Follows the trail over HTTPS, into a file.
fn follow(installation: &Installation, certificate: &Path, to: &Path) -> std::process::Child {
    let token = installation.json(&["token", "create", "follower", "--scope", "audit"]).unwrap();
    let config = installation.directory().join("follow");
    let text = format!(
        "url = \"https://localhost:{}/v1/events?from=0\"\ncacert = {certificate:?}\nno-buffer\nsilent\noutput = {to:?}\n\
         header = \"Authorization: Bearer {}\"\n",
        installation.https_port,
        token["secret"].as_str().unwrap()
    );
    fs::write(&config, text).unwrap();
    fs::write(to, "").unwrap();
    Command::new("curl").arg("-K").arg(config).stdin(Stdio::null()).spawn().unwrap()
}
