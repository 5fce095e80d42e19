//! OpenSSH's clients, run as programs.

use std::{path::PathBuf, process::Stdio};

use tokio::process::Command;

use crate::door::USER;

use super::gateway::Gateway;

impl Gateway {
    /// A path in the folder of the test.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that types the secret when it is asked and dies with its handle.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", self.folder.path());
        command.env("SSH_ASKPASS", self.file("secret")).env("SSH_ASKPASS_REQUIRE", "force");
        command.current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// The options of every client.
    pub(crate) fn options(&self) -> Vec<String> {
        let known = format!("UserKnownHostsFile={}", self.file("known_hosts").display());
        let options = ["StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", "NumberOfPasswordPrompts=1", &known];
        let mut list = vec!["-F".to_owned(), "none".to_owned()];
        for option in options {
            list.extend(["-o".to_owned(), option.to_owned()]);
        }
        list
    }

    /// `ssh` with these arguments in front of the destination, and a command behind it.
    pub(crate) fn ssh_as(&self, user: &str, options: &[&str], command: &[&str]) -> Command {
        let mut ssh = self.program("ssh");
        ssh.args(self.options()).args(options).args(["-p", &self.port.to_string()]);
        ssh.arg(format!("{user}@{}", self.address)).args(command);
        ssh
    }

    /// `ssh` to the record of the test.
    pub(crate) fn ssh(&self, options: &[&str], command: &[&str]) -> Command {
        self.ssh_as(USER, options, command)
    }

    /// `scp` or `sftp`, whose option for the port is another one.
    pub(crate) fn copy(&self, program: &str, args: &[&str]) -> Command {
        let mut copy = self.program(program);
        copy.args(self.options()).args(["-P", &self.port.to_string()]).args(args);
        copy
    }

    /// A path on the record, as `scp` has it.
    pub(crate) fn remote(&self, path: &str) -> String {
        format!("{USER}@{}:{path}", self.address)
    }
}
