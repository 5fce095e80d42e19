//! What a broker asks of the server: who may come in, the session that they come into, and until when. The server
//! implements it; brokers know neither accounts, nor the ledger, nor policy.
//!
//! The steps are objects that each come out of the one before: [`Door::sign_in`] gives a [`SignIn`], its proof gives an
//! [`Admitted`], and that alone gives a [`Joined`]. So an identity is built once, for one connection, from everything that
//! was proved on it, and no step can be fed with another connection's result (SECURITY-CASES §0.1, rows 4 to 8 and 60).

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use async_trait::async_trait;
use mayfly_dial::{Credential, ssh::UserCertificate};
use mayfly_domain::{Authorised, BootTime, ConnectionId, Destination, EndReason, Login, SessionId};
use mayfly_protocol::{mysql::auth::NativeVerifier, scram::Verifiers};
use tokio::sync::watch;

/// A task to be run.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Starts tasks. Whoever implements it owns them: it names them, waits for them, and ends them with itself.
pub trait Tasks: Send + Sync + 'static {
    /// Runs `task` beside the caller.
    fn spawn(&self, name: &'static str, task: Task);
}

/// The clock by which sessions end: it only runs forward and counts time spent suspended.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> BootTime;

    /// Returns once [`Clock::now`] is at or past `until`.
    async fn sleep_until(&self, until: BootTime);
}

/// The protocols that clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL's frontend/backend protocol.
    Postgres,
    /// SSH (RFC 4251).
    Ssh,
    /// The client/server protocol of MySQL and MariaDB.
    Mysql,
    /// The tabular data stream of SQL Server.
    Tds,
}

/// Who a client says it is, before anything is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The protocol that the client speaks. A record that is opened with another one is refused before anything is made.
    pub protocol: Protocol,
    /// The person and the record that the client's user name stands for.
    pub login: Login,
    /// Where the client connects from.
    pub source: IpAddr,
    /// The client's connection.
    pub connection: ConnectionId,
}

/// Where clients come in.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// Begins a sign-in with a secret that the person has for this record. An unknown person, an unknown record and
    /// one that the person may not open all give a [`SignIn`] that cannot be told from a real one and never succeeds.
    ///
    /// # Errors
    /// [`Turned::Locked`] and [`Turned::Busy`], by rules that do not depend on whether the person or record exists.
    async fn sign_in(&self, claim: Claim) -> Result<Box<dyn SignIn>, Turned>;

    /// Whether a public key, by its fingerprint (`SHA256:…`), is one with which the person could sign in. It is asked before
    /// the client has proved anything; an unknown person and an unknown key both give `false`, and whether
    /// the person may open the record is decided only once they are in.
    ///
    /// # Errors
    /// As [`Door::sign_in`].
    async fn offers_key(&self, claim: &Claim, fingerprint: &str) -> Result<bool, Turned>;

    /// The client has proved that it holds the private key with this fingerprint. The sign-in is on record when this returns.
    ///
    /// # Errors
    /// [`Turned`] if the person does not come in all the same.
    async fn proved_key(&self, claim: Claim, fingerprint: &str) -> Result<Box<dyn Admitted>, Turned>;
}

/// A sign-in under way. Dropping it says that the client left before it tried; that counts as nothing.
#[async_trait]
pub trait SignIn: Send {
    /// What the client's proof is checked against; [`mayfly_protocol::scram::Verifier::mock`] where nobody could succeed.
    fn verifiers(&self) -> &Verifiers;

    /// What the answer of a client is checked against that knows only `mysql_native_password`, numbered as
    /// [`SignIn::verifiers`]. Where there is none for a number, one stands in its place that nobody can prove; there is always one.
    fn native_verifiers(&self) -> Vec<NativeVerifier>;

    /// The client has proved that it knows the secret of the verifier with this number. What the secret was good for may have ended meanwhile. The
    /// sign-in is on record when this returns.
    ///
    /// # Errors
    /// [`Turned`] if the person does not come in all the same.
    async fn proved(self: Box<Self>, which: usize) -> Result<Box<dyn Admitted>, Turned>;

    /// The client has tried and failed. The failure is counted when this returns; it takes as long as [`SignIn::proved`]
    /// as far as a client can measure.
    async fn failed(self: Box<Self>);
}

/// The proof that this one connection's person has signed in, made once from person, record, secret and connection.
#[async_trait]
pub trait Admitted: Send {
    /// Joins the person's session of that record, or launches one, and waits until it can be used. Dropping the future
    /// says that nobody on this connection waits any more.
    ///
    /// # Errors
    /// [`Refused`], with what the person is told.
    async fn join(self: Box<Self>) -> Result<Joined, Refused>;
}

