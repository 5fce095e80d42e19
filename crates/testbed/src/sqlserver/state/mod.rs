//! What the stand-in knows: the catalogue, which transactions can take back, and the sessions, which they cannot.

mod database;
mod job;
mod rights;
mod server;
mod session;

pub(crate) use database::{
    Authentication, Column, Database, DatabasePrincipal, Object, Property, Schema, Trigger, role_sid,
};
pub(crate) use job::{Job, JobStep, Schedule};
pub(crate) use rights::{Grant, GrantState};
pub(crate) use server::{Endpoint, PrincipalKind, ServerPrincipal};
pub(crate) use session::{Arrival, Session, Sessions};

use super::error::SqlError;
use super::value::same;

/// Everything that statements about accounts can change.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    /// What the server calls itself.
    pub(crate) server_name: String,
    pub(crate) principals: Vec<ServerPrincipal>,
    /// Roles and their members, by their ids.
    pub(crate) members: Vec<(i64, i64)>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) databases: Vec<Database>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) jobs: Vec<Job>,
    /// The next id of anything of the server.
    pub(crate) next_id: i64,
}

impl Catalogue {
    /// A new server, on which `sa` has this password.
    pub(crate) fn new(server_name: &str, sa_password: &str) -> Self {
        let mut catalogue = Self {
            server_name: server_name.to_owned(),
            principals: server::built_in(sa_password),
            members: Vec::new(),
            grants: Vec::new(),
            databases: Vec::new(),
            endpoints: Vec::new(),
            jobs: Vec::new(),
            next_id: 256,
        };
        catalogue.members.push((server::SYSADMIN, server::SA));
        for name in ["master", "tempdb", "model", "msdb"] {
            let id = i64::try_from(catalogue.databases.len()).unwrap_or(0) + 1;
            catalogue.databases.push(Database::new(id, name, &server::SA_SID, false));
        }
        catalogue
    }

    /// A new id.
    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// The login or server role with this name.
    pub(crate) fn principal(&self, name: &str) -> Option<&ServerPrincipal> {
        self.principals.iter().find(|principal| same(&principal.name, name))
    }

    /// The login with this name.
    pub(crate) fn login(&self, name: &str) -> Option<&ServerPrincipal> {
        self.principal(name).filter(|principal| principal.kind == PrincipalKind::Login)
    }

    /// The login with this name, to be changed.
    pub(crate) fn login_mut(&mut self, name: &str) -> Option<&mut ServerPrincipal> {
        let found = self.principals.iter_mut().find(|principal| same(&principal.name, name));
        found.filter(|principal| principal.kind == PrincipalKind::Login)
    }

    /// The principal with this id.
    pub(crate) fn by_id(&self, id: i64) -> Option<&ServerPrincipal> {
        self.principals.iter().find(|principal| principal.id == id)
    }

    /// The principal with this sid.
    pub(crate) fn by_sid(&self, sid: &[u8]) -> Option<&ServerPrincipal> {
        self.principals.iter().find(|principal| principal.sid == sid)
    }

    /// The database with this name.
    ///
    /// # Errors
    /// 911 if there is none.
    pub(crate) fn database(&self, name: &str) -> Result<&Database, SqlError> {
        self.databases.iter().find(|database| same(&database.name, name)).ok_or_else(|| no_database(name))
    }

    /// The database with this name, to be changed.
    ///
    /// # Errors
    /// As [`Catalogue::database`].
    pub(crate) fn database_mut(&mut self, name: &str) -> Result<&mut Database, SqlError> {
        self.databases.iter_mut().find(|database| same(&database.name, name)).ok_or_else(|| no_database(name))
    }

    /// The job with this name.
    pub(crate) fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| same(&job.name, name))
    }
}

fn no_database(name: &str) -> SqlError {
    SqlError::new(911, format!("Database '{name}' does not exist. Make sure that the name is entered correctly."))
}

/// Checks a new name.
///
/// # Errors
/// 103 if it is too long, 1038 if it is empty.
pub(crate) fn check_name(name: &str) -> Result<(), SqlError> {
    if name.is_empty() {
        return Err(SqlError::of_class(15, 1038, "An object or column name is missing or empty."));
    }
    if name.encode_utf16().count() > 128 {
        let start: String = name.chars().take(124).collect();
        let text = format!("The identifier that starts with '{start}' is too long. Maximum length is 128.");
        return Err(SqlError::of_class(15, 103, text));
    }
    Ok(())
}

/// The clock, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Random bytes, for sids and ids of jobs.
pub(crate) fn random<const LEN: usize>() -> [u8; LEN] {
    let mut bytes = [0; LEN];
    // Without randomness of the system nothing else would work either.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// An id as text, as `NEWID()` gives it.
pub(crate) fn new_guid() -> String {
    let bytes: [u8; 16] = random();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
