//! What the tests on PostgreSQL share: a server lent to one of them with the fixtures and an administrator, and the provider
//! on it.

pub use crate::common::{Change, Os, survey_with};
use mayfly_domain::{
    AccountName, CredentialRef, Destination, Endpoint, Failure, InstallationId, Mark, Place, Prefix, RecordName,
    SessionId, Trust,
};
use mayfly_engine::ports::provider::{
    AccountWish, CloseVerb, Closed, Opened, Presence, Provider, SessionScope, Sight, Survey, SurveyRequest, Wish,
};
use mayfly_providers::postgres::Postgres as Subject;
use mayfly_testbed::pool::{self, Lent};
use mayfly_testbed::postgres::{Flavour, Login, PostgresHandle};
use serde_json::{Value, json};
use std::ops::Deref;
use std::time::Duration;

/// Who administers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    Superuser,
    LeastPrivilege,
}

/// Every server and administrator that the tests run with.
pub const ALL: [(Flavour, As); 4] = [
    (Flavour::Debian15, As::Superuser),
    (Flavour::Debian15, As::LeastPrivilege),
    (Flavour::Newer, As::Superuser),
    (Flavour::Newer, As::LeastPrivilege),
];

/// A server and a provider on it.
pub struct Rig {
    server: Lent,
    pub admin: Login,
    pub subject: Subject,
    pub place: Place,
    installation: InstallationId,
    /// How much was in the server's log before.
    log_start: usize,
}

impl Deref for Rig {
    type Target = PostgresHandle;
    fn deref(&self) -> &PostgresHandle {
        &self.server
    }
}

impl Rig {
    /// On a server that nobody has used or that is as if nobody had.
    pub async fn start(flavour: Flavour, as_whom: As) -> Self {
        Self::on(pool::fresh(flavour).await.unwrap(), as_whom)
    }

    /// On a server that may hold what others have made, for tests with names of their own.
    pub async fn used(flavour: Flavour, as_whom: As) -> Self {
        Self::on(pool::used(flavour).await.unwrap(), as_whom)
    }

    /// On a server of its own, for tests that change its files or its administrator.
    pub async fn own(flavour: Flavour, as_whom: As) -> Self {
        Self::on(pool::own(flavour).await.unwrap(), as_whom)
    }

    fn on(server: Lent, as_whom: As) -> Self {
        let admin = if as_whom == As::Superuser { server.superuser() } else { server.admin() }.clone();
        let place = place(&server, server.port());
        let subject = subject(&admin);
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
            provider: "postgresql".to_owned(),
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
        if let Presence::Ours { native_id, leftovers } = self.look(change).await.presence {
            change.row.native_id = native_id;
            if leftovers {
                report = self.close(CloseVerb::HandOver, change).await.unwrap().report;
            }
        }
        self.close(CloseVerb::Remove, change).await.unwrap();
        let sight = self.look(change).await;
        assert_eq!((sight.presence, sight.sessions), (Presence::Absent, 0));
        report
    }

    /// A session of an account that was made, over TCP with TLS, in the given database.
    pub async fn log_in(&self, change: &Change, database: &str) -> Result<tokio_postgres::Client, Failure> {
        log_in(self, change.row.account.as_str(), change.secret.expose(), database).await
    }

    /// Runs statements as the superuser.
    pub async fn sql(&self, database: &str, sql: &str) {
        self.client(database).await.unwrap().batch_execute(sql).await.unwrap();
    }

    /// One text that the superuser reads.
    pub async fn ask(&self, database: &str, sql: &str) -> String {
        let rows = self.client(database).await.unwrap().simple_query(sql).await.unwrap();
        rows.iter()
            .find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
                _ => None,
            })
            .unwrap_or_else(|| "nothing".to_owned())
    }
}

pub fn place(server: &PostgresHandle, port: u16) -> Place {
    let endpoint = Endpoint { host: server.host().to_owned(), port };
    let trust = Trust::VerifyFull { ca_pem: server.ca_pem().to_owned() };
    Place {
        destination: Destination { endpoint, trust },
        credential: CredentialRef { record: RecordName::parse("orders-admin").unwrap() },
    }
}

pub fn subject(admin: &Login) -> Subject {
    Subject::new(crate::common::services(admin))
}

/// Logs in as anybody, with verified TLS, through the same stack as a broker would.
pub async fn log_in(
    server: &PostgresHandle,
    user: &str,
    password: &str,
    database: &str,
) -> Result<tokio_postgres::Client, Failure> {
    let mut config = tokio_postgres::Config::new();
    config.user(user).password(password).dbname(database).host_path(server.socket_dir()).port(server.port());
    match config.connect(tokio_postgres::NoTls).await {
        Ok((client, connection)) => {
            tokio::spawn(connection);
            Ok(client)
        }
        Err(error) => Err(Failure::new(
            mayfly_domain::FailureClass::CredentialsRefused,
            error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()),
        )),
    }
}
