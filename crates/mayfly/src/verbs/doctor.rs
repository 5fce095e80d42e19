//! `doctor`: what could keep somebody on this machine from connecting, looked at one by one, each with what to do about it.

use super::{Context, kept, program, ssh};
use crate::client::Way;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Output, Table};
use jiff::{SignedDuration, Timestamp};
use mayfly_wire::connect::{Broker, BrokersAnswer};
use mayfly_wire::paths;
use mayfly_wire::status::Status;
use serde::Serialize;
use std::path::PathBuf;

/// How far the clocks may be apart: certificates and ends of sign-ins are judged by them.
const SKEW_MOST: SignedDuration = SignedDuration::from_secs(30);

/// The first OpenSSH that asks a program for a secret when it is told to.
const SSH_LEAST: (u32, u32) = (8, 4);

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Failed,
    /// Not there, which is no harm to whoever does not use it.
    Missing,
}

/// What was looked at.
#[derive(Debug, Serialize)]
struct Look {
    /// What it is.
    what: &'static str,
    /// How it was found.
    state: State,
    /// What was found.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<String>,
}

impl Look {
    fn new(what: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self { what, state, detail: detail.into(), next: Vec::new() }
    }

    fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }

    /// What a failure says.
    fn failed(what: &'static str, failure: &Failure) -> Self {
        let look = Self::new(what, State::Failed, failure.detail().replace('\n', "; "));
        failure.next().iter().fold(look, |look, command| look.next(command))
    }
}

/// Looks at everything from this machine's side. [`Exit::Pending`] when something is not as it should be.
///
/// # Errors
/// When the result cannot be printed.
pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let mut looks = of_server(context).await;
    if let Ok(answer) = context.client.get::<BrokersAnswer>(paths::BROKERS).await {
        for broker in &answer.brokers {
            looks.extend(of_broker(context, broker).await);
        }
    }
    match context.output.format {
        Format::Table => context.output.write(&text(&context.output, &looks))?,
        _ => context.output.list(&looks, |look| look.what.to_owned(), table)?,
    }
    let failed = looks.iter().any(|look| look.state == State::Failed);
    Ok(if failed { Exit::Pending } else { Exit::Done })
}

fn text(output: &Output, looks: &[Look]) -> String {
    let mut text = String::new();
    for Look { what, state, detail, next } in looks {
        let mark = match state {
            State::Ok => output.paint(32, "ok     "),
            State::Failed => output.paint(31, "FAILED "),
            State::Missing => "missing".to_owned(),
        };
        text.push_str(&format!("{mark}  {what}: {}\n", escape::line(detail)));
        text.extend(next.iter().map(|command| format!("           try: {}\n", escape::line(command))));
    }
    text
}

fn table(looks: &[Look]) -> Table {
    let mut table = Table::new(&["WHAT", "STATE", "DETAIL", "NEXT"]);
    for look in looks {
        let state = format!("{:?}", look.state).to_lowercase();
        table.row(&[look.what, &state, &look.detail, &look.next.join("; ")]);
    }
    table
}

/// The server itself: whether it is reached and believed, its clock, who we are to it, and whether it is well. What rests upon what
/// failed is left out.
async fn of_server(context: &Context) -> Vec<Look> {
    let way = context.client.way();
    let mut looks = Vec::new();
    if let Way::Https(_) = way {
        if let Err(failure) = context.client.reaches().await {
            return vec![Look::failed("server", &failure)];
        }
        looks.push(Look::new("server", State::Ok, format!("{way} is reached")));
    }
    let answered = context.client.dated::<Status>(paths::STATUS).await;
    let (status, date) = match answered {
        Ok(answered) => answered,
        Err(failure) => {
            looks.push(Look::failed("answer", &failure));
            return looks;
        }
    };
    let believed = if matches!(way, Way::Https(_)) { ", with a certificate that is believed" } else { "" };
    looks.push(Look::new("answer", State::Ok, format!("{way} answers{believed}")));
    looks.extend(date.as_deref().and_then(clock));
    looks.push(identity(way, &status));
    looks.push(version(&status.version));
    looks.push(match status.ready {
        true => Look::new("health", State::Ok, "the server is ready"),
        false => {
            let why = format!("the server is not ready: {}", status.unready.join("; "));
            Look::new("health", State::Failed, why).next("mayfly status")
        }
    });
    looks
}

/// How far this machine's clock is from the server's, which is known to the second.
#[expect(clippy::disallowed_methods, reason = "this machine's clock is held against the server's")]
fn clock(date: &str) -> Option<Look> {
    let server = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(skew(Timestamp::now().duration_since(server)))
}

fn skew(ahead: SignedDuration) -> Look {
    let seconds = ahead.abs().as_secs();
    if ahead.abs() <= SKEW_MOST {
        return Look::new("clock", State::Ok, format!("this machine's clock is {seconds} s from the server's"));
    }
    let where_to = if ahead.is_positive() { "ahead of" } else { "behind" };
    let detail = format!("this machine's clock is {seconds} s {where_to} the server's: one of them is wrong");
    Look::new("clock", State::Failed, detail).next("timedatectl set-ntp true")
}

fn identity(way: &Way, status: &Status) -> Look {
    let is = |text: String| Look::new("sign-in", State::Ok, text);
    match (&status.person, &status.signed_in_until, way.person(), way.sign_in_with()) {
        (Some(person), Some(until), ..) => is(format!("{person} is signed in until {until}")),
        (_, _, Some(person), Some(command)) => {
            Look::new("sign-in", State::Failed, format!("the sign-in of {person} has ended or is void")).next(command)
        }
        _ if status.administrator => is("you may administer".to_owned()),
        (.., None) => is("you may not administer with this token, or as this user".to_owned()),
        (.., Some(command)) => Look::new("sign-in", State::Missing, "nobody has signed in").next(command),
    }
}

