//! The verbs with which an installation is managed: objects, secrets, records, lockdowns and tokens.

use super::values::{Duration, duration, id, label, lockdown, name, object};
use super::{Kind, Template};
use crate::complete;
use clap::{Args, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;

/// `apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) set: Set,
    /// Only when the objects are still at this revision, which `plan` shows
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<u64>,
}

/// The objects of `apply` and `plan`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Set {
    /// A YAML file, a folder of them, or `-` for standard input; may be given several times
    #[arg(short, long, value_name = "FILE", group = "what")]
    pub(crate) file: Vec<PathBuf>,
    /// An object to delete, such as Database/orders; may be given several times
    #[arg(long, value_name = "KIND/NAME", group = "what", num_args = 1.., value_parser = object, add = complete::objects())]
    pub(crate) delete: Vec<String>,
    /// Delete whatever has the labels of --selector and is not in the files
    #[arg(long, requires = "selector", requires = "file")]
    pub(crate) prune: bool,
    /// Labels that all objects of the files have, such as set=prod; may be given several times
    #[arg(short = 'l', long, value_name = "KEY=VALUE", value_parser = label, requires = "prune")]
    pub(crate) selector: Vec<(String, String)>,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Only objects of this kind
    #[arg(short, long, ignore_case = true)]
    pub(crate) kind: Option<Kind>,
}

/// `secret`.
#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Set the secret of a user record: asks for it, or reads it from a file
    Set {
        /// The user record
        #[arg(value_parser = name, add = complete::users())]
        name: String,
        /// Read the secret from this file; `-` is standard input
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Keep the stored secret for where its record leads now, instead of typing it again
    ///
    /// A secret is sent only to the host, port and trust, and for the record, for which it was set. After these were changed this
    /// shows both and asks. Needs root or the server's user at the local socket, or a token with the scope credential.rebind.
    Rebind {
        /// The user record
        #[arg(value_parser = name, add = complete::users())]
        name: String,
        /// What it is to be sent for, exactly as this shows it, instead of asking
        #[arg(long, value_name = "DESTINATION")]
        to: Option<String>,
    },
}

/// `record`.
#[derive(Debug, Subcommand)]
pub(crate) enum Record {
    /// List databases, machines, directories and credentials
    Ls {
        /// Only those that hold this text
        query: Option<String>,
    },
    /// Show a record, as `mayfly show` does for administrators
    Show {
        /// The record
        #[arg(value_parser = name, add = complete::resources())]
        name: String,
    },
    /// Write a new record and its administrative credential in your editor ($VISUAL or $EDITOR), from a template
    ///
    /// What cannot be applied is kept in a file. The secret of the credential is set afterwards, by `mayfly secret set`.
    Create {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
        /// What it is
        #[arg(short, long, ignore_case = true)]
        kind: Template,
    },
    /// Change a record as YAML in your editor ($VISUAL or $EDITOR)
    ///
    /// Nothing is overwritten that somebody else changed meanwhile. What cannot be applied is kept in a file.
    Edit {
        /// The record
        #[arg(value_parser = name, add = complete::records())]
        name: String,
    },
    /// Delete a record; refused while something refers to it
    Delete {
        /// The record
        #[arg(value_parser = name, add = complete::records())]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Check a record against its target; prints the statements that set it right
    ///
    /// Changes nothing on the target, unless it is to be exercised. Exit code 12 when something is missing or in excess, or went wrong.
    Check {
        /// The record
        #[arg(value_parser = name, add = complete::resources())]
        name: String,
        /// Try it out instead: launch a session, log in, read something, end it, and see that nothing is left
        ///
        /// Each step is shown with its time. What is printed names neither a secret nor a host.
        #[arg(long, conflicts_with = "from")]
        exercise: bool,
        /// Another address of the server's machine, from which a session's account must not get in
        #[arg(long, value_name = "ADDRESS")]
        from: Option<IpAddr>,
    },
    /// Print what limits Mayfly's administrative log-in on a host to a helper: a shell script, to be run there as root
    ///
    /// `mayfly record install-helpers web01 | ssh HOST sudo sh`. The helper takes only what the records need that lead to the
    /// host; it is installed again when they change.
    InstallHelpers {
        /// The record
        #[arg(value_parser = name, add = complete::resources())]
        name: String,
        /// The address from which the host sees the server come, where the server cannot find out
        #[arg(long, value_name = "ADDRESS")]
        from: Option<IpAddr>,
    },
    /// Say which server is the one behind a record, after it was replaced on purpose
    ///
    /// The first server that answers is taken as it is; sessions are opened on no other. This shows who answers now and asks
    /// before it is taken instead.
    Pin {
        /// The record
        #[arg(value_parser = name, add = complete::resources())]
        name: String,
        /// The identity that must answer, instead of asking
        #[arg(long, value_name = "IDENTITY")]
        identity: Option<String>,
    },
}

/// `lockdown`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = clap::ArgGroup::new("whom").required(true))]
pub(crate) struct Lockdown {
    /// Everybody
    #[arg(long, group = "whom")]
    pub(crate) all: bool,
    /// One person, whatever they open
    #[arg(long, group = "whom", value_name = "NAME", value_parser = name, add = complete::people())]
    pub(crate) user: Option<String>,
    /// One record, whoever opens it
    #[arg(long, group = "whom", value_name = "NAME", value_parser = name, add = complete::resources())]
    pub(crate) record: Option<String>,
    /// Why, for those who are cut and for the trail
    #[arg(long, value_name = "TEXT", required = true)]
    pub(crate) reason: Option<String>,
    #[command(subcommand)]
    pub(crate) verb: Option<LockdownVerb>,
}

/// What else can be done with lockdowns.
#[derive(Debug, Subcommand)]
pub(crate) enum LockdownVerb {
    /// List the lockdowns that hold
    Ls,
    /// Lift a lockdown
    Lift {
        /// Which: `all`, `person:NAME` or `record:NAME`
        #[arg(value_parser = lockdown)]
        lockdown: String,
    },
}

/// `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it, once
    ///
    /// Over the local socket only. What it may do is named scope by scope: read (objects, sessions, cleanup), audit (the trail),
    /// objects, secrets, credential.rebind, records (check and pin), sessions (end them), cleanup (retry).
    Create {
        /// What it is called
        #[arg(value_parser = name)]
        name: String,
        /// What it may be used for; may be given several times
        #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',')]
        scope: Vec<String>,
        /// For how long, such as 12h or 90days, at most 366 days
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
        valid: Duration,
    },
    /// List tokens, also those that have expired
    Ls,
    /// Take a token back
    Revoke {
        /// The token
        #[arg(value_parser = id)]
        id: String,
    },
}

