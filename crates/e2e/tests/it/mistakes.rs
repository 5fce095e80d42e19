//! Mistakes of setting up, made on purpose: each is named for what it is, with what to do, both to the administrator who checks the
//! record and to the person who wants to connect.

use mayfly_e2e::installation::binary;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{Installation, World};
use mayfly_testbed::{Flavour, free_port};
use std::process::{Command, Output};
use std::time::Duration;

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// One mistake: what is changed, and what has to be said of it.
struct Mistake {
    what: &'static str,
    record: String,
    login: String,
    secret: String,
    /// By `record check`, with its exit code.
    check: (i32, Vec<String>),
    /// By psql.
    connect: Vec<String>,
}

/// The record as it has to be, on which every mistake is one change.
struct Right<'w> {
    world: &'w World,
    record: String,
}

impl Right<'_> {
    fn mistake(&self, what: &'static str, from: &str, to: &str, check: (i32, &[&str]), connect: &[&str]) -> Mistake {
        assert!(self.record.contains(from), "{what}: {from} is not in the record");
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Mistake {
            what,
            record: self.record.replace(from, to),
            login: self.world.admin.user.clone(),
            secret: self.world.admin.password.clone(),
            check: (check.0, owned(check.1)),
            connect: owned(connect),
        }
    }

    fn all(&self) -> Vec<Mistake> {
        let handle = self.world.server.handle();
        let (port, ca) = (format!("port: {}", handle.port()), handle.ca_path().display().to_string());
        let (closed, https) = (free_port().unwrap(), self.world.installation.https_port);
        let nothing =
            format!("nothing listens at 127.0.0.1:{closed}: check that the server runs and that the port is right");
        let not_postgres = format!("what answers at 127.0.0.1:{https} does not take a verified TLS connection");
        let resolve = "cannot find an address for db.nosuch.invalid";
        let issuer = "was not issued by an authority that this record trusts";
        let refused = "refuses \"mayfly_admin\" with the administrative credential of user record orders-admin: set the right secret with \
                       `mayfly secret set orders-admin`";
        let rights = "ALTER ROLE \"app\" CREATEROLE;";
        let role = "there is no role \"nosuchrole\"";
        let right = ("default_database: orders", "default_database: orders");
        vec![
            self.mistake("a wrong port", &port, &format!("port: {closed}"), (9, &[&nothing]), &[&nothing]),
            self.mistake(
                "the port of something else",
                &port,
                &format!("port: {https}"),
                (10, &[&not_postgres, "check that it is a PostgreSQL server"]),
                &[&not_postgres],
            ),
            self.mistake(
                "a name that nobody knows",
                "host: 127.0.0.1",
                "host: db.nosuch.invalid",
                (9, &[resolve, "this machine's DNS"]),
                &[resolve],
            ),
            self.mistake(
                "another authority",
                &ca,
                &self.world.installation.ca().display().to_string(),
                (10, &[issuer, "`tls.ca`"]),
                &[issuer],
            ),
            Mistake {
                secret: "wrong".to_owned(),
                ..self.mistake("a wrong password", right.0, right.1, (9, &[refused]), &[refused])
            },
            Mistake {
                login: self.world.app.user.clone(),
                secret: self.world.app.password.clone(),
                ..self.mistake("an account without rights", right.0, right.1, (12, &[rights]), &[rights])
            },
            self.mistake(
                "a role that does not exist",
                "readonly",
                "nosuchrole",
                (12, &[role, "CREATE ROLE \"nosuchrole\" NOLOGIN;"]),
                &[role],
            ),
            self.mistake(
                "a database that does not exist",
                "default_database: orders",
                "default_database: nosuch",
                (12, &["there is no database \"nosuch\"", "`default_database`"]),
                &[],
            ),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_wrong_is_told_what_is() {
    let world = World::new(Flavour::Newer, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let handle = world.server.handle();
    let right = Right { world: &world, record: Record::new("orders").yaml(handle, handle.ca_path().to_str().unwrap()) };
    let apply = |record: &str, login: &str, secret: &str| {
        let user = format!("---\nkind: User\nname: orders-admin\nspec:\n  login: {login}\n  resource: orders\n");
        world.installation.must(&["apply", "-f", "-"], &format!("{record}{user}")).unwrap();
        let set = ["secret", "set", "orders-admin", "--secret-file", "-"];
        world.installation.must(&set, &format!("{secret}\n")).unwrap();
    };
    for Mistake { what, record, login, secret, check, connect } in right.all() {
        apply(&record, &login, &secret);
        let checked = world.installation.run(&["record", "check", "orders"]).unwrap();
        let (code, said) = (checked.status.code(), words(&checked));
        assert_eq!(code, Some(check.0), "{what}: {said}");
        assert!(check.1.iter().all(|text| said.contains(text)), "{what}: {said}");
        if !connect.is_empty() {
            let tried = world.ticket("alice", "orders").unwrap().psql("select 1").unwrap();
            let said = words(&tried);
            assert!(!tried.status.success() && connect.iter().all(|text| said.contains(text)), "{what}: {said}");
        }
    }
    // The right one is right at once, with nothing of before in its way.
    apply(&right.record, &world.admin.user, &world.admin.password);
    assert_eq!(world.ticket("alice", "orders").unwrap().query("select 1").unwrap(), "1");
    world.as_before("the mistakes").await.unwrap();

    // A clock that is off, by more than deadlines can bear.
    world.server.restart_ahead(Duration::from_secs(660)).unwrap();
    let checked = world.installation.run(&["record", "check", "orders"]).unwrap();
    let said = words(&checked);
    assert!(checked.status.code() == Some(12) && said.contains("clock is off by 6") && said.contains("NTP"), "{said}");
    let tried = words(&world.ticket("alice", "orders").unwrap().psql("select 1").unwrap());
    assert!(tried.contains("clock is off by 6") && tried.contains("set it right"), "{tried}");
    assert_eq!(world.accounts().unwrap(), 0);
}

/// `mayfly server …` on the files of an installation.
fn server(arguments: &[&str], installation: &Installation) -> (Option<i32>, String) {
    let mut command = Command::new(binary().unwrap());
    let output = command.arg("server").args(arguments).arg("--config").arg(installation.config()).output().unwrap();
    (output.status.code(), words(&output))
}

#[test]
fn an_installation_that_is_wrong_is_told_what_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let installation = Installation::init().unwrap();
    let running = installation.start().unwrap();
    // Another one beside it wants the same port, at the making and at the start.
    let held = format!("127.0.0.1:{}", installation.https_port);
    let beside = installation.directory().join("beside");
    let mut init = Command::new(binary().unwrap());
    init.args(["server", "init", "--https", &held, "--directory"]).arg(&beside);
    let output = init.output().unwrap();
    let said = words(&output);
    let holder = format!("process {} (mayfly) listens there", running.pid());
    assert!(output.status.code() == Some(10) && said.contains(&holder), "{said}");
    assert!(said.contains("or choose --https 127.0.0.1:"), "another port is proposed: {said}");
    assert!(!beside.exists(), "and nothing was made");
    let other = Installation::init().unwrap();
    let settings = std::fs::read_to_string(other.config()).unwrap();
    let same_port = settings.replace(&format!("127.0.0.1:{}", other.https_port), &held);
    std::fs::write(other.config(), same_port).unwrap();
    let (code, said) = server(&["run"], &other);
    let holder = format!("process {} (mayfly) uses it", running.pid());
    assert!(code == Some(1) && said.contains(&holder) && said.contains("listen.https"), "{said}");
    drop(running);

    // A setting that is mistyped, a key that others can read, a key of another installation, and none.
    std::fs::write(other.config(), settings.replace("public_host", "pubic_host")).unwrap();
    let (_, said) = server(&["check"], &other);
    assert!(said.contains("pubic_host") && said.contains("public_host"), "{said}");
    std::fs::write(other.config(), &settings).unwrap();
    let key = other.directory().join("etc/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = server(&["check"], &other);
    assert!(said.contains("master.key") && said.contains("chmod 600"), "{said}");
    std::fs::copy(installation.directory().join("etc/master.key"), &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (_, said) = server(&["check"], &other);
    assert!(said.contains("wrong installation key") && said.contains("expected"), "{said}");
    std::fs::remove_file(&key).unwrap();
    let (_, said) = server(&["check"], &other);
    assert!(said.contains("master.key") && !said.contains("panicked"), "{said}");
}

/// A disk that is full when an installation is made: what could not be written is named.
#[test]
fn a_full_disk_is_named() {
    let directory = mayfly_testbed::scratch::directory("full").unwrap();
    let script = "mount -t tmpfs -o size=96k none \"$1\" && exec \"$0\" server init --https 127.0.0.1:0 --postgres 127.0.0.1:0 \
                  --mysql 127.0.0.1:0 --mariadb 127.0.0.1:0 --mssql 127.0.0.1:0 \
                  --ssh 127.0.0.1:0 --recovery-key-file \"$1/recovery\" --directory \"$1/m\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(binary().unwrap())
        .arg(&directory)
        .output()
        .unwrap();
    let said = words(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("full") || said.contains("No space left on device"), "{said}");
    assert!(said.contains(directory.to_str().unwrap()), "and where: {said}");
    std::fs::remove_dir_all(&directory).unwrap();
}
