//! The verbs with which people connect.

use super::values::{Duration, duration, id, name, place};
use crate::complete;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// `db`.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// The record to connect to
    #[arg(value_parser = name, add = complete::databases())]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) person: Person,
    /// Arguments for the client
    #[arg(last = true, value_name = "CLIENT ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
}

/// Who signs in, and how.
#[derive(Debug, Default, Args)]
pub(crate) struct Person {
    /// Who you are to Mayfly, if not whoever has signed in
    #[arg(long, env = "MAYFLY_PERSON", value_name = "NAME", value_parser = name, add = complete::people())]
    pub(crate) person: Option<String>,
    /// Read the sign-in password from this file instead of asking; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// `connect`.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The record to connect to
    #[arg(value_parser = name, add = complete::resources())]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) person: Person,
    /// For how long the secret is good, such as 30m or 2h; 8h if not given, which is also the most
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) valid: Option<Duration>,
    /// Print it for people, which is the default
    #[arg(long, conflicts_with = "json")]
    pub(crate) print: bool,
    /// Print it as JSON, like `-o json`
    #[arg(long)]
    pub(crate) json: bool,
    /// Run a program of the database's, such as pg_dump or mysqldump, with everything that it needs to connect, and print nothing
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["print", "json", "valid"])]
    pub(crate) exec: Option<String>,
    /// Arguments for the program
    #[arg(last = true, value_name = "PROGRAM ARGUMENTS", requires = "exec")]
    pub(crate) arguments: Vec<OsString>,
}

/// `ssh`.
#[derive(Debug, Args)]
pub(crate) struct Ssh {
    /// The record to connect to
    #[arg(value_parser = name, add = complete::machines())]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) who: Who,
    /// Options of ssh, and the command to run instead of a shell
    #[arg(last = true, value_name = "SSH ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
}

/// `sftp`.
#[derive(Debug, Args)]
pub(crate) struct Sftp {
    /// The record to connect to, and where to begin there
    #[arg(value_name = "NAME[:PATH]", value_parser = place, add = complete::places())]
    pub(crate) place: String,
    #[command(flatten)]
    pub(crate) who: Who,
    /// Options of sftp
    #[arg(last = true, value_name = "SFTP OPTIONS")]
    pub(crate) arguments: Vec<OsString>,
}

/// `scp` and `rsync`.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    #[command(flatten)]
    pub(crate) who: Who,
    /// Options and paths as the program itself takes them; options of mayfly come before
    #[arg(value_name = "ARGUMENTS", required = true, trailing_var_arg = true, allow_hyphen_values = true, add = complete::places())]
    pub(crate) arguments: Vec<OsString>,
}

/// Who connects over SSH, and how they sign in.
#[derive(Debug, Args)]
pub(crate) struct Who {
    #[command(flatten)]
    pub(crate) person: Person,
    /// Sign in with a key of yours, as ssh finds it, instead of with the sign-in password
    #[arg(long, env = "MAYFLY_OWN_KEY", value_parser = clap::builder::FalseyValueParser::new(), conflicts_with = "password_file")]
    pub(crate) own_key: bool,
}

/// `ssh-config`.
#[derive(Debug, Args)]
pub(crate) struct SshConfig {
    /// The machines
    #[arg(value_parser = name, add = complete::machines(), required = true)]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) person: Person,
    /// What is put behind the names; the first part of the server's name if not given
    #[arg(long, value_name = "SUFFIX", value_parser = name)]
    pub(crate) suffix: Option<String>,
    /// Keep it in a file of its own and print the line that ~/.ssh/config needs, which is left as it is
    #[arg(long)]
    pub(crate) install: bool,
}

/// `access`.
#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    /// List what you may open, and as what
    Ls {
        #[command(flatten)]
        person: Person,
    },
    /// End a session of yours: cut its connections and take its account away
    End {
        /// The session
        #[arg(value_parser = id)]
        id: String,
        /// Why, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}