/// `target`.
#[derive(Debug, Subcommand)]
pub(crate) enum Target {
    /// List targets, with what is owed to each
    Ls,
    /// Show one target
    Show {
        /// Its identity, or a record that leads to it
        target: String,
    },
    /// Write off a target that no longer exists: what is owed there stays listed, and is removed if it ever answers again
    ///
    /// Over the local socket only. Refused while the target answers.
    WriteOff {
        /// Its identity, or a record that leads to it
        target: String,
        /// Why, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `orphans`.
#[derive(Debug, Subcommand)]
pub(crate) enum Orphans {
    /// List what the last searches found, and how they went
    ///
    /// Exit code 12 when something found is ours to remove, or a target could not be searched.
    Ls {
        /// Also those that are ignored
        #[arg(long)]
        all: bool,
    },
    /// Search targets now; changes nothing there
    Scan {
        /// Only the target of this record
        #[arg(value_parser = name)]
        record: Option<String>,
    },
    /// Remove an account that a search found; only one with our mark, or that of a claimed installation
    Remove {
        /// The account
        account: String,
        /// The record whose target it is on, where it is on several
        #[arg(long, value_name = "NAME", value_parser = name)]
        record: Option<String>,
    },
    /// Hear of an account no more for a time
    Ignore {
        /// The account
        account: String,
        /// The record whose target it is on, where it is on several
        #[arg(long, value_name = "NAME", value_parser = name)]
        record: Option<String>,
        /// Why, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// For how long, such as 30days, at most 366 days
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        until: Duration,
    },
    /// Take over what another installation left on targets, because its store is lost for ever
    ///
    /// Over the local socket only. Accounts with its mark are ours to remove from then on; nothing is removed by itself.
    ClaimInstallation {
        /// The installation, as the marks of its accounts name it
        #[arg(value_parser = id)]
        installation: String,
        /// Why, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the installations that were claimed
    Claims,
}

/// `webhook`.
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Make a receiver of events and print its secret, once
    ///
    /// Over the local socket only. It gets what happens from now on.
    Create {
        /// What it is called
        #[arg(value_parser = name)]
        name: String,
        /// Where events are posted, such as https://hooks.example.com/mayfly
        #[arg(long, value_name = "URL")]
        url: String,
        /// A kind of events, such as session.started; `session` is all of a session, `*` everything; may be given several times
        #[arg(long, value_name = "KIND", required = true, value_delimiter = ',')]
        event: Vec<String>,
        /// Its name may lead to an address that is not public
        #[arg(long)]
        allow_private: bool,
    },
    /// List receivers of events, and what waits for them
    Ls,
    /// Give a receiver a new secret and print it, once; the one before signs too until `--finish`
    Rotate {
        /// Which
        #[arg(value_parser = name)]
        name: String,
        /// No new secret: the one before signs no more
        #[arg(long)]
        finish: bool,
    },
    /// Switch a receiver on again; what waits for it is tried at once
    Enable {
        /// Which
        #[arg(value_parser = name)]
        name: String,
    },
    /// Delete a receiver, and what waits for it
    Delete {
        /// Which
        #[arg(value_parser = name)]
        name: String,
    },
}
