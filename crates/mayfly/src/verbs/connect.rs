//! `connect`: what a client of one's own needs. Every line that is printed verifies the server: the local authority's
//! certificate is kept in a file of the user's, because every client wants it as a file.

use super::kept::{RESERVED, keep};
use super::{Context, db, facts, mssql, mysql, sign_in};
use crate::args::Connect;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Format;
use mayfly_wire::connect::ConnectAnswer;
use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use std::collections::BTreeMap;

/// The server's answer, and what follows from it.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    answer: &'a ConnectAnswer,
    /// Where the authority's certificate was put.
    ca_file: String,
    /// A URI without the secret.
    uri: String,
    /// A command without the secret, which the client asks for, under the name of that client.
    #[serde(flatten)]
    command: BTreeMap<&'static str, String>,
}

/// Gets a connect secret and prints everything about it, or runs a program with it, whose exit code is ours then.
///
/// # Errors
/// When the sign-in is refused, the certificate cannot be kept, or the program cannot be run.
pub(super) async fn run(context: &Context, options: Connect) -> Result<u8, Failure> {
    match &options.exec {
        Some(name) => db::exec(context, name, &options).await,
        None => print(context, options).await.map(Exit::code),
    }
}

async fn print(context: &Context, options: Connect) -> Result<Exit, Failure> {
    let valid = options.valid.map(|duration| duration.seconds);
    let answer = sign_in::connect_secret(context, &options.person, &options.name, valid).await?;
    if let Some(known_hosts) = answer.known_hosts.clone() {
        return for_ssh(context, &options, &answer, &known_hosts);
    }
    let ca_file = keep_authority(&answer)?;
    if answer.protocol == "mssql" {
        return for_mssql(context, &options, &answer, ca_file);
    }
    let (uri, name, command) = match answer.protocol.as_str() {
        "mysql" | "mariadb" => {
            let name = if answer.protocol == "mariadb" { "mariadb" } else { "mysql" };
            (mysql::uri(&answer, &ca_file), name, shell_line(&mysql::words(&answer, &ca_file)))
        }
        _ => (uri(&answer, &ca_file), "psql", psql(&answer, &ca_file)),
    };
    let printed = Printed { uri, command: BTreeMap::from([(name, command)]), ca_file, answer: &answer };
    let mut output = context.output.clone();
    if options.json {
        output.format = Format::Json;
    }
    output.one(&printed, &answer.user, || text(&printed))?;
    Ok(Exit::Done)
}

/// Prints what a client of SQL Server needs. There is no one client whose command would do for all.
fn for_mssql(context: &Context, options: &Connect, answer: &ConnectAnswer, ca_file: String) -> Result<Exit, Failure> {
    let printed = Printed { uri: mssql::uri(answer, &ca_file), command: BTreeMap::new(), ca_file, answer };
    let mut output = context.output.clone();
    if options.json {
        output.format = Format::Json;
    }
    output.one(&printed, &answer.user, || text(&printed))?;
    Ok(Exit::Done)
}

/// The answer for an SSH client, and what follows from it.
#[derive(Serialize)]
struct PrintedSsh<'a> {
    #[serde(flatten)]
    answer: &'a ConnectAnswer,
    /// Where the line was put by which the client believes the server.
    known_hosts_file: String,
    /// A command without the secret, which ssh asks for.
    ssh: String,
}

/// Prints what an SSH client needs.
fn for_ssh(context: &Context, options: &Connect, answer: &ConnectAnswer, line: &str) -> Result<Exit, Failure> {
    let known_hosts_file = keep(&answer.host, answer.port, "known_hosts", &format!("{line}\n"))?;
    let ssh = ssh(answer, &known_hosts_file);
    let printed = PrintedSsh { answer, known_hosts_file, ssh };
    let mut output = context.output.clone();
    if options.json {
        output.format = Format::Json;
    }
    output.one(&printed, &answer.user, || {
        let port = answer.port.to_string();
        let mut text = facts(&[
            ("host", &answer.host),
            ("port", &port),
            ("user", &answer.user),
            ("password", &answer.secret),
            ("good until", &answer.expires_at),
            ("known hosts", &printed.known_hosts_file),
        ]);
        text.push_str(&format!("\n{}\n\n", escape::line(&printed.ssh)));
        text.extend(answer.notes.iter().map(|note| escape::line(note) + "\n"));
        text
    })?;
    Ok(Exit::Done)
}

/// A shell command that runs OpenSSH's client, which asks for the secret.
fn ssh(answer: &ConnectAnswer, known_hosts: &str) -> String {
    let file = shell_word(&format!("UserKnownHostsFile={}", known_hosts.replace(' ', "\\ ")));
    format!("ssh -p {} -o {file} {}", answer.port, shell_word(&format!("{}@{}", answer.user, answer.host)))
}

