//! What these tests share: a stand-in of its own for each of them, with an administrator, and the provider on it.

pub use crate::common::{Change, Os, services, survey_with};
use mayfly_domain::{
    AccountName, CredentialRef, Destination, Endpoint, Failure, FailureClass, InstallationId, Mark, Place, Prefix,
    RecordName, SessionId, Trust,
};
use mayfly_engine::ports::provider::{
    AccountWish, CloseVerb, Closed, Opened, Presence, Provider, SessionScope, Sight, Survey, SurveyRequest, Wish,
};
use mayfly_providers::sqlserver::SqlServer as Subject;
use mayfly_testbed::SqlServerStandIn;
use mayfly_testbed::postgres::Login;
use mayfly_testbed::sqlserver::Options;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

/// Who administers, and what accounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// `sa`; accounts are log-ins.
    Sa,
    /// A log-in with just the rights that are needed; accounts are log-ins.
    LeastPrivilege,
    /// A log-in that owns a contained database; accounts are its users.
    Contained,
}

/// Every way that the tests run with.
pub const ALL: [As; 3] = [As::Sa, As::LeastPrivilege, As::Contained];

/// A password that the policy of servers accepts.
pub const PASSWORD: &str = "Known-to-the-rig-1";

/// A stand-in and a provider on it.
pub struct Rig {
    server: SqlServerStandIn,
    pub as_whom: As,
    pub admin: Login,
    pub subject: Subject,
    pub place: Place,
    installation: InstallationId,
}

impl Deref for Rig {
    type Target = SqlServerStandIn;
    fn deref(&self) -> &SqlServerStandIn {
        &self.server
    }
}

