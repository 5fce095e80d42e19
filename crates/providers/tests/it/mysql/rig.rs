//! What these tests share: a server lent to one of them, and the provider on it.

pub use crate::common::{Change, Os, services, survey_with};
use mayfly_domain::{
    AccountName, CredentialRef, Destination, Endpoint, Failure, InstallationId, Mark, Place, Prefix, RecordName,
    SessionId, Trust,
};
use mayfly_engine::ports::provider::{
    AccountWish, CloseVerb, Closed, Opened, Presence, Provider, SessionScope, Sight, Survey, SurveyRequest, Wish,
};
use mayfly_providers::mysql::MySql as Subject;
use mayfly_testbed::mysql::pool::{self, Lent};
use mayfly_testbed::mysql::{Flavour, Mysql, MysqlHandle, Options, Session, quote_literal, skip};
use mayfly_testbed::postgres::Login;
use serde_json::{Value, json};
use std::ops::Deref;
use std::time::Duration;

/// Who administers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    Root,
    LeastPrivilege,
}

/// Every server and administrator that the tests run with.
pub const ALL: [(Flavour, As); 4] = [
    (Flavour::MariaDb, As::Root),
    (Flavour::MariaDb, As::LeastPrivilege),
    (Flavour::MySql, As::Root),
    (Flavour::MySql, As::LeastPrivilege),
];

/// Those that can be had here.
pub fn all() -> impl Iterator<Item = (Flavour, As)> {
    ALL.into_iter().filter(|(flavour, _)| skip::can_run(*flavour))
}

/// A server and a provider on it.
pub struct Rig {
    pub server: Lent,
    pub admin: Login,
    pub subject: Subject,
    pub place: Place,
    pub installation: InstallationId,
    /// How much was in the server's log before.
    pub log_start: usize,
}

impl Deref for Rig {
    type Target = Mysql;
    fn deref(&self) -> &Mysql {
        &self.server
    }
}

impl Rig {
    /// On a server that nobody has used or that is as if nobody had.
    pub async fn start(flavour: Flavour, as_whom: As) -> Self {
        Self::on(blocking(move || pool::fresh(flavour).unwrap()).await, as_whom)
    }

    /// On a server that may hold what others have made, for tests with names of their own.
    pub async fn used(flavour: Flavour, as_whom: As) -> Self {
        Self::on(blocking(move || pool::used(flavour).unwrap()).await, as_whom)
    }

    /// On a server of its own, for tests that change its settings or its administrator.
    pub async fn own(options: Options, as_whom: As) -> Self {
        Self::on(blocking(move || pool::own(options).unwrap()).await, as_whom)
    }

    fn on(server: Lent, as_whom: As) -> Self {
        let admin = if as_whom == As::Root { server.root() } else { server.admin() }.clone();
        let place = place(&server, server.port());
        let subject = subject(server.flavour(), &admin);
        let log_start = std::fs::read(server.log_path()).unwrap().len();
        Self { server, admin, subject, place, installation: InstallationId::random(&mut Os), log_start }
    }

