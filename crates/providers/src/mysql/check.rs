//! The check of a record: what the administrative account may do and need not, what the server does for us, and what an ephemeral
//! account will be able to do.

use super::MySql;
use super::accounts::{Known, read_accounts};
use super::connection::{Facts, Purpose, Row, Rows, first};
use super::dialect::Dialect;
use super::holders;
use super::rights::{Rights, read_rights};
use super::scan;
use super::sessions::{read_reading, reading};
use super::settings::Settings;
use super::sql::{fill, literal, shown};
use super::survey::{create_graveyard, grant_admin_option, is_listed, lock_graveyard};
use super::trouble::Trouble;
use crate::check::{Check, CheckReport, CheckRequest, Level};
use crate::holders::{Holders, HoldersRequest};
use crate::leftovers::Leftovers;
use crate::scan::{Scan, ScanRequest};
use crate::text::told;
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_domain::{Administration, Failure, Permit, Place, TargetId, Trust};
use std::time::Duration;

const DOING: &str = "checking the server";
/// A clock that is further off is shown (DESIGN §9).
const SKEW_SHOWN: Duration = Duration::from_secs(5);
/// Free connections that our own three and a few sessions need.
const HEADROOM_LEAST: i64 = 10;
/// How many lines of what a role may do are shown.
const GRANTS_MOST: usize = 20;

#[async_trait]
impl Check for MySql {
    async fn identify(
        &self,
        by: &Administration,
        place: &Place,
        settings: &serde_json::Value,
    ) -> Result<TargetId, Failure> {
        Settings::read(settings)?;
        let lease = self.pool.lease(Permit::Inspect(by), place, Purpose::Accounts.with(self.dialect)).await?;
        let target = lease.facts.target.clone();
        lease.give_back();
        Ok(target)
    }

    async fn scan(&self, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
        scan::scan(self, by, request).await
    }

    async fn holders(&self, by: &Administration, request: &HoldersRequest) -> Result<Holders, Failure> {
        holders::holders(self, by, request).await
    }

    async fn visit(&self, request: &VisitRequest<'_>) -> Result<Option<Box<dyn Visit>>, Failure> {
        super::visit::log_in(self, request).await.map(Some)
    }

    fn accepts(&self, settings: &serde_json::Value) -> Result<(), Failure> {
        Settings::read(settings).map(|_| ())
    }

    async fn check(&self, by: &Administration, request: &CheckRequest) -> Result<CheckReport, Failure> {
        let settings = Settings::read(&request.settings)?;
        let purpose = Purpose::Accounts.with(self.dialect);
        let lease = self.pool.lease(Permit::Inspect(by), &request.place, purpose).await?;
        let facts = lease.facts.clone();
        let answers = lease.run(&query(&facts, request, &settings)).await;
        let answers = answers.map_err(|trouble| trouble.failure(DOING, ""))?;
        let seen = Seen::read(&answers, request).map_err(|trouble| trouble.failure(DOING, ""))?;
        let mut checked = Checked { facts: &facts, request, settings: &settings, seen, report: CheckReport::default() };
        checked.server();
        checked.rights();
        checked.role();
        checked.hand_over();
        checked.excess();
        checked.deadline();
        checked.graveyard();
        checked.opened();
        checked.sources();
        let roles = checked.default_roles();
        for role in roles {
            // What cannot be read of a role is no reason to say nothing of the rest.
            let grants = lease.run(&format!("SHOW GRANTS FOR {};", facts.dialect.role(&role))).await;
            checked.grants(&role, grants.as_deref().ok().and_then(<[Rows]>::first));
        }
        lease.give_back();
        Ok(checked.report)
    }
}