/// Names in brackets, as in Transact-SQL.
pub fn ident(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

pub fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// What the least privileged administrator is given, as the documentation says it.
const RIGHTS: &str = "GRANT ALTER ANY LOGIN TO [mayfly_admin]; GRANT ALTER ANY CONNECTION TO [mayfly_admin];
    GRANT VIEW SERVER STATE TO [mayfly_admin]; GRANT ALTER ANY SERVER ROLE TO [mayfly_admin];";

impl Rig {
    pub fn start(as_whom: As) -> Self {
        let server = SqlServerStandIn::start(Options::default()).unwrap();
        let run = |database: &str, sql: &str| server.admin(database, sql).unwrap();
        for database in ["orders", "billing"] {
            let contained = as_whom == As::Contained && database == "orders";
            let containment = if contained { " CONTAINMENT = PARTIAL" } else { "" };
            run("master", &format!("CREATE DATABASE {database}{containment};"));
            run(
                database,
                "CREATE TABLE dbo.customers (id int NOT NULL, name nvarchar(50)); INSERT INTO dbo.customers VALUES (1, N'a'), (2, N'b');",
            );
            run(database, "CREATE ROLE readonly; GRANT SELECT ON SCHEMA::dbo TO readonly;");
        }
        run("master", "CREATE SERVER ROLE auditors;");
        run(
            "master",
            &format!(
                "CREATE LOGIN mayfly_graveyard WITH PASSWORD = N'{PASSWORD}'; ALTER LOGIN mayfly_graveyard DISABLE; DENY CONNECT SQL TO mayfly_graveyard;"
            ),
        );
        let admin = if as_whom == As::Sa {
            Login { user: "sa".to_owned(), password: server.sa_password().to_owned() }
        } else {
            run("master", &format!("CREATE LOGIN mayfly_admin WITH PASSWORD = N'{PASSWORD}'; {RIGHTS}"));
            run("master", "GRANT IMPERSONATE ON LOGIN::mayfly_graveyard TO mayfly_admin;");
            for database in ["master", "orders", "billing"] {
                run(
                    database,
                    "CREATE USER mayfly_admin FOR LOGIN mayfly_admin; ALTER ROLE db_owner ADD MEMBER mayfly_admin;",
                );
            }
            Login { user: "mayfly_admin".to_owned(), password: PASSWORD.to_owned() }
        };
        let place = place(&server, server.port());
        let subject = Subject::new(services(&admin));
        Self { server, as_whom, admin, subject, place, installation: InstallationId::random(&mut Os) }
    }

    /// Whether accounts are users of a contained database.
    pub fn contained(&self) -> bool {
        self.as_whom == As::Contained
    }

    /// The settings with which accounts get into `orders` and `billing`, or are users of `orders`.
    pub fn settings(&self) -> Value {
        if self.contained() {
            json!({"contained": true, "database": "orders"})
        } else {
            json!({"databases": "orders, billing"})
        }
    }

    pub fn mark(&self) -> Mark {
        Mark { installation: self.installation.clone(), session: SessionId::random(&mut Os) }
    }

    pub fn create(&self, elevate: Option<&str>, settings: Value) -> Wish {
        let name = AccountName::random(&Prefix::default(), &mut Os);
        self.wish(AccountWish::Create { name, mark: self.mark() }, elevate, settings)
    }

    pub fn existing(&self, name: &str, role: &str) -> Wish {
        self.wish(AccountWish::Existing { name: AccountName::existing(name) }, Some(role), self.settings())
    }

    pub fn wish(&self, account: AccountWish, elevate: Option<&str>, settings: Value) -> Wish {
        Wish {
            provider: "sqlserver".to_owned(),
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

    /// A session of an account that was made, in the given database.
    pub async fn log_in(&self, change: &Change, database: &str) -> Result<Guest, Failure> {
        log_in(&self.server, change.row.account.as_str(), change.secret.expose(), database).await
    }

    /// Runs statements as `sa`.
    pub fn sql(&self, database: &str, sql: &str) {
        if let Err(error) = self.server.admin(database, sql) {
            panic!("{sql}: {error:#}");
        }
    }

    /// One text that `sa` reads.
    pub fn ask(&self, database: &str, sql: &str) -> String {
        let rows = self.server.admin(database, sql).unwrap_or_else(|error| panic!("{sql}: {error:#}"));
        rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or_else(|| "nothing".to_owned())
    }

    /// Everything on the server that somebody could have changed, as text.
    pub fn snapshot(&self) -> String {
        let mut all = String::new();
        let mut add = |what: &str, database: &str, sql: &str| {
            let mut rows: Vec<String> = self
                .server
                .admin(database, sql)
                .unwrap_or_else(|error| panic!("{sql}: {error:#}"))
                .into_iter()
                .map(|row| row.join(" | "))
                .collect();
            rows.sort();
            for row in rows {
                all.push_str(&format!("{what} {database}: {row}\n"));
            }
        };
        add(
            "login",
            "master",
            "SELECT name, CONVERT(nvarchar(172), sid, 1), CONVERT(nvarchar(1), type), is_disabled FROM sys.server_principals",
        );
        add(
            "member",
            "master",
            "SELECT r.name, p.name FROM sys.server_role_members AS m JOIN sys.server_principals AS r ON r.principal_id = m.role_principal_id JOIN sys.server_principals AS p ON p.principal_id = m.member_principal_id",
        );
        add(
            "granted",
            "master",
            "SELECT p.name, g.permission_name, g.state FROM sys.server_permissions AS g JOIN sys.server_principals AS p ON p.principal_id = g.grantee_principal_id",
        );
        add("job", "msdb", "SELECT name, enabled FROM dbo.sysjobs");
        add("database", "master", "SELECT name, CONVERT(nvarchar(172), owner_sid, 1) FROM sys.databases");
        for database in ["master", "orders", "billing"] {
            add(
                "user",
                database,
                "SELECT name, CONVERT(nvarchar(172), sid, 1), CONVERT(nvarchar(1), type) FROM sys.database_principals",
            );
            add(
                "member",
                database,
                "SELECT r.name, p.name FROM sys.database_role_members AS m JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id JOIN sys.database_principals AS p ON p.principal_id = m.member_principal_id",
            );
            add("property", database, "SELECT name, CONVERT(nvarchar(200), value) FROM sys.extended_properties");
            add(
                "schema",
                database,
                "SELECT s.name, u.name FROM sys.schemas AS s JOIN sys.database_principals AS u ON u.principal_id = s.principal_id",
            );
            add(
                "object",
                database,
                "SELECT s.name, o.name FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id",
            );
            add(
                "granted",
                database,
                "SELECT p.name, g.permission_name, g.state FROM sys.database_permissions AS g JOIN sys.database_principals AS p ON p.principal_id = g.grantee_principal_id",
            );
        }
        all
    }
}

pub fn place(server: &SqlServerStandIn, port: u16) -> Place {
    let endpoint = Endpoint { host: "localhost".to_owned(), port };
    let trust = Trust::VerifyFull { ca_pem: server.ca().to_owned() };
    Place {
        destination: Destination { endpoint, trust },
        credential: CredentialRef { record: RecordName::parse("orders-admin").unwrap() },
    }
}

/// Somebody who is logged in, through the driver with TLS around all of it, as the strict form has it.
pub struct Guest(Client<Compat<TlsStream<TcpStream>>>);

impl Guest {
    /// Runs a batch; the first field of the last result, or the number of the error.
    pub async fn ask(&mut self, sql: &str) -> Result<String, u32> {
        let number = |error: tiberius::error::Error| error.code().unwrap_or(0);
        let results = self.0.simple_query(sql).await.map_err(number)?.into_results().await.map_err(number)?;
        let row = results.last().and_then(|rows| rows.first());
        Ok(row.map_or_else(String::new, |row| {
            row.try_get::<i32, _>(0)
                .ok()
                .flatten()
                .map(|number| number.to_string())
                .or_else(|| row.try_get::<&str, _>(0).ok().flatten().map(str::to_owned))
                .unwrap_or_default()
        }))
    }

    /// Its number.
    pub async fn id(&mut self) -> String {
        self.ask("SELECT CONVERT(int, @@SPID)").await.unwrap()
    }
}

/// Logs in as anybody. The text of a failure is the number of the server's error.
pub async fn log_in(server: &SqlServerStandIn, user: &str, password: &str, database: &str) -> Result<Guest, Failure> {
    let trust = Trust::VerifyFull { ca_pem: server.ca().to_owned() };
    let tls = mayfly_dial::tls_client_config(&trust).unwrap().unwrap();
    let mut tls = Arc::unwrap_or_clone(tls);
    tls.alpn_protocols = vec![b"tds/8.0".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server(user, password));
    config.encryption(EncryptionLevel::NotSupported);
    config.database(database);
    match Client::connect(config, stream.compat_write()).await {
        Ok(client) => Ok(Guest(client)),
        Err(error) => {
            let text = error.code().map_or_else(|| error.to_string(), |code| code.to_string());
            Err(Failure::new(FailureClass::CredentialsRefused, text))
        }
    }
}
