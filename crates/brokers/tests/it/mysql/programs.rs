//! Real clients, run as programs.

use std::process::Stdio;

use mayfly_testbed::mysql::{Flavour, skip, tool};
use tokio::process::Command;

use super::gateway::Gateway;
use crate::door::{SECRET, USER};

pub(super) use crate::programs::{complaint, end, output, printed, texts};

/// The families of clients that can be had here.
pub(super) fn families() -> Vec<Flavour> {
    Flavour::ALL.into_iter().filter(|flavour| skip::can_run(*flavour)).collect()
}

/// A program of a family, such as `mysql`, that connects to the broker as [`USER`]; it dies with its handle.
pub(super) fn program(gateway: &Gateway, family: Flavour, name: &str) -> Command {
    program_as(gateway, family, name, USER, SECRET)
}

/// The same as somebody else.
pub(super) fn program_as(gateway: &Gateway, family: Flavour, name: &str, user: &str, secret: &str) -> Command {
    let mut command = Command::from(tool(family, name).unwrap());
    command.arg("--no-defaults").args(["--protocol=tcp", "--host=localhost"]);
    command.arg(format!("--port={}", gateway.port)).arg(format!("--user={user}"));
    command.arg(format!("--ssl-ca={}", gateway.ca_path().display()));
    command.arg(match family {
        Flavour::MariaDb => "--ssl-verify-server-cert",
        Flavour::MySql => "--ssl-mode=VERIFY_IDENTITY",
    });
    command.env("MYSQL_PWD", secret).env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// The command line client, for scripts.
pub(super) fn client(gateway: &Gateway, family: Flavour, args: &[&str]) -> Command {
    client_as(gateway, family, USER, SECRET, args)
}

/// The same as somebody else.
pub(super) fn client_as(gateway: &Gateway, family: Flavour, user: &str, secret: &str, args: &[&str]) -> Command {
    let name = match family {
        Flavour::MariaDb => "mariadb",
        Flavour::MySql => "mysql",
    };
    let mut command = program_as(gateway, family, name, user, secret);
    command.args(["--batch", "--skip-column-names", "--default-character-set=utf8mb4"]).args(args);
    command
}
