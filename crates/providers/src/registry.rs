//! The providers of this build, by name. Adding one is its folder and one line here.

use crate::check::Check;
use crate::descriptor::Descriptor;
use crate::linux::Linux;
use crate::mysql::MySql;
use crate::postgres::Postgres;
use crate::services::Services;
use crate::sqlserver::SqlServer;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{Provider, Providers};
use std::sync::Arc;

/// A provider that this build has.
struct Entry {
    descriptor: &'static Descriptor,
    build: fn(&Services) -> Built,
    by_hand: fn(&ChangeRow) -> Result<String, Failure>,
}

/// A provider in its two roles.
struct Built {
    provider: Arc<dyn Provider>,
    check: Arc<dyn Check>,
}

/// The same thing in both roles.
fn both<P: Provider + Check>(provider: P) -> Built {
    let provider = Arc::new(provider);
    Built { provider: Arc::clone(&provider) as Arc<dyn Provider>, check: provider }
}

/// Every provider of this build.
const ALL: &[Entry] = &[
    Entry {
        descriptor: &crate::linux::DESCRIPTOR,
        build: |services| both(Linux::new(services.clone())),
        by_hand: crate::linux::by_hand,
    },
    Entry {
        descriptor: &crate::mysql::MARIADB,
        build: |services| both(MySql::for_mariadb(services.clone())),
        by_hand: crate::mysql::by_hand_on_mariadb,
    },
    Entry {
        descriptor: &crate::mysql::MYSQL,
        build: |services| both(MySql::new(services.clone())),
        by_hand: crate::mysql::by_hand_on_mysql,
    },
    Entry {
        descriptor: &crate::postgres::DESCRIPTOR,
        build: |services| both(Postgres::new(services.clone())),
        by_hand: crate::postgres::by_hand,
    },
    Entry {
        descriptor: &crate::sqlserver::DESCRIPTOR,
        build: |services| both(SqlServer::new(services.clone())),
        by_hand: crate::sqlserver::by_hand,
    },
];

/// The providers, built once for a server.
pub struct Registry {
    built: Vec<(&'static str, Built)>,
}

impl Registry {
    /// Builds every provider.
    pub fn new(services: &Services) -> Self {
        Self { built: ALL.iter().map(|entry| (entry.descriptor.name, (entry.build)(services))).collect() }
    }

    /// What checks records of the provider of that name.
    pub fn check(&self, name: &str) -> Option<Arc<dyn Check>> {
        self.find(name).map(|built| Arc::clone(&built.check))
    }

    fn find(&self, name: &str) -> Option<&Built> {
        self.built.iter().find(|(known, _)| *known == name).map(|(_, built)| built)
    }

    /// A shell script by which an administrator of the target undoes a change without us. It takes no key and no connection.
    ///
    /// # Errors
    /// When this build has no such provider, or cannot read what was written down of the change.
    pub fn by_hand(change: &ChangeRow) -> Result<String, Failure> {
        let entry = ALL.iter().find(|entry| entry.descriptor.name == change.provider);
        let none = || {
            let text = format!("this build has no provider `{}`: use the build that wrote this", change.provider);
            Failure::new(FailureClass::Bug, text)
        };
        (entry.ok_or_else(none)?.by_hand)(change)
    }

    /// What each provider says of itself.
    pub fn descriptors() -> impl Iterator<Item = &'static Descriptor> {
        ALL.iter().map(|entry| entry.descriptor)
    }

    /// What the provider of that name says of itself.
    pub fn descriptor(name: &str) -> Option<&'static Descriptor> {
        Self::descriptors().find(|descriptor| descriptor.name == name)
    }
}

