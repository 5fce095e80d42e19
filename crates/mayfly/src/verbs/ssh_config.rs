//! `ssh-config`: a piece of ssh_config(5) with which plain `ssh web01.gw` leads through the server, for ssh itself and for all
//! that is built upon it.

use super::kept::keep;
use super::{Context, sign_in, ssh};
use crate::args::SshConfig;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_wire::connect::Broker;
use serde::Serialize;

/// What is printed for programs.
#[derive(Serialize)]
struct Printed {
    /// The piece.
    config: String,
    /// The names that ssh then knows.
    hosts: Vec<String>,
    /// The file in which it is kept, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Prints the piece for the machines that are named.
///
/// # Errors
/// When the server cannot be asked or does not listen for SSH, and when a file cannot be written.
pub(super) async fn run(context: &Context, options: SshConfig) -> Result<Exit, Failure> {
    let broker = ssh::broker(context).await?;
    let person = sign_in::who(context, &options.person)?;
    let suffix = options.suffix.unwrap_or_else(|| suffix_of(&broker.host));
    let config = config(&broker, &person, &options.names, &suffix)?;
    let hosts: Vec<String> = options.names.iter().map(|name| format!("{name}.{suffix}")).collect();
    let file = if options.install { Some(keep(&broker.host, broker.port, "ssh_config", &config)?) } else { None };
    let printed = Printed { config, hosts, file };
    context.output.one(&printed, &printed.hosts.join("\n"), || match &printed.file {
        None => printed.config.lines().map(|line| escape::line(line) + "\n").collect(),
        Some(file) => format!("Include {}\n", escape::line(&ssh::file_of_option(file))),
    })?;
    if printed.file.is_some() {
        context.output.remark("put that line at the top of ~/.ssh/config, once: it has to stand before every Host");
    }
    Ok(Exit::Done)
}

/// The first part of a server's name, if it can stand behind a record's.
fn suffix_of(host: &str) -> String {
    let first = host.split('.').next().unwrap_or_default();
    let plain = first.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if plain && first.bytes().any(|byte| byte.is_ascii_lowercase()) { first.to_owned() } else { "mayfly".to_owned() }
}

fn config(broker: &Broker, person: &str, names: &[String], suffix: &str) -> Result<String, Failure> {
    let mut text = format!("# Machines by way of {}, made by `mayfly ssh-config`.\n", broker.host);
    for name in names {
        text.push_str(&format!("Host {name}.{suffix}\n    User {person}~{name}\n"));
    }
    let hosts: Vec<String> = names.iter().map(|name| format!("{name}.{suffix}")).collect();
    text.push_str(&format!("Host {}\n    HostName {}\n    Port {}\n", hosts.join(" "), broker.host, broker.port));
    for option in ssh::trust(broker)? {
        let (name, value) = option.split_once('=').unwrap_or((&option, ""));
        text.push_str(&format!("    {name} {value}\n"));
    }
    text.push_str("    PreferredAuthentications publickey,keyboard-interactive\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_is_a_word_that_no_address_is() {
        assert_eq!(suffix_of("gw.example.com"), "gw");
        assert_eq!(suffix_of("localhost"), "localhost");
        for address in ["192.0.2.1", "::1", "10", "*.x"] {
            assert_eq!(suffix_of(address), "mayfly", "{address}");
        }
    }
}
