//! Servers lent to the tests of one process, one test after the other, as PostgreSQL's [`crate::pool`] does and for the same
//! reason: starting one takes longer than most tests do.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::{Flavour, Mysql, Options, fixtures, quote_identifier, quote_literal, snapshot};
use crate::fixtures::ROLES;
use crate::postgres::Login;

/// A server with the databases and roles of [`fixtures`] and its administrator, for one test. Derefs to [`Mysql`].
/// Dropping it gives the server back, or ends it if it is one's own or the test has failed.
#[derive(Debug)]
pub struct Lent {
    kept: Option<Kept>,
    goes_back: bool,
}

#[derive(Debug)]
struct Kept {
    server: Mysql,
    admin: Login,
    /// What the server holds besides the databases of the fixtures.
    pristine: String,
}

static IDLE: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A server that is as if it had just been started; only its log and its counters tell that it was not. It blocks.
///
/// # Errors
/// When no server is idle and none can be started.
pub fn fresh(flavour: Flavour) -> Result<Lent> {
    while let Some(kept) = idle(flavour) {
        if let Ok(true) = clean(&kept) {
            return Ok(Lent { kept: Some(kept), goes_back: true });
        }
    }
    Ok(Lent { kept: Some(start(Options { durable: false, ..Options::new(flavour) })?), goes_back: true })
}

/// A server on which accounts, databases and rights that other tests made may still be, for tests with names of their own.
/// It blocks.
///
/// # Errors
/// As [`fresh`].
pub fn used(flavour: Flavour) -> Result<Lent> {
    let kept = match idle(flavour) {
        Some(kept) => kept,
        None => start(Options { durable: false, ..Options::new(flavour) })?,
    };
    Ok(Lent { kept: Some(kept), goes_back: true })
}

/// A server just started, which nobody else gets afterwards. It blocks.
///
/// # Errors
/// When it cannot be started.
pub fn own(options: Options) -> Result<Lent> {
    Ok(Lent { kept: Some(start(options)?), goes_back: false })
}

impl Lent {
    /// The administrator, who may grant the fixtures' roles; [`fixtures::lend`] adds more.
    #[must_use]
    pub fn admin(&self) -> &Login {
        &self.kept().admin
    }

    #[expect(clippy::expect_used, reason = "only drop takes it out")]
    fn kept(&self) -> &Kept {
        self.kept.as_ref().expect("a server that is lent")
    }
}

impl Deref for Lent {
    type Target = Mysql;

    fn deref(&self) -> &Mysql {
        &self.kept().server
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take().filter(|_| self.goes_back && !std::thread::panicking()) {
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        }
    }
}

fn idle(flavour: Flavour) -> Option<Kept> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = idle.iter().rposition(|kept| kept.server.flavour() == flavour)?;
    Some(idle.swap_remove(place))
}

fn start(options: Options) -> Result<Kept> {
    let server = Mysql::start(options)?;
    fixtures::create_roles(&server)?;
    let admin = fixtures::create_admin(&server, &ROLES)?;
    let pristine = snapshot::take(&server)?;
    fixtures::create_databases(&server)?;
    Ok(Kept { server, admin, pristine })
}

/// Takes away what tests made and says whether nothing of it is left.
fn clean(kept: &Kept) -> Result<bool> {
    let server = &kept.server;
    let lines = |sql: &str| -> Result<Vec<String>> { Ok(server.sql("", sql)?.lines().map(str::to_owned).collect()) };
    let sessions = lines(
        "SELECT CONCAT('KILL ', ID) FROM information_schema.PROCESSLIST \
         WHERE ID <> CONNECTION_ID() AND USER NOT IN ('event_scheduler', 'system user') AND COMMAND <> 'Daemon'",
    )?;
    for kill in sessions {
        // One that has gone meanwhile cannot be ended.
        let _ = server.sql("", &kill);
    }
    for transaction in prepared(server)? {
        server.sql("", &format!("XA ROLLBACK {transaction}"))?;
    }
    let databases = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
                     WHERE SCHEMA_NAME NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')";
    for database in lines(databases)? {
        server.sql("", &format!("DROP DATABASE {}", quote_identifier(&database)))?;
    }
    for event in lines("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'mysql'")? {
        server.sql("mysql", &format!("DROP EVENT {}", quote_identifier(&event)))?;
    }
    let keep = "'root', 'mariadb.sys', 'mysql.sys', 'mysql.session', 'mysql.infoschema', 'mayfly_admin', 'mayfly_graveyard', \
                'readonly', 'readwrite', 'PUBLIC'";
    for account in
        lines(&format!("SELECT CONCAT(HEX(User), ' ', HEX(Host)) FROM mysql.user WHERE User NOT IN ({keep})"))?
    {
        let (user, host) = account.split_once(' ').context("an account")?;
        let (user, host) = (text(user)?, text(host)?);
        match (server.flavour(), host.as_str()) {
            (Flavour::MariaDb, "") => server.sql("", &format!("DROP ROLE {}", quote_identifier(&user)))?,
            _ => server.sql("", &format!("DROP USER {}@{}", quote_literal(&user), quote_literal(&host)))?,
        };
    }
    if snapshot::take(server)? != kept.pristine {
        return Ok(false);
    }
    fixtures::create_databases(server)?;
    Ok(true)
}

/// The names of prepared transactions, as statements take them.
fn prepared(server: &Mysql) -> Result<Vec<String>> {
    if server.flavour() == Flavour::MariaDb {
        let rows = server.sql("", "XA RECOVER FORMAT = 'SQL'")?;
        return Ok(rows.lines().filter_map(|row| row.rsplit('\t').next()).map(str::to_owned).collect());
    }
    let rows = server.sql("", "XA RECOVER CONVERT XID")?;
    let name = |row: &str| {
        let [format, global, _, data] = row.split('\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("XA RECOVER answers {row:?}")
        };
        let hex = data.trim_start_matches("0x");
        let (global, branch) = hex.split_at(global.parse::<usize>().context("a length")? * 2);
        Ok(format!("X'{global}', X'{branch}', {format}"))
    };
    rows.lines().map(name).collect()
}

/// What stands in hexadecimal digits.
fn text(hex: &str) -> Result<String> {
    let bytes: Result<Vec<u8>, _> =
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16)).collect();
    String::from_utf8(bytes.context("no digits")?).context("no text")
}