    /// What the server has logged since this test has it.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.server.log_path()).unwrap();
        String::from_utf8_lossy(&log[self.log_start..]).into_owned()
    }

    pub fn mark(&self) -> Mark {
        Mark { installation: self.installation.clone(), session: SessionId::random(&mut Os) }
    }

    pub fn create(&self, elevate: Option<&str>, settings: Value) -> Wish {
        let name = AccountName::random(&Prefix::default(), &mut Os);
        self.wish(AccountWish::Create { name, mark: self.mark() }, elevate, settings)
    }

    pub fn existing(&self, name: &str, role: &str) -> Wish {
        self.wish(AccountWish::Existing { name: AccountName::existing(name) }, Some(role), json!({}))
    }

    fn wish(&self, account: AccountWish, elevate: Option<&str>, settings: Value) -> Wish {
        Wish {
            provider: provider_of(self.flavour()).to_owned(),
            place: self.place.clone(),
            account,
            elevate: elevate.map(str::to_owned),
            exclusive: true,
            end_other_sessions: true,
            settings,
        }
    }

    pub async fn survey(&self, wish: &Wish) -> Result<Survey, Failure> {
        let request = SurveyRequest { wish: wish.clone(), lifetime: Duration::from_secs(3660) };
        survey_with(&self.subject, request).await
    }

    /// Surveys and makes the only change of a wish.
    pub async fn open(&self, wish: &Wish) -> (Change, Opened) {
        let mut change = self.plan(wish).await;
        let opened = self.subject.open(vec![change.open_step()]).await.remove(0).unwrap();
        change.row.native_id.clone_from(&opened.native_id);
        change.row.confirmed = true;
        (change, opened)
    }

    /// Surveys and writes down the only change of a wish.
    pub async fn plan(&self, wish: &Wish) -> Change {
        let survey = self.survey(wish).await.unwrap();
        let planned = survey.changes.into_iter().next().unwrap();
        Change::new(wish, planned, &survey.target, survey.target_now)
    }

    pub async fn close(&self, verb: CloseVerb, change: &Change) -> Result<Closed, Failure> {
        self.subject.close(verb, vec![change.close_step(SessionScope::All)]).await.remove(0)
    }

    pub async fn look(&self, change: &Change) -> Sight {
        self.try_look(change).await.unwrap()
    }

    pub async fn try_look(&self, change: &Change) -> Result<Sight, Failure> {
        self.subject.look(vec![change.look_step(SessionScope::All)]).await.remove(0)
    }

    /// The way out as the engine walks it; returns what was reported.
    pub async fn remove(&self, change: &mut Change) -> Vec<String> {
        self.close(CloseVerb::Disable, change).await.unwrap();
        assert_eq!(self.close(CloseVerb::EndSessions, change).await.unwrap().sessions_left, 0);
        let mut report = Vec::new();
        if let Presence::Ours { leftovers: true, .. } = self.look(change).await.presence {
            report = self.close(CloseVerb::HandOver, change).await.unwrap().report;
        }
        self.close(CloseVerb::Remove, change).await.unwrap();
        let sight = self.look(change).await;
        assert_eq!((sight.presence, sight.sessions), (Presence::Absent, 0));
        report
    }

    /// A session of an account that was made, over TCP with TLS.
    pub async fn log_in(&self, change: &Change, database: &str) -> Result<Session, String> {
        let login = Login { user: change.name().to_owned(), password: change.secret.expose().to_owned() };
        log_in(self, login, database).await
    }

    /// Runs statements as root.
    pub fn sql(&self, sql: &str) {
        self.server.sql("", sql).unwrap();
    }

    /// What root reads.
    pub fn ask(&self, sql: &str) -> String {
        self.server.sql("", sql).unwrap()
    }
}

/// Whether a role is granted to an account at 127.0.0.1.
pub fn has_role(server: &MysqlHandle, user: &str, role: &str) -> bool {
    let (user, role) = (quote_literal(user), quote_literal(role));
    let query = match server.flavour() {
        Flavour::MariaDb => format!(
            "SELECT COUNT(*) FROM mysql.roles_mapping WHERE User = {user} AND Host = '127.0.0.1' AND Role = {role}"
        ),
        Flavour::MySql => format!(
            "SELECT COUNT(*) FROM mysql.role_edges WHERE TO_USER = {user} AND TO_HOST = '127.0.0.1' AND FROM_USER = {role}"
        ),
    };
    server.sql("", &query).unwrap() == "1"
}

/// The registry's name of the provider for a server.
pub fn provider_of(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::MariaDb => "mariadb",
        Flavour::MySql => "mysql",
    }
}

pub fn place(server: &MysqlHandle, port: u16) -> Place {
    let endpoint = Endpoint { host: server.host().to_owned(), port };
    let trust = Trust::VerifyFull { ca_pem: server.ca_pem().to_owned() };
    Place {
        destination: Destination { endpoint, trust },
        credential: CredentialRef { record: RecordName::parse("orders-admin").unwrap() },
    }
}

pub fn subject(flavour: Flavour, admin: &Login) -> Subject {
    match flavour {
        Flavour::MariaDb => Subject::for_mariadb(services(admin)),
        Flavour::MySql => Subject::new(services(admin)),
    }
}

/// Logs in as anybody, with the server's own client and verified TLS.
pub async fn log_in(server: &MysqlHandle, login: Login, database: &str) -> Result<Session, String> {
    let (server, database) = (server.clone(), database.to_owned());
    blocking(move || server.session(&login, &database).map_err(|error| error.to_string())).await
}

/// Runs what blocks beside the runtime.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
