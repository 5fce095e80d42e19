//! The command line: every verb, option and environment variable, and the text that `--help` shows for each.

mod audit;
mod connecting;
mod keys;
mod login;
mod manage;
mod people;
mod report;
mod server;
mod support;
mod values;

use crate::complete;
use crate::output::Format;
pub(crate) use audit::{Audit, AuditExport, Verify};
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use connecting::{Access, Connect, Copy, Db, Person, Sftp, Ssh, SshConfig, Who};
pub(crate) use keys::{NewRecoveryKey, RecoverKey, RotateKey};
pub(crate) use login::{Login, Logout};
pub(crate) use manage::{Apply, Export, Lockdown, LockdownVerb, Orphans, Record, Secret, Set, Target, Token, Webhook};
pub(crate) use people::{Sessions, SessionsLs, User};
pub(crate) use report::{Report, ReportAccess};
pub(crate) use server::{Init, OfflineCleanup, Restore, Server, Settings};
use std::path::PathBuf;
pub(crate) use support::Support;
pub(crate) use values::{Count, Duration};
use values::{id, name};

/// Accounts that exist for one session.
#[derive(Debug, Parser)]
#[command(
    name = "mayfly",
    version,
    about = "Accounts that exist for one session: made when you connect, seen to be gone when you leave",
    after_help = "Exit codes: 0 done · 1 unexpected failure · 2 invalid input · 3 sign in · 4 not permitted · 5 not found · \
                  9 target failed · 10 conflict · 11 verification failed · 12 something remains to be done · \
                  255 `db`, `ssh`, `sftp`, `scp`, `rsync` or `connect --exec` itself failed",
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
    /// The server's Unix socket; /run/mayfly/mayfly.sock unless you have signed in somewhere
    #[arg(long, global = true, env = "MAYFLY_SOCKET", value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Reach the server over HTTPS instead, such as https://gw.example.com:8443, as whoever has signed in there, or with the token
    /// that MAYFLY_TOKEN holds
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
    /// The longest to wait for an answer of the server; 30 if not given, 300 where it goes to a target
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// No colours; NO_COLOR does the same
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Sign in at a server, for eight hours
    ///
    /// Asks for your name and sign-in password. The verbs that follow go to this server and are yours: `ls`, `show`, `access`, `ssh`,
    /// `db` and the like, and your own sessions. Keeps a token for that in ~/.local/state/mayfly, never the password.
    Login(Login),
    /// Sign out: the server takes the sign-in back, and nothing of it is kept
    Logout(Logout),
    /// Connect to a database with its real client: psql, mysql or mariadb
    ///
    /// Gets a one-time secret for the record, for which it asks for your password unless you have signed in, and runs the
    /// record's client with it. Arguments after `--` are the client's; so is the exit code, but for 255, which is mayfly's own.
    Db(Db),
    /// Open a shell or run a command on a machine with the real ssh
    ///
    /// Gives ssh a one-time secret by way of a program that ssh asks for it, and asks for your password for that unless you have signed
    /// in; with --own-key ssh signs in with a key of yours. The exit code is ssh's, but for 255, which is ssh's or mayfly's own. Needs OpenSSH 8.4.
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
    /// List people, credentials and resources; of whoever has signed in, what they may open
    Ls(Ls),
    /// Show a record: how it is reached and administered, what a session is, who may open it and who may not and why
    ///
    /// Whoever has signed in is told what they may do with it, and why not; so is, after their password, whoever is no administrator or
    /// named with --person.
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
    /// Reports for those who review access
    #[command(subcommand)]
    Report(Report),
    /// The audit trail
    #[command(subcommand)]
    Audit(Audit),
    /// Help from afar
    #[command(subcommand)]
    Support(Support),
    /// Who the server is and how it is; exit code 12 when it is not ready
    Status,
    /// Look what could keep you from connecting from this machine: the server, its certificate, the clocks, your sign-in, ports, clients
    ///
    /// Each line says what to do. Exit code 12 when something is not as it should be.
    Doctor,
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

/// Kinds of records that there is a template of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A database server
    Database,
    /// A Linux host
    Machine,
}

impl Kind {
    /// The kinds of records, whose names are unique among them.
    pub(crate) const RECORDS: &[Self] = &[Self::Database, Self::Machine, Self::Directory, Self::User];

    /// Whether this is the kind that the server calls so.
    pub(crate) fn is(self, name: &str) -> bool {
        format!("{self:?}").eq_ignore_ascii_case(name)
    }
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