fn query(facts: &Facts, request: &CheckRequest, settings: &Settings) -> String {
    let dialect = facts.dialect;
    let elevated = request.elevate.as_deref().unwrap_or_default();
    let template = match dialect {
        Dialect::MySql => include_str!("sql/check_mysql.sql"),
        Dialect::MariaDb => include_str!("sql/check_mariadb.sql"),
    };
    let host = if dialect == Dialect::MySql { "%" } else { "" };
    let mut sql = reading(dialect);
    sql.push_str(&fill(
        template,
        &[
            ("admin_edge", &dialect.has_admin_edge(&facts.admin, &facts.admin_host, elevated)),
            ("database", &literal(request.database.as_deref().unwrap_or_default())),
            ("events", &literal(&settings.event_database)),
        ],
    ));
    sql.push_str(&dialect.accounts(&format!("u.User = {} AND u.Host = {}", literal(elevated), literal(host))));
    let grave = literal(&settings.graveyard_account);
    sql.push_str(&dialect.accounts(&format!("u.User = {grave} AND u.Host = 'localhost'")));
    sql.push_str(&super::rights::queries(facts).concat());
    sql
}

/// What was read.
struct Seen {
    skew: Duration,
    /// Columns: free connections, the event scheduler, whether we may grant the role by an edge, whether the database is seen,
    /// whether that of the events is, the mandatory roles, whether all roles are active at log-in.
    server: Row,
    role: Option<Known>,
    grave: Option<Known>,
    rights: Rights,
}

impl Seen {
    fn read(answers: &[Rows], request: &CheckRequest) -> Result<Self, Trouble> {
        let [reading, server, role, grave, global, schemas] = answers else { return Err(Trouble::Garbled) };
        let now = read_reading(reading)?.now;
        Ok(Self {
            skew: now.since(request.now).max(request.now.since(now)),
            server: first(server)?.clone(),
            role: read_accounts(role)?.into_iter().next(),
            grave: read_accounts(grave)?.into_iter().next(),
            rights: read_rights(global, schemas)?,
        })
    }

    fn text(&self, column: usize) -> &str {
        self.server.text(column).unwrap_or_default()
    }

    fn yes(&self, column: usize) -> bool {
        self.server.yes(column).unwrap_or_default()
    }
}

/// The rights on the whole server that accounts need, and what for.
const fn needed(dialect: Dialect) -> &'static [(&'static str, &'static str)] {
    match dialect {
        Dialect::MySql => &[
            ("CREATE USER", "make and remove accounts"),
            ("PROCESS", "see the sessions of other accounts"),
            ("CONNECTION_ADMIN", "end the sessions of other accounts"),
        ],
        Dialect::MariaDb => &[
            ("CREATE USER", "make and remove accounts"),
            ("PROCESS", "see the sessions of other accounts"),
            ("CONNECTION ADMIN", "end the sessions of other accounts"),
        ],
    }
}

/// The rights that handing over takes: seeing what an account has defined anywhere, and writing it anew.
const fn for_handing_over(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::MySql => &[
            "SHOW VIEW",
            "CREATE VIEW",
            "DROP",
            "TRIGGER",
            "EVENT",
            "CREATE ROUTINE",
            "ALTER ROUTINE",
            "SHOW_ROUTINE",
            "SET_ANY_DEFINER",
        ],
        Dialect::MariaDb => {
            &["SHOW VIEW", "CREATE VIEW", "DROP", "TRIGGER", "EVENT", "CREATE ROUTINE", "ALTER ROUTINE", "SET USER"]
        }
    }
}

/// Rights that are of use here and excess neither: reading what a view reads, and what a definer would otherwise forbid.
const HARMLESS: &[&str] =
    &["USAGE", "SELECT", "ALLOW_NONEXISTENT_DEFINER", "XA_RECOVER_ADMIN", "ROLE_ADMIN", "LOCK TABLES"];

/// A report in the making.
struct Checked<'a> {
    facts: &'a Facts,
    request: &'a CheckRequest,
    settings: &'a Settings,
    seen: Seen,
    report: CheckReport,
}