impl Providers for Registry {
    fn provider(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.find(name).map(|built| Arc::clone(&built.provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::{
        AccountName, ChangeId, ChangeKind, ChangeState, CredentialRef, Destination, Endpoint, Payload, Place,
        RecordName, SessionId, TargetId, Trust, WallTime,
    };

    /// An account whose name tries everything, as the ledger would hold it.
    fn hostile(provider: &str, kind: &str, bytes: &[u8]) -> ChangeRow {
        let at = WallTime::from_micros(0);
        let credential = CredentialRef { record: RecordName::parse("admin").unwrap() };
        let endpoint = Endpoint { host: "db'$(touch pwned)".to_owned(), port: 5432 };
        ChangeRow {
            id: ChangeId::parse("chg_0000000000000000").unwrap(),
            session: SessionId::parse("ses_0000000000000000").unwrap(),
            provider: provider.to_owned(),
            kind: ChangeKind::Account,
            target: TargetId::new(provider, "1'`touch pwned`"),
            place: Place { destination: Destination { endpoint, trust: Trust::Plaintext }, credential },
            account: AccountName::existing(
                "a'$(touch pwned)\nMAYFLY_chg_0000000000000000\ntouch pwned\n\\! touch pwned",
            ),
            group: Some("g\ntouch pwned".to_owned()),
            payload: Payload { kind: kind.to_owned(), version: 1, bytes: bytes.to_vec() },
            state: ChangeState::Present,
            since: at,
            depends_on: Vec::new(),
            last_moment: at,
            confirmed: true,
            native_id: Some("70000".to_owned()),
            prior: false,
            held_since: at,
            exclusive: true,
            end_other_sessions: true,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        }
    }

    /// What is printed for people to run by hand is run with stand-ins for psql and for a host: nothing of a name is run.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test runs the shell that administrators have")]
    fn nothing_in_a_name_is_run_by_hand() {
        let folder = tempfile::tempdir().unwrap();
        let psql = folder.path().join("psql");
        std::fs::write(&psql, "#!/bin/sh\ncase $* in *datname*) echo orders ;; *) cat >> told ;; esac\n").unwrap();
        std::fs::set_permissions(&psql, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let run = |script: &str| {
            let mut shell = std::process::Command::new("sh");
            let shell = shell.args(["-c", script]).env("PATH", &path).current_dir(folder.path());
            shell.env_remove("PGHOST").env_remove("PGPORT").output().unwrap()
        };
        let account = hostile("postgresql", "postgresql.account", include_bytes!("postgres/golden/account-1.json"));
        let script = Registry::by_hand(&account).unwrap();
        let output = run(&script);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
        assert!(told.matches("DO LANGUAGE plpgsql").count() >= 4, "every part reaches psql: {told}");
        let mysql = include_bytes!("mysql/golden/account-1.json");
        for (provider, client) in [("mysql", "mysql"), ("mariadb", "mariadb")] {
            let account = hostile(provider, &format!("{provider}.account"), mysql);
            let client = folder.path().join(client);
            let answers = "#!/bin/sh\nprintf '%s\\n' \"$*\" >> heard\ncase $* in\n*GLOBAL.server_*) cat target ;;\n\
                           *COUNT*) if grep -q 'DROP USER' heard; then echo 0; else echo 1; fi ;;\nesac\n";
            std::fs::write(&client, answers).unwrap();
            std::fs::set_permissions(&client, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            std::fs::write(folder.path().join("target"), account.target.as_str()).unwrap();
            let script = Registry::by_hand(&account).unwrap();
            let output = run(&script);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let heard = std::fs::read_to_string(folder.path().join("heard")).unwrap();
            assert!(heard.contains("ACCOUNT LOCK") && heard.contains("DROP EVENT"), "{heard}");
            std::fs::remove_file(folder.path().join("heard")).unwrap();
        }
        let account = hostile("linux", "linux.account", include_bytes!("linux/golden/account-1.json"));
        let script = Registry::by_hand(&account).unwrap();
        // Up to the first check, which this machine does not pass whoever runs the test.
        let output = run(&script);
        assert!(!output.status.success());
        let calls = &script[script.find("# From here on").unwrap()..];
        let shown = run(&format!("run() {{ printf '%s|' \"$@\"; }}; seen() {{ run \"$@\"; }}\n{calls}"));
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains(&format!("|={}|", account.account)), "the value stays a value: {shown}");
        assert!(!folder.path().join("pwned").exists());
    }

    /// The same for SQL Server, whose client takes commands of its own at the beginning of lines, in texts too.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test runs the shell that administrators have")]
    fn nothing_in_a_name_is_run_by_sqlcmd() {
        let folder = tempfile::tempdir().unwrap();
        let sqlcmd = folder.path().join("sqlcmd");
        std::fs::write(&sqlcmd, "#!/bin/sh\ncat >> told\n").unwrap();
        std::fs::set_permissions(&sqlcmd, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut account = hostile("sqlserver", "sqlserver.account", include_bytes!("sqlserver/golden/account-1.json"));
        account.native_id = None;
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &Registry::by_hand(&account).unwrap()]).current_dir(folder.path()).env_remove("SQLCMDSERVER");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let output = shell.env("PATH", path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
        assert_eq!(told.matches("-- mayfly manual guard").count(), 4, "every part looks where it is: {told}");
        let ours = |line: &str| !line.starts_with("touch") && !line.starts_with('\\') && !line.starts_with("MAYFLY");
        assert!(told.lines().all(ours), "{told}");
        assert!(!folder.path().join("pwned").exists());
    }

    #[test]
    fn names_are_unique_and_found() {
        let names: Vec<_> = Registry::descriptors().map(|descriptor| descriptor.name).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert_eq!(Registry::descriptor(name).map(|found| found.name), Some(*name));
        }
        assert_eq!(Registry::descriptor("nothing"), None);
    }
}
