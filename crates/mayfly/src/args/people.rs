//! The command lines of `user` and `sessions`: people, and what they have open or had.

use super::values::{id, name};
use crate::complete;
use clap::{Args, Subcommand};

/// `user`.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List people
    Ls {
        /// Only those that hold this text
        query: Option<String>,
    },
    /// Make a person; their sign-in password is asked for twice, or read from standard input
    Create {
        /// Who
        #[arg(value_parser = name)]
        name: String,
        /// A record that they may open; may be given several times
        #[arg(long, value_name = "RECORD", value_parser = name, add = complete::resources())]
        may_launch: Vec<String>,
    },
    /// Change a person as YAML in your editor ($VISUAL or $EDITOR)
    Edit {
        /// Who
        #[arg(value_parser = name, add = complete::people())]
        name: String,
    },
    /// Delete a person
    Delete {
        /// Who
        #[arg(value_parser = name, add = complete::people())]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Switch a person off: they open nothing any more, and what they have open is cut
    Disable {
        /// Who
        #[arg(value_parser = name, add = complete::people())]
        name: String,
        /// Why, for the person and the trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Switch a person on again
    Enable {
        /// Who
        #[arg(value_parser = name, add = complete::people())]
        name: String,
        /// Why, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Make the hash of a sign-in password, for the `password_hash` of a Person
    ///
    /// Asks twice at a terminal, otherwise reads one line of standard input. At least 15 characters.
    Passwd,
}

/// `sessions`.
#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List sessions that are not over, the newest first
    Ls(SessionsLs),
    /// Tell everything of one session: each step with its time, what it changed, what failed and who can set it right
    Explain {
        /// The session
        #[arg(value_parser = id)]
        id: String,
    },
    /// End a session: cut its connections and take its account away
    End {
        /// The session
        #[arg(value_parser = id)]
        id: String,
        /// Why, for the person and the trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// `sessions ls`.
#[derive(Debug, Args)]
pub(crate) struct SessionsLs {
    /// Also those that are over
    #[arg(long)]
    pub(crate) all: bool,
    /// Only those of this person
    #[arg(long, value_name = "NAME", value_parser = name, add = complete::people())]
    pub(crate) person: Option<String>,
    /// Only those of this record
    #[arg(long, value_name = "NAME", value_parser = name, add = complete::resources())]
    pub(crate) record: Option<String>,
    /// Only those that were not over before then, such as 2026-11-24T16:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only those that had begun by then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}
