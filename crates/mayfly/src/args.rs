//! The command line: every verb, option and environment variable, and the text that `--help` shows for each.

mod connecting;
mod keys;
mod manage;
mod values;

use crate::client::SOCKET;
use crate::complete;
use crate::output::Format;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use connecting::{Access, Connect, Copy, Db, Person, Sftp, Ssh, SshConfig, Who};
pub(crate) use keys::{NewRecoveryKey, RecoverKey, RotateKey};
pub(crate) use manage::{Apply, Export, Lockdown, LockdownVerb, Orphans, Record, Secret, Set, Target, Token, Webhook};
use std::net::SocketAddr;
use std::path::PathBuf;
pub(crate) use values::{Count, Duration};
use values::{count, duration, id, name};

/// Accounts that exist for one session.
#[derive(Debug, Parser)]
#[command(
    name = "mayfly",
    version,
    about = "Accounts that exist for one session: made when you connect, seen to be gone when you leave",
    after_help = "Exit codes: 0 done · 1 unexpected failure · 2 invalid input · 3 sign in · 4 not permitted · 5 not found · \
                  9 target failed · 10 conflict · 11 verification failed · 12 something remains to be done · \
                  255 `db`, `ssh`, `sftp`, `scp` or `rsync` itself failed",
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Mayfly {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every verb")]
pub(crate) struct Global {
    /// The server's Unix socket
    #[arg(long, global = true, env = "MAYFLY_SOCKET", value_name = "PATH", default_value = SOCKET)]
    pub(crate) socket: PathBuf,
    /// Reach the server over HTTPS instead, such as https://gw.example.com:8443, with the token that MAYFLY_TOKEN holds
    #[arg(long, global = true, env = "MAYFLY_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Certificates to believe over HTTPS, as PEM, instead of those that this machine believes
    #[arg(long, global = true, env = "MAYFLY_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Read the token from this file; `-` is standard input
    #[arg(long, global = true, env = "MAYFLY_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How results are printed
    #[arg(short, long, global = true, env = "MAYFLY_OUTPUT", value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
    /// Never ask; fail where something would have to be typed
    #[arg(long, global = true, env = "MAYFLY_NO_INPUT", value_parser = FalseyValueParser::new())]
    pub(crate) no_input: bool,
    /// Results and failures only: no remarks, no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// No colours; NO_COLOR does the same
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Connect to a database with the real psql
    ///
    /// Asks for your sign-in password, gets a one-time secret for the record, and runs psql with it. Arguments after `--` are
    /// psql's; so is the exit code, but for 255, which is mayfly's own.
    Db(Db),
    /// Open a shell or run a command on a machine with the real ssh
    ///
    /// Asks for your sign-in password and gives ssh a one-time secret by way of a program that ssh asks for it; with --own-key ssh
    /// signs in with a key of yours. The exit code is ssh's, but for 255, which is ssh's or mayfly's own. Needs OpenSSH 8.4.
    Ssh(Ssh),
    /// Copy files to and from a machine with the real sftp, in the way of `ssh`
    Sftp(Sftp),
    /// Copy files to and from a machine with the real scp, in the way of `ssh`
    ///
    /// What is on the machine is named RECORD:PATH, as with scp: `mayfly scp -r web01:/var/log .`
    Scp(Copy),
    /// Copy files to and from a machine with the real rsync, in the way of `ssh`
    ///
    /// What is on the machine is named RECORD:PATH, as with rsync: `mayfly rsync -a site/ web01:/srv/site`
    Rsync(Copy),
    /// Print what lets plain ssh, scp, git and the like connect to machines as `web01.gw`
    ///
    /// A piece of ssh_config(5) for the machines named. ssh then signs in with a key of yours, or asks for a connect secret, which
    /// `mayfly connect` prints.
    SshConfig(SshConfig),
    /// Print what any other client needs to connect: host, port, user and a one-time secret
    Connect(Connect),
    /// List people, credentials and resources
    Ls(Ls),
    /// Show a record: how it is reached and administered, what a session is, who may open it and who may not and why
    ///
    /// Whoever is no administrator, and with --person, is asked for a password and told what they may do with it, and why not.
    Show {
        /// The record
        #[arg(value_parser = name, add = complete::resources())]
        name: String,
        #[command(flatten)]
        person: Person,
    },
    /// What you may open
    #[command(subcommand)]
    Access(Access),
    /// Sessions: those that are not over and those that were
    #[command(subcommand, alias = "session")]
    Sessions(Sessions),
    /// Say whose an account is or was: the person, the session and what it opened, also after it was removed
    Whois {
        /// The account, as the target's own log names it
        account: String,
        /// When it was seen, such as 2026-11-24T16:00:00Z; the newest session of it if not given
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// What is still owed to a target, or was left there by policy
    #[command(subcommand)]
    Cleanup(Cleanup),
    /// Accounts on targets that carry a mark and for which nothing in the ledger speaks
    #[command(subcommand)]
    Orphans(Orphans),
    /// Targets: what is owed to each, and writing one off that no longer exists
    #[command(subcommand)]
    Target(Target),
    /// Create, change and delete objects as written in YAML
    Apply(Apply),
    /// Show what `apply` would do, and do nothing; exit code 12 when it would do something
    Plan(Set),
    /// Write objects as YAML that can be applied again; secrets are not in it
    Export(Export),
    /// Secrets of credentials
    #[command(subcommand)]
    Secret(Secret),
    /// Records of resources
    #[command(subcommand)]
    Record(Record),
    /// Lock access down: nothing is opened any more, and what is open is cut
    ///
    /// Over the local socket only. Holds at once, and until it is lifted.
    Lockdown(Lockdown),
    /// Tokens for programs that administer over HTTPS
    #[command(subcommand)]
    Token(Token),
    /// Receivers of events: each is posted to an address of yours, signed, until it is taken
    #[command(subcommand)]
    Webhook(Webhook),
    /// The audit trail
    #[command(subcommand)]
    Audit(Audit),
    /// Who the server is and how it is; exit code 12 when it is not ready
    Status,
    /// People who sign in
    #[command(subcommand)]
    User(User),
    /// Print what a shell needs to complete verbs, options and names: `source <(mayfly completions bash)`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder
        directory: PathBuf,
    },
    /// The server itself: on its machine, by its files or its local socket
    #[command(subcommand)]
    Server(Server),
}

/// `user`.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List people
    Ls {
        /// Only those that hold this text
        query: Option<String>,
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

/// `server`.
#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// Make an installation: keys, local authority, store and settings
    Init(Init),
    /// Write keys that were lost again, from the recovery key
    ///
    /// Makes no new key, and writes none over another. Needs the data directory, and the recovery key that `init` or `rotate-key` gave.
    RecoverKey(RecoverKey),
    /// Exchange the installation's key: seal everything by a new one, and forget the one before
    ///
    /// The server has to be stopped. Cut short, it is gone on with when this is run again. Gives a new recovery key.
    RotateKey(RotateKey),
    /// Run the server until it is told to stop
    Run(Settings),
    /// Check what a start needs, and show the settings in force
    Check(Settings),
    /// Make this copy of the store the one that acts, where a server only observes
    ///
    /// Over the local socket only. Make sure that no other copy is served any more. A new epoch begins: connect secrets and tokens that
    /// were issued before are void, and sessions that the store knows as open are taken out.
    Activate {
        /// Why it is this copy, for the trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say what the store holds that may still be on targets, where no server runs and no key is left
    ///
    /// Reads the store's files and changes nothing. Also what belonged to sessions that were open.
    Cleanup(OfflineCleanup),
    /// Open nothing new, wait until nobody is in any more, then the server can be stopped
    ///
    /// Over the local socket only. Those who are in a session may connect to it again. Holds until it is cancelled or the server is
    /// stopped, also when this is interrupted. Exit code 12 when changes are still owed to their targets.
    Drain {
        /// End what is still open after that long, such as 30m; it is waited for without end if not given
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        within: Option<Duration>,
        /// Open sessions again
        #[arg(long, conflicts_with = "within")]
        cancel: bool,
    },
    /// Write a backup of the store to a new file while the server runs: sealed, and without the key
    ///
    /// Over the local socket only. Says what is in it.
    Backup {
        /// The file
        file: PathBuf,
    },
    /// Put a backup into the empty data directory that the settings name; it is only observed until it is activated
    Restore(Restore),
    /// Print the description of the API, as OpenAPI 3.1
    Openapi,
}

/// `server cleanup`.
#[derive(Debug, Args)]
pub(crate) struct OfflineCleanup {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Print a shell script by which an administrator of the target undoes this change by hand
    #[arg(long, value_name = "ID", value_parser = id)]
    pub(crate) manual: Option<String>,
}

/// `server restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The settings file
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", default_value = "/etc/mayfly/mayfly.toml")]
    pub(crate) config: PathBuf,
    /// The user whom the server will run as, to whom everything is given; `mayfly` if there is one and root does this
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// Where the server's settings are.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The settings file
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", default_value = "/etc/mayfly/mayfly.toml")]
    pub(crate) config: PathBuf,
}

/// `server init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The name under which clients reach this server; asked for at a terminal, otherwise this machine's name, or localhost with --directory
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Put everything below this directory instead of /etc, /var and /run
    #[arg(long, value_name = "PATH")]
    pub(crate) directory: Option<PathBuf>,
    /// Where the API is served over HTTPS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    pub(crate) https: SocketAddr,
    /// Where PostgreSQL clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7432")]
    pub(crate) postgres: SocketAddr,
    /// Where SSH clients are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:2222")]
    pub(crate) ssh: SocketAddr,
    /// Where metrics and health are served, on loopback only
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// What the names of accounts start with: a letter, then at most six of a-z, 0-9 and _
    #[arg(long, value_name = "PREFIX", default_value = "keeper_")]
    pub(crate) account_prefix: String,
    /// The user whom the server will run as, to whom everything is given; `mayfly` if there is one and root does this
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) recovery: NewRecoveryKey,
}

