//! `ssh`, `sftp`, `scp` and `rsync`: the real ones. Where they go and whom they believe there stands in options before those of
//! the person, and of OpenSSH's options the first one counts (ssh_config(5)); so neither an argument nor a settings file
//! leads the secret elsewhere. The secret itself is given to ssh when it asks ([`crate::askpass`]).

use super::kept::keep;
use super::{Context, program, sign_in};
use crate::args::{Copy, Sftp, Ssh, Who};
use crate::askpass::Askpass;
use crate::failure::Failure;
use mayfly_wire::connect::{Broker, BrokersAnswer};
use mayfly_wire::paths;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What installs OpenSSH's clients.
pub(super) const OPENSSH: &[&str] =
    &["apt install openssh-client    (Debian, Ubuntu)", "dnf install openssh-clients   (Fedora, Red Hat)"];
/// What installs rsync.
pub(super) const RSYNC: &[&str] = &["apt install rsync   (Debian, Ubuntu)", "dnf install rsync   (Fedora, Red Hat)"];

/// Signs in, runs ssh, and returns its exit code.
///
/// # Errors
/// When there is no ssh, the sign-in is refused, or it cannot be run.
pub(super) async fn ssh(context: &Context, options: Ssh) -> Result<u8, Failure> {
    let ssh = find("ssh")?;
    let way = Way::new(context, &options.who, &options.name).await?;
    let mut arguments = way.options.clone();
    arguments.push(options.name.into());
    arguments.extend(options.arguments);
    way.run("ssh", ssh, arguments).await
}

/// Signs in, runs sftp, and returns its exit code.
///
/// # Errors
/// As [`ssh`].
pub(super) async fn sftp(context: &Context, options: Sftp) -> Result<u8, Failure> {
    let sftp = find("sftp")?;
    let record = options.place.split(':').next().unwrap_or_default();
    let way = Way::new(context, &options.who, record).await?;
    let mut arguments = way.options.clone();
    arguments.extend(options.arguments);
    arguments.push(options.place.into());
    way.run("sftp", sftp, arguments).await
}

/// Signs in, runs scp, and returns its exit code.
///
/// # Errors
/// As [`ssh`], and when the arguments name no machine or several.
pub(super) async fn scp(context: &Context, options: Copy) -> Result<u8, Failure> {
    let scp = find("scp")?;
    let record = the_one_record(&options.arguments)?;
    let way = Way::new(context, &options.who, &record).await?;
    let mut arguments = way.options.clone();
    arguments.extend(options.arguments);
    way.run("scp", scp, arguments).await
}

/// Signs in, runs rsync, and returns its exit code.
///
/// # Errors
/// As [`scp`].
pub(super) async fn rsync(context: &Context, options: Copy) -> Result<u8, Failure> {
    let rsync = program::find("rsync", "`mayfly connect`", RSYNC)?;
    let ssh = find("ssh")?;
    let record = the_one_record(&options.arguments)?;
    let way = Way::new(context, &options.who, &record).await?;
    let shell = remote_shell(&ssh, &way.options);
    way.run("rsync", rsync, with_shell(options.arguments, shell)).await
}

fn find(name: &str) -> Result<PathBuf, Failure> {
    program::find(name, "`mayfly connect`", OPENSSH)
}

/// How a client of OpenSSH gets to a record.
struct Way {
    /// The options that lead there.
    options: Vec<OsString>,
    /// Who answers when ssh asks for a secret; nobody where the person has a key.
    askpass: Option<Askpass>,
}

impl Way {
    async fn new(context: &Context, who: &Who, record: &str) -> Result<Self, Failure> {
        if who.own_key {
            let broker = broker(context).await?;
            let user = format!("{}~{record}", sign_in::who(context, &who.person)?);
            return Ok(Self { options: options(&broker, &user, true)?, askpass: None });
        }
        let answer = sign_in::connect_secret(context, &who.person, record, None).await?;
        let secret = Zeroizing::new(answer.secret);
        if answer.protocol != "ssh" {
            let text = format!("{record} is no machine: connect to it with `mayfly db {record}`");
            return Err(Failure::usage(text));
        }
        // What the session is; what would become of it without us is told by `show` and `connect`.
        if let Some(note) = answer.notes.first() {
            context.output.remark(note);
        }
        let (protocol, known_hosts) = (answer.protocol, answer.known_hosts);
        let broker = Broker { protocol, host: answer.host, port: answer.port, known_hosts };
        let askpass = Askpass::new(secret).map_err(|error| {
            let folder = std::env::temp_dir();
            let text = format!("cannot make ready to give ssh its secret, in {}: {error}", folder.display());
            Failure::unexpected(text).hint("TMPDIR=/tmp mayfly …")
        })?;
        Ok(Self { options: options(&broker, &answer.user, false)?, askpass: Some(askpass) })
    }

    async fn run(&self, name: &str, program: PathBuf, arguments: Vec<OsString>) -> Result<u8, Failure> {
        let mut command = program::command(program);
        command.args(arguments);
        let Some(askpass) = &self.askpass else { return program::run(name, command, std::future::pending()).await };
        command.env("SSH_ASKPASS", askpass.program()).env("SSH_ASKPASS_REQUIRE", "force");
        program::run(name, command, askpass.serve()).await
    }
}