fn version(server: &str) -> Look {
    let own = env!("CARGO_PKG_VERSION");
    match own == server {
        true => Look::new("version", State::Ok, format!("{own}, as the server")),
        false => Look::new("version", State::Failed, format!("{own} here, {server} at the server: use the same one")),
    }
}

/// A protocol: whether its port is reached, and what its clients need.
async fn of_broker(context: &Context, broker: &Broker) -> Vec<Look> {
    let Broker { protocol, host, port, .. } = broker;
    let what = match protocol.as_str() {
        "ssh" => "ssh port",
        "mysql" => "mysql port",
        "mariadb" => "mariadb port",
        "mssql" => "mssql port",
        _ => "postgresql port",
    };
    let mut looks = vec![match context.client.reaches_at(host, *port).await {
        Ok(()) => Look::new(what, State::Ok, format!("{host}:{port} is reached")),
        Err(error) => {
            let text =
                format!("{host}:{port} is not reached ({error}): is there a firewall between, or another name here?");
            Look::new(what, State::Failed, text)
        }
    }];
    match protocol.as_str() {
        "ssh" => {
            looks.push(known(broker));
            looks.extend(ssh_clients().await);
        }
        "mysql" => looks.push(installed("mysql", super::mysql::PACKAGES)),
        "mariadb" => looks.push(installed("mariadb", super::mysql::PACKAGES)),
        // Clients of SQL Server are of many kinds, and none of them comes with a system.
        "mssql" => {}
        _ => looks.push(installed("psql", super::postgres::PACKAGES)),
    }
    looks
}

/// Whether what SSH clients believe the server by is kept here.
fn known(broker: &Broker) -> Look {
    let line = format!("{}\n", broker.known_hosts.as_deref().unwrap_or_default());
    let file = kept::file(&broker.host, broker.port, "known_hosts");
    let Some(file) = file else {
        return Look::new("host key", State::Missing, "there is no home folder to keep it in");
    };
    let shown = file.display();
    match std::fs::read_to_string(&file) {
        Ok(kept) if kept == line => Look::new("host key", State::Ok, format!("the server's authority is in {shown}")),
        Ok(_) => {
            let text = format!(
                "{shown} names another authority than the server does now: it is written anew by the next verb"
            );
            Look::new("host key", State::Failed, text).next("mayfly ssh NAME")
        }
        Err(_) => {
            Look::new("host key", State::Missing, format!("not kept yet: the first `mayfly ssh` keeps it in {shown}"))
        }
    }
}

fn installed(name: &'static str, packages: &[&str]) -> Look {
    match program::find(name, "`mayfly connect`", packages) {
        Ok(path) => Look::new(name, State::Ok, path.display().to_string()),
        Err(_) => {
            packages.iter().fold(Look::new(name, State::Missing, "not in PATH"), |look, package| look.next(*package))
        }
    }
}

async fn ssh_clients() -> Vec<Look> {
    let mut looks = vec![match program::find("ssh", "`mayfly connect`", ssh::OPENSSH) {
        Ok(path) => of_ssh(path).await,
        Err(_) => installed("ssh", ssh::OPENSSH),
    }];
    looks.extend([installed("sftp", ssh::OPENSSH), installed("scp", ssh::OPENSSH), installed("rsync", ssh::RSYNC)]);
    looks
}

async fn of_ssh(path: PathBuf) -> Look {
    let said = program::command(path.clone()).arg("-V").output().await;
    let said = said.map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned()).unwrap_or_default();
    let detail = format!("{} ({said})", path.display());
    match openssh(&said) {
        Some(found) if found < SSH_LEAST => {
            Look::new("ssh", State::Failed, format!("{detail}: `mayfly ssh` needs OpenSSH 8.4, or --own-key"))
        }
        _ => Look::new("ssh", State::Ok, detail),
    }
}

/// The version in what `ssh -V` says, such as `OpenSSH_9.2p1 Debian-2, OpenSSL 3.0.11`.
fn openssh(said: &str) -> Option<(u32, u32)> {
    let rest = said.strip_prefix("OpenSSH_")?;
    let (major, rest) = rest.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_are_apart_are_told_which_way() {
        assert_eq!(skew(SignedDuration::from_secs(-30)).state, State::Ok);
        let ahead = skew(SignedDuration::from_secs(31));
        assert!(ahead.state == State::Failed && ahead.detail.contains("31 s ahead of the server's"), "{ahead:?}");
        assert!(skew(SignedDuration::from_hours(-1)).detail.contains("3600 s behind the server's"));
        let read = jiff::fmt::rfc2822::parse("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().timestamp();
        assert_eq!(read.to_string(), "1994-11-06T08:49:37Z", "the form of RFC 9110 §5.6.7");
    }

    #[test]
    fn the_version_of_openssh_is_read() {
        assert_eq!(openssh("OpenSSH_9.2p1 Debian-2+deb12u2, OpenSSL 3.0.11"), Some((9, 2)));
        assert_eq!(openssh("OpenSSH_10.0p2"), Some((10, 0)));
        assert!(openssh("OpenSSH_8.2p1").unwrap() < SSH_LEAST);
        assert_eq!(openssh("Sun_SSH_1.1"), None);
    }
}