/// Why a sign-in came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// The secret was wrong, or is no longer good for anything, or there is no such person or record.
    #[error("sign-in failed")]
    Failed,
    /// Too many have failed: for this name, known or not, or from this source.
    #[error("too many failed sign-ins")]
    Locked,
    /// The sign-in cannot be judged or recorded now.
    #[error("sign-in is not possible at the moment")]
    Busy,
}

/// A session is not joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refused {
    /// What kind of refusal it is; each broker has its protocol's code for it.
    pub class: RefusalClass,
    /// A sentence for the person: what is wrong and what to do. Never holds a secret.
    pub text: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// The person may not open this.
    NotPermitted,
    /// A limit is reached; later may be better.
    Busy,
    /// The target does not answer.
    Unreachable,
    /// The session is ending, or the server is stopping.
    Ending,
    /// The session could not be launched.
    Failed,
}

impl RefusalClass {
    /// The class as it stands in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPermitted => "not_permitted",
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::Ending => "ending",
            Self::Failed => "failed",
        }
    }
}

/// A session that this connection is part of now.
pub struct Joined {
    /// The session.
    pub session: SessionId,
    /// Where its target is and whom to believe there.
    pub destination: Destination,
    /// What to log in with. The person never sees it.
    pub credential: Credential,
    /// Whether the account was made for this session; its SSH key is then derived from the secret
    /// ([`mayfly_dial::ssh::SshKey::of_session`]), an existing account's secret is its own key or password.
    pub made: bool,
    /// The certificate for that SSH key, where the target trusts the record's authority and was given no key.
    pub certificate: Option<UserCertificate>,
    /// What of its protocol the record allows.
    pub service: Service,
    /// The decision that let the person in: the permit to dial.
    pub authorised: Arc<Authorised>,
    /// Until when, kept up to date. A sender that is gone counts as [`EndReason::ServerStopped`].
    pub standing: watch::Receiver<Standing>,
    /// Counts this connection as part of the session until it is dropped.
    pub guard: Box<dyn ConnectionGuard>,
}

/// What of a protocol a record allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// PostgreSQL.
    Postgres {
        /// The database to open where the client names none.
        default_database: String,
    },
    /// SSH.
    Ssh(SshService),
    /// MySQL or MariaDB.
    Mysql(MysqlService),
    /// SQL Server.
    Tds {
        /// The database to use where the client names none; empty for the account's own.
        default_database: String,
    },
}

/// What of SSH a record allows. Shells and commands always are; agents, displays and ports that the host would forward to the
/// client never are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshService {
    /// Whether the `sftp` subsystem may be used, which `scp` uses too.
    pub sftp: bool,
    /// The destinations to which the client may forward ports, each `host:port` as the client names it.
    pub forwarding: Vec<String>,
}

/// What of the protocol of MySQL and MariaDB a record allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MysqlService {
    /// The database to use where the client names none; empty for none.
    pub default_database: String,
    /// The role that every connection of the session activates before the client is told that it is connected: where an existing
    /// account was elevated, whose default roles stay as they are. It is activated again behind each `COM_RESET_CONNECTION`.
    pub role: Option<String>,
    /// Whether the target may ask the client for files (`LOAD DATA LOCAL`).
    pub local_files: bool,
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It lasts until then, unless that changes.
    Open {
        /// Its deadline. The broker warns before it and does nothing at it: the end is announced by [`Standing::Cut`].
        until: BootTime,
    },
    /// Its connections are to be cut now.
    Cut(Ending),
}

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The reason.
    pub reason: EndReason,
    /// The sentence that the person reads.
    pub sentence: String,
}

impl Ending {
    /// The ending with the reason's own sentence.
    #[must_use]
    pub fn new(reason: EndReason) -> Self {
        Self { reason, sentence: reason.sentence().to_owned() }
    }
}

/// Hears how a connection goes. Dropped when the connection to the target is closed.
#[async_trait]
pub trait ConnectionGuard: Send {
    /// The target has given the connection this id of its own (PostgreSQL: the backend's process id; MySQL and MariaDB: the connection's id; SQL
    /// Server: the session's id; all in decimal).
    fn opened(&mut self, native_id: String);

    /// The target is ready. Returns once that is durably on record; until then the client is not told that it is connected.
    ///
    /// # Errors
    /// [`Refused`] when the session is ending, or nothing can be put on record now.
    async fn started(&mut self) -> Result<(), Refused>;

    /// Another server has answered than the one that the record trusts, and nothing was sent to it. `text` says what was
    /// wrong, in our words. It is on record when this returns, as far as anything can be recorded.
    async fn met_another(&mut self, text: String);
}