/// Where the SSH broker is.
///
/// # Errors
/// When the server cannot be asked, or has none.
pub(super) async fn broker(context: &Context) -> Result<Broker, Failure> {
    let answer: BrokersAnswer = context.client.get(paths::BROKERS).await?;
    let found = answer.brokers.into_iter().find(|broker| broker.protocol == "ssh");
    found.ok_or_else(|| Failure::usage("this server does not listen for SSH: set `listen.ssh` and restart it"))
}

/// The options of OpenSSH's clients that lead to the broker as `user`, and to nobody else.
fn options(broker: &Broker, user: &str, own_key: bool) -> Result<Vec<OsString>, Failure> {
    let method: &[&str] = if own_key {
        &["PreferredAuthentications=publickey", "PubkeyAuthentication=yes"]
    } else {
        &[
            "PreferredAuthentications=keyboard-interactive,password",
            "KbdInteractiveAuthentication=yes",
            "PubkeyAuthentication=no",
            "NumberOfPasswordPrompts=1",
            "BatchMode=no",
        ]
    };
    let place = [format!("HostName={}", broker.host), format!("Port={}", broker.port), format!("User={user}")];
    let trust = trust(broker)?;
    let all = place.into_iter().chain(trust).chain(method.iter().map(|option| (*option).to_owned()));
    Ok(all.map(|option| OsString::from(format!("-o{option}"))).collect())
}

/// The options by which the broker is believed, and nobody else. What they need is kept in a file.
///
/// # Errors
/// When it cannot be kept.
pub(super) fn trust(broker: &Broker) -> Result<Vec<String>, Failure> {
    let line = broker.known_hosts.as_deref().unwrap_or_default();
    let file = keep(&broker.host, broker.port, "known_hosts", &format!("{line}\n"))?;
    Ok(vec![
        format!("UserKnownHostsFile={}", file_of_option(&file)),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        "UpdateHostKeys=no".to_owned(),
        "CanonicalizeHostname=no".to_owned(),
        "ProxyCommand=none".to_owned(),
    ])
}

/// A file as the value of an option of OpenSSH: in quotes, and without the tokens that a `%` begins (ssh_config(5), "TOKENS").
pub(super) fn file_of_option(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

/// The one record that stands before a colon in the arguments of a copy, as scp and rsync read them.
fn the_one_record(arguments: &[OsString]) -> Result<String, Failure> {
    let mut records: Vec<String> = arguments.iter().filter_map(|argument| record_of(argument)).collect();
    records.sort_unstable();
    records.dedup();
    match records.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::usage("no argument names a machine: write RECORD:PATH, such as web01:/etc/hosts")),
        several => Err(Failure::usage(format!(
            "a copy has one machine, and these are {}: copy by way of this machine",
            several.join(" and ")
        ))),
    }
}

fn record_of(argument: &OsStr) -> Option<String> {
    let (before, after) = argument.to_str()?.split_once(':')?;
    let named = before.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
    let letters =
        before.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    (named && letters && !after.starts_with(':')).then(|| before.to_owned())
}

/// The value of rsync's `--rsh`: words in single quotes, in which two of them are one (rsync(1)).
fn remote_shell(ssh: &std::path::Path, options: &[OsString]) -> OsString {
    let mut text = OsString::new();
    for word in std::iter::once(ssh.as_os_str()).chain(options.iter().map(OsString::as_os_str)) {
        text.push(if text.is_empty() { "'" } else { " '" });
        text.push(word.to_string_lossy().replace('\'', "''"));
        text.push("'");
    }
    text
}

/// Arguments of rsync with ours as the last `-e` of them, which is the one that counts (`rsync -ave ssh …` is a habit of many).
fn with_shell(mut arguments: Vec<OsString>, shell: OsString) -> Vec<OsString> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.splice(end..end, [OsString::from("-e"), shell]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_copy_names_one_record() {
        assert_eq!(the_one_record(&words("-r -P 22 web01:/var/log ./a:b .")).unwrap(), "web01");
        assert_eq!(the_one_record(&words("web01:a web01:b .")).unwrap(), "web01");
        for bad in ["-r a b", "web01:a web02:b", "alice@web01:a .", "web01::module ."] {
            assert!(the_one_record(&words(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn ours_is_the_shell_that_rsync_uses() {
        let ours = || OsString::from("S");
        assert_eq!(with_shell(words("-ave ssh web01:a b"), ours()), words("-ave ssh web01:a b -e S"));
        assert_eq!(with_shell(words("-a -- web01:a b"), ours()), words("-a -e S -- web01:a b"));
        let shell = remote_shell(std::path::Path::new("/usr/bin/ssh"), &["-oA=\"/it's\"".into()]);
        assert_eq!(shell, "'/usr/bin/ssh' '-oA=\"/it''s\"'");
    }

    #[test]
    fn a_file_is_one_word_of_an_option() {
        assert_eq!(file_of_option(r#"/a b/100%/"q""#), r#""/a b/100%%/\"q\"""#);
    }
}