fn text(printed: &Printed<'_>) -> String {
    let answer = printed.answer;
    let port = answer.port.to_string();
    let mut text = facts(&[
        ("host", &answer.host),
        ("port", &port),
        ("user", &answer.user),
        ("password", &answer.secret),
        ("database", &answer.database),
        ("good until", &answer.expires_at),
        ("authority", &printed.ca_file),
        ("uri", &printed.uri),
    ]);
    for command in printed.command.values() {
        text.push_str(&format!("\n{}\n", escape::line(command)));
    }
    if !answer.notes.is_empty() {
        text.push('\n');
    }
    text.extend(answer.notes.iter().map(|note| escape::line(note) + "\n"));
    text
}

/// Keeps the authority's certificate in a file. Returns the path.
fn keep_authority(answer: &ConnectAnswer) -> Result<String, Failure> {
    keep(&answer.host, answer.port, "pem", &answer.ca_pem)
}

/// A connection URI (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>) without the secret.
fn uri(answer: &ConnectAnswer, ca_file: &str) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let host = if answer.host.contains(':') { format!("[{}]", answer.host) } else { escaped(&answer.host) };
    format!(
        "postgresql://{}@{host}:{}/{}?sslmode=verify-full&sslrootcert={}",
        escaped(&answer.user),
        answer.port,
        escaped(&answer.database),
        escaped(ca_file)
    )
}

/// A shell command that runs psql and lets it ask for the secret.
fn psql(answer: &ConnectAnswer, ca_file: &str) -> String {
    let port = answer.port.to_string();
    let pairs = [
        ("host", answer.host.as_str()),
        ("port", &port),
        ("user", &answer.user),
        ("dbname", &answer.database),
        ("sslmode", "verify-full"),
        ("sslrootcert", ca_file),
    ];
    let words: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", conninfo_value(value))).collect();
    format!("psql {}", shell_word(&words.join(" ")))
}

/// A value of a connection string, in quotes where it needs them
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE>).
fn conninfo_value(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%+@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Words as a line for a POSIX shell, each quoted where it has to be.
fn shell_line(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%+@=".contains(c);
    let word = |word: &String| if word.chars().all(plain) { word.clone() } else { shell_word(word) };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// One word for a POSIX shell (XCU §2.2.2): in double quotes where nothing in it is special there, else in single ones.
fn shell_word(text: &str) -> String {
    let special = |c: char| "\"\\$`!".contains(c) || c.is_control();
    if text.contains(special) { format!("'{}'", text.replace('\'', "'\\''")) } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(host: &str, database: &str) -> ConnectAnswer {
        ConnectAnswer {
            protocol: "postgresql".to_owned(),
            user: "alice~orders".to_owned(),
            secret: "s3cret".to_owned(),
            expires_at: "2026-01-01T08:00:00Z".to_owned(),
            host: host.to_owned(),
            port: 5432,
            database: database.to_owned(),
            ca_pem: String::new(),
            known_hosts: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_is_printed_verifies_the_server_and_holds_no_secret() {
        let answer = answer("gw.example.com", "orders");
        assert_eq!(
            psql(&answer, "/h/ca.pem"),
            "psql \"host=gw.example.com port=5432 user=alice~orders dbname=orders sslmode=verify-full sslrootcert=/h/ca.pem\""
        );
        assert_eq!(
            uri(&answer, "/h/ca.pem"),
            "postgresql://alice~orders@gw.example.com:5432/orders?sslmode=verify-full&sslrootcert=%2Fh%2Fca.pem"
        );
    }

    #[test]
    fn the_ssh_command_believes_one_authority_and_holds_no_secret() {
        let answer = ConnectAnswer { port: 2222, ..answer("gw.example.com", "") };
        assert_eq!(
            ssh(&answer, "/home/a b/known_hosts"),
            r#"ssh -p 2222 -o 'UserKnownHostsFile=/home/a\ b/known_hosts' "alice~orders@gw.example.com""#
        );
    }

    #[test]
    fn hostile_database_names_stay_values() {
        let answer = answer("::1", "a' host=evil \"$(id)`\\");
        assert!(uri(&answer, "/c").starts_with("postgresql://alice~orders@[::1]:5432/a%27%20host%3Devil%20%22"));
        assert_eq!(
            psql(&answer, "/c"),
            r#"psql 'host=::1 port=5432 user=alice~orders dbname='\''a\'\'' host=evil "$(id)`\\'\'' sslmode=verify-full sslrootcert=/c'"#
        );
    }

    proptest! {
        /// Read back by the rule of libpq: quoted values end at an unescaped quote, a backslash takes the next one as it is.
        #[test]
        fn a_connection_string_gives_its_values_back(value in "\\PC{0,20}") {
            let written = conninfo_value(&value);
            let read = match written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
                None => written.clone(),
                Some(inner) => {
                    let (mut read, mut chars) = (String::new(), inner.chars());
                    while let Some(c) = chars.next() {
                        prop_assert_ne!(c, '\'');
                        read.extend(if c == '\\' { chars.next() } else { Some(c) });
                    }
                    read
                }
            };
            prop_assert_eq!(read, value);
        }
    }
}