impl Checked<'_> {
    fn missing(&mut self, what: impl Into<String>, fix: Vec<String>) {
        self.report.add(Level::Missing, what, fix);
    }

    /// Version, TLS, clock, connections.
    fn server(&mut self) {
        let (major, minor) = self.facts.version;
        let title = self.facts.dialect.title();
        let tested = match self.facts.dialect {
            Dialect::MySql => major == 9,
            Dialect::MariaDb => (major, minor) == (10, 11),
        };
        if tested {
            self.report.ok(format!("{title} {major}.{minor} answers as {}", self.facts.target));
        } else {
            let what = format!("{title} {major}.{minor} is supported, and was not tested with");
            self.report.add(Level::NotTried, what, vec![]);
        }
        match (&self.request.place.destination.trust, self.facts.encrypted) {
            (Trust::VerifyFull { .. }, true) => self.report.ok("the connection is encrypted and the server's certificate names its host"),
            (Trust::VerifyCa { .. }, true) => self.report.add(
                Level::Excess,
                "the server's certificate is verified without its host name: another server of the same authority could stand in",
                vec!["tls: {mode: verify_full}".to_owned()],
            ),
            _ => self.missing(
                "the connection to the server is not encrypted, as the record says, and accounts are let in without TLS",
                vec!["tls: {mode: verify_full}".to_owned()],
            ),
        }
        if self.seen.skew > SKEW_SHOWN {
            self.missing(format!("the server's clock is off by {} s: both need NTP", self.seen.skew.as_secs()), vec![]);
        } else {
            self.report.ok("the server's clock agrees with ours");
        }
        let free: i64 = self.seen.server.number(0).unwrap_or_default();
        if free < HEADROOM_LEAST {
            let fix = vec![
                "SET GLOBAL max_connections = 500;".to_owned(),
                "[mysqld]".to_owned(),
                "max_connections=500".to_owned(),
            ];
            self.missing(format!("only {free} connections are free on the server"), fix);
        } else {
            self.report.ok(format!("{free} connections are free on the server"));
        }
    }

    /// What the administrative account needs for accounts and sessions.
    fn rights(&mut self) {
        let me = self.facts.me();
        for (right, what) in needed(self.facts.dialect) {
            if self.seen.rights.has(right) {
                self.report.ok(format!("{me} may {what}"));
            } else {
                self.missing(format!("{me} may not {what}"), vec![format!("GRANT {right} ON *.* TO {me};")]);
            }
        }
        let tables: &[&str] = if self.facts.dialect == Dialect::MariaDb { &["SELECT", "UPDATE"] } else { &["SELECT"] };
        let lacking: Vec<&str> = tables.iter().copied().filter(|right| !self.seen.rights.on("mysql", right)).collect();
        if lacking.is_empty() {
            self.report.ok(format!("{me} may read which accounts there are"));
        } else {
            let fix = vec![format!("GRANT {} ON mysql.* TO {me};", lacking.join(", "))];
            self.missing(format!("{me} may not read accounts, or set their default roles"), fix);
        }
        if self.request.lifts_existing {
            let what =
                "the server holds no deadline for a role granted to an existing account: only Mayfly takes it back";
            self.missing(what, vec![]);
        }
    }

    /// The role that sessions are lifted into.
    fn role(&mut self) {
        let Some(role) = self.request.elevate.clone() else { return };
        let (me, name) = (self.facts.me(), shown(&role));
        if self.seen.role.is_none() {
            self.missing(
                format!("there is no role {name} to lift into"),
                vec![format!("CREATE ROLE {};", self.facts.dialect.role(&role))],
            );
            return;
        }
        if self.seen.yes(2) || self.facts.dialect == Dialect::MySql && self.seen.rights.has("ROLE_ADMIN") {
            self.report.ok(format!("{me} may grant {name}"));
        } else {
            self.missing(format!("{me} may not grant {name}"), vec![grant_admin_option(&role, self.facts)]);
        }
    }

    /// What the handing over of definers takes.
    fn hand_over(&mut self) {
        if self.settings.leftovers == Leftovers::Keep {
            return;
        }
        let me = self.facts.me();
        let all = for_handing_over(self.facts.dialect);
        let lacking: Vec<&str> = all.iter().copied().filter(|right| !self.seen.rights.has(right)).collect();
        if lacking.is_empty() {
            self.report.ok(format!("{me} sees what accounts have defined, and may hand it over"));
            return;
        }
        let what = format!(
            "{me} does not see everything that accounts may define, or may not hand it over: needed where their roles let them \
             make views, routines, triggers or events; writing a view anew also takes SELECT on what it reads"
        );
        self.missing(what, vec![format!("GRANT {} ON *.* TO {me};", lacking.join(", "))]);
    }

    /// What the administrative account does not need.
    fn excess(&mut self) {
        let me = self.facts.me();
        let dialect = self.facts.dialect;
        let of_use = |right: &str| {
            needed(dialect).iter().any(|(known, _)| *known == right)
                || for_handing_over(dialect).contains(&right)
                || HARMLESS.contains(&right)
        };
        let excess: Vec<&str> = self.seen.rights.global().filter(|right| !of_use(right)).collect();
        if excess.is_empty() {
            self.report.ok(format!("{me} has no right on the whole server that Mayfly does not need"));
        } else {
            let what = format!("{me} has {}, which Mayfly does not need", excess.join(", "));
            let fix = vec![format!("REVOKE {} ON *.* FROM {me};", excess.join(", "))];
            self.report.add(Level::Excess, what, fix);
        }
        if dialect == Dialect::MariaDb {
            let what = format!(
                "CREATE USER on MariaDB, and UPDATE on its account tables, let {me} change every account, root's too: guard its \
                 password"
            );
            self.report.add(Level::Excess, what, vec![]);
        }
    }

    /// The deadline that the server itself holds for accounts.
    fn deadline(&mut self) {
        let me = self.facts.me();
        let database = &self.settings.event_database;
        let may = self.seen.yes(4) && self.seen.rights.on(database, "EVENT");
        match (self.seen.text(1), may) {
            ("ON", true) => self.report.ok("an event on the server closes each ephemeral account at its deadline"),
            ("ON", false) => {
                let fix = vec![format!("GRANT EVENT ON {}.* TO {me};", super::sql::ident(database))];
                self.missing(
                    format!(
                        "{me} may make no events in {}, so no deadline on the server closes an account",
                        shown(database)
                    ),
                    fix,
                );
            }
            (_, may) => {
                let mut fix = vec![
                    "SET GLOBAL event_scheduler = ON;".to_owned(),
                    "[mysqld]".to_owned(),
                    "event_scheduler=ON".to_owned(),
                ];
                if !may {
                    fix.insert(0, format!("GRANT EVENT ON {}.* TO {me};", super::sql::ident(database)));
                }
                self.missing(
                    "the event scheduler is off: there is no deadline on the server that closes an account",
                    fix,
                );
            }
        }
    }

    /// The account that takes what accounts have defined.
    fn graveyard(&mut self) {
        if self.settings.leftovers != Leftovers::Graveyard {
            return;
        }
        let name = &self.settings.graveyard_account;
        match &self.seen.grave {
            None => {
                let what = format!(
                    "the account {} at localhost, in whose name stays what accounts have defined, does not exist",
                    shown(name)
                );
                let fix = vec![create_graveyard(name)];
                self.missing(what, fix);
            }
            Some(known) if !known.locked => {
                let fix = vec![lock_graveyard(name)];
                self.report.add(Level::Excess, format!("{} can log in", shown(name)), fix);
            }
            Some(_) => {
                self.report.ok(format!("{} can take what accounts have defined, and cannot log in", shown(name)))
            }
        }
    }

    /// The database that sessions open.
    fn opened(&mut self) {
        let Some(database) = &self.request.database else { return };
        let name = shown(database);
        if self.seen.yes(3) {
            self.report.ok(format!("sessions open database {name}"));
        } else if self.seen.rights.has("SHOW DATABASES") {
            self.missing(format!("there is no database {name}: correct the record's `default_database`"), vec![]);
        } else {
            let what = format!("whether there is a database {name} is not shown to the administrative account");
            self.report.add(Level::NotTried, what, vec![]);
        }
    }

    /// From where ephemeral accounts get in.
    fn sources(&mut self) {
        let host = &self.settings.host;
        if host.contains(['%', '_', '/']) {
            self.report.add(
                Level::Excess,
                format!("can be bypassed: the record lets ephemeral accounts in from {}", shown(host)),
                vec!["host: \"\"".to_owned()],
            );
            return;
        }
        let from = if host.is_empty() { &self.facts.seen_from } else { host };
        self.report.ok(format!(
            "ephemeral accounts are made for {} only, from where the server sees Mayfly come",
            shown(from)
        ));
        if let Some(second) = self.request.second_address.filter(|second| second.to_string() == *from) {
            self.report.add(
                Level::Excess,
                format!("{second} is that address as well: it is shared with others"),
                vec![],
            );
        }
    }

    /// What an ephemeral account has at its log-in, as sentences; returns the roles.
    fn default_roles(&mut self) -> Vec<String> {
        let mut roles: Vec<String> = self.request.elevate.clone().into_iter().collect();
        let (mandatory, all_active) = (self.seen.text(5).to_owned(), self.seen.yes(6));
        let fix = |statements: &[&str]| statements.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        if self.facts.dialect == Dialect::MariaDb {
            if roles.is_empty() {
                self.missing(
                    "an ephemeral account has no role, and may do only what PUBLIC may: name a role in the record, or give rights to PUBLIC",
                    fix(&["GRANT SELECT ON `database`.* TO PUBLIC;"]),
                );
            }
            return roles;
        }
        let listed: Vec<String> = mandatory
            .split(',')
            .map(|entry| entry.trim().rsplit_once('@').map_or(entry.trim(), |(name, _)| name))
            .map(|name| name.trim_matches(['`', '\'', '"']).to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        match (listed.is_empty(), all_active) {
            (true, _) if roles.is_empty() => self.missing(
                "an ephemeral account has no role and may do nothing: name a role in the record, or make one mandatory for every account",
                fix(&[
                    "CREATE ROLE 'readonly';",
                    "GRANT SELECT ON *.* TO 'readonly';",
                    "SET PERSIST mandatory_roles = 'readonly';",
                    "SET PERSIST activate_all_roles_on_login = ON;",
                    "[mysqld]",
                    "mandatory_roles='readonly'",
                    "activate_all_roles_on_login=ON",
                ]),
            ),
            (true, _) => {}
            (false, true) => self.report.ok(format!(
                "every account has {} from its log-in on, ephemeral ones too (mandatory_roles, activate_all_roles_on_login)",
                told(&listed.join(", "))
            )),
            (false, false) => self.missing(
                format!("every account has {}, but not before it says SET ROLE (mandatory_roles)", told(&listed.join(", "))),
                fix(&["SET PERSIST activate_all_roles_on_login = ON;", "[mysqld]", "activate_all_roles_on_login=ON"]),
            ),
        }
        if let Some(role) = roles.first().filter(|role| is_listed(role, &mandatory)) {
            let what = format!("{} is mandatory: every account has it whether a session lasts or not", shown(role));
            self.report.add(Level::Excess, what, vec!["SET PERSIST mandatory_roles = '';".to_owned()]);
        }
        roles.extend(listed);
        roles.dedup();
        roles
    }

    /// What a role may do, in the server's own words.
    fn grants(&mut self, role: &str, grants: Option<&Rows>) {
        let Some(grants) = grants else {
            let what = format!("what {} may do is not shown to the administrative account", shown(role));
            self.report.add(Level::NotTried, what, vec![]);
            return;
        };
        for row in grants.iter().take(GRANTS_MOST) {
            self.report.ok(format!("an ephemeral account may: {}", told(row.text(0).unwrap_or_default())));
        }
    }
}
