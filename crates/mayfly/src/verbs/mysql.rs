//! Running `mysql`, `mariadb` and other clients of theirs, and what is printed for them. They take options from files, and the secret
//! from the environment of that one process; two families differ in how they are told to verify the server.

use super::{db, kept::RESERVED, program};
use crate::failure::Failure;
use mayfly_wire::connect::ConnectAnswer;
use percent_encoding::utf8_percent_encode;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tokio::process::Command;

/// What installs them.
pub(super) const PACKAGES: &[&str] = &[
    "apt install mariadb-client   (Debian, Ubuntu)",
    "dnf install mysql            (Fedora, Red Hat)",
    "brew install mysql-client    (macOS)",
];

/// What the clients read from the environment and may go on reading: nothing of it says where to connect or whom to trust. Every
/// other variable that starts with `MYSQL`, `MARIADB` or `LIBMYSQL` is taken away
/// (<https://dev.mysql.com/doc/refman/8.4/en/environment-variables.html>).
const HARMLESS: &[&str] =
    &["MYSQL_HISTFILE", "MYSQL_HISTIGNORE", "MYSQL_PS1", "MARIADB_HISTFILE", "MARIADB_HISTIGNORE"];

/// How a family of clients is told to verify the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Mysql,
    Mariadb,
}

impl Family {
    /// The family of a program, as it says itself: on Debian `mysql` is MariaDB's.
    async fn of(program: &Path) -> Self {
        let said = program::command(program.to_owned()).arg("--version").output().await;
        let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        if said.contains("MariaDB") { Self::Mariadb } else { Self::Mysql }
    }

    const fn verifying(self) -> &'static str {
        match self {
            Self::Mysql => "ssl-mode=VERIFY_IDENTITY",
            Self::Mariadb => "ssl-verify-server-cert",
        }
    }
}

/// The options that lead a client to the server, in a file of theirs. The secret is not among them.
///
/// # Errors
/// When the file cannot be written.
pub(super) async fn options(
    program: &Path,
    answer: &ConnectAnswer,
    authority: &Path,
) -> Result<NamedTempFile, Failure> {
    db::temporary("mayfly-", ".cnf", &text(Family::of(program).await, answer, authority))
}

fn text(family: Family, answer: &ConnectAnswer, authority: &Path) -> String {
    format!(
        "[client]\nprotocol=tcp\nhost={}\nport={}\nuser={}\nssl-ca={}\n{}\n",
        quoted(&answer.host),
        answer.port,
        quoted(&answer.user),
        quoted(&authority.display().to_string()),
        family.verifying()
    )
}

/// A value of an option file (<https://dev.mysql.com/doc/refman/8.4/en/option-files.html>).
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A client that is to be run with this answer and the file of [`options`]. It reads no other option file, which could lead it
/// elsewhere.
pub(super) fn command(program: PathBuf, answer: &ConnectAnswer, options: &Path, arguments: Vec<OsString>) -> Command {
    let mut command = program::command(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let theirs = ["MYSQL", "MARIADB", "LIBMYSQL"].iter().any(|prefix| text.starts_with(prefix));
        if theirs && !HARMLESS.contains(&text.as_ref()) {
            command.env_remove(name);
        }
    }
    let mut file = OsString::from("--defaults-file=");
    file.push(options);
    // MySQL's clients read the file of stored log-ins besides, wherever they are told to look for others.
    command.env("MYSQL_TEST_LOGIN_FILE", "/dev/null").env("MYSQL_PWD", &answer.secret).arg(file).args(arguments);
    command
}

/// A connection URI without the secret: that of MySQL's Shell
/// (<https://dev.mysql.com/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html>), or with the words of MariaDB's
/// connectors (<https://mariadb.com/docs/connectors/mariadb-connector-j/about-mariadb-connector-j>).
pub(super) fn uri(answer: &ConnectAnswer, ca_file: &str) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let host = if answer.host.contains(':') { format!("[{}]", answer.host) } else { escaped(&answer.host) };
    let (scheme, verifying) = match answer.protocol.as_str() {
        "mariadb" => ("mariadb", "sslMode=verify-full&serverSslCert"),
        _ => ("mysql", "ssl-mode=VERIFY_IDENTITY&ssl-ca"),
    };
    let (user, database, ca) = (escaped(&answer.user), escaped(&answer.database), escaped(ca_file));
    format!("{scheme}://{user}@{host}:{}/{database}?{verifying}={ca}", answer.port)
}

/// The words of a command that runs the record's own client, which asks for the secret.
pub(super) fn words(answer: &ConnectAnswer, ca_file: &str) -> Vec<String> {
    let (program, family) = match answer.protocol.as_str() {
        "mariadb" => ("mariadb", Family::Mariadb),
        _ => ("mysql", Family::Mysql),
    };
    let mut words = vec![
        program.to_owned(),
        format!("--host={}", answer.host),
        format!("--port={}", answer.port),
        format!("--user={}", answer.user),
        format!("--ssl-ca={ca_file}"),
        format!("--{}", family.verifying()),
        "--password".to_owned(),
    ];
    if !answer.database.is_empty() {
        words.push(format!("--database={}", answer.database));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(protocol: &str) -> ConnectAnswer {
        ConnectAnswer {
            protocol: protocol.to_owned(),
            user: "alice~orders".to_owned(),
            secret: "s3cret".to_owned(),
            expires_at: String::new(),
            host: "gw.example.com".to_owned(),
            port: 7306,
            database: "shop".to_owned(),
            ca_pem: String::new(),
            known_hosts: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn each_family_verifies_in_its_own_words_and_nothing_holds_the_secret() {
        for (family, verifying) in
            [(Family::Mysql, "ssl-mode=VERIFY_IDENTITY\n"), (Family::Mariadb, "ssl-verify-server-cert\n")]
        {
            let text = text(family, &answer("mysql"), Path::new("/tmp/a \"b\\.pem"));
            assert!(text.contains("host=\"gw.example.com\"\nport=7306\nuser=\"alice~orders\"\n"), "{text}");
            assert!(text.ends_with(&format!("ssl-ca=\"/tmp/a \\\"b\\\\.pem\"\n{verifying}")), "{text}");
        }
        let mysql = answer("mysql");
        assert_eq!(
            uri(&mysql, "/h/ca.pem"),
            "mysql://alice~orders@gw.example.com:7306/shop?ssl-mode=VERIFY_IDENTITY&ssl-ca=%2Fh%2Fca.pem"
        );
        assert_eq!(
            words(&mysql, "/h/ca.pem").join(" "),
            "mysql --host=gw.example.com --port=7306 --user=alice~orders --ssl-ca=/h/ca.pem --ssl-mode=VERIFY_IDENTITY \
             --password --database=shop"
        );
        let mariadb = ConnectAnswer { database: String::new(), ..answer("mariadb") };
        assert_eq!(
            uri(&mariadb, "/h/ca.pem"),
            "mariadb://alice~orders@gw.example.com:7306/?sslMode=verify-full&serverSslCert=%2Fh%2Fca.pem"
        );
        let words = words(&mariadb, "/h/ca.pem");
        assert_eq!((words[0].as_str(), words[5].as_str()), ("mariadb", "--ssl-verify-server-cert"));
        assert_eq!(words.last().unwrap(), "--password");
    }
}