/// `ls`.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only objects of this kind
    #[arg(short, long, ignore_case = true)]
    pub(crate) kind: Option<Kind>,
    /// Only objects that hold this text in their name, summary or labels (`env=prod`)
    pub(crate) query: Option<String>,
}

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Somebody who connects
    Person,
    /// A credential
    User,
    /// A database server
    Database,
    /// A machine
    Machine,
    /// A directory service
    Directory,
}

impl Kind {
    /// The kinds of records, whose names are unique among them.
    pub(crate) const RECORDS: &[Self] = &[Self::Database, Self::Machine, Self::Directory, Self::User];

    /// Whether this is the kind that the server calls so.
    pub(crate) fn is(self, name: &str) -> bool {
        format!("{self:?}").eq_ignore_ascii_case(name)
    }
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

/// `cleanup`.
#[derive(Debug, Subcommand)]
pub(crate) enum Cleanup {
    /// List it
    Ls,
    /// Show everything about one change
    Show {
        /// The change
        #[arg(value_parser = id)]
        id: String,
        /// Print instead a shell script by which an administrator of the target undoes it by hand
        #[arg(long)]
        manual: bool,
    },
    /// Try one change now instead of when it is due
    Retry {
        /// The change
        #[arg(value_parser = id)]
        id: String,
    },
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Print the last entries of the trail
    Tail {
        /// How many, or `all`
        #[arg(short = 'n', value_name = "N", default_value = "20", value_parser = count)]
        count: Count,
        /// Go on as entries are written, until interrupted
        #[arg(short, long)]
        follow: bool,
    },
    /// Write the trail for others to read: `-o jsonl`, which is the default, `csv`, `cef` or `ocsf`, one entry a line
    ///
    /// JSON lines are the very bytes that are hashed; a whole trail of them is what `audit verify --export` takes.
    Export(AuditExport),
    /// Verify the trail offline: names the first bad entry; exit code 11 when there is one
    ///
    /// Reads the store of this machine's installation, or an export (`audit tail -n all -o jsonl`), against the checkpoints
    /// and their public key. Needs no server and no secret.
    Verify(Verify),
}

/// `audit export`.
#[derive(Debug, Args)]
pub(crate) struct AuditExport {
    /// Into this file, which must not be there yet, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Only entries of then or later, such as 2026-11-24T16:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only entries before then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The settings file of the installation, which says where everything below is
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", default_value = "/etc/mayfly/mayfly.toml")]
    pub(crate) config: PathBuf,
    /// Verify an export instead of the store
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// The checkpoints kept elsewhere: a file, or the directory of them
    #[arg(long, value_name = "PATH")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The public key of the checkpoints, as `server init` and `server check` print it
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}
