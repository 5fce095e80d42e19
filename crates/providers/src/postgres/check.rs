//! The check of a record: what the administrative account may do and need not, what is installed on the server for us, and
//! what keeps our accounts from being used from elsewhere.

use super::Postgres;
use super::connection::{Facts, field, number};
use super::elsewhere::{self, Answer};
use super::holders;
use super::scan;
use super::settings::Settings;
use super::sql::{fill, literal, micros, shown};
use super::survey::{MARKER_ROLE, create_graveyard, grant_admin_option, grant_graveyard, strip};
use super::trouble::Trouble;
use super::visit;
use crate::check::{Check, CheckReport, CheckRequest, Level};
use crate::holders::{Holders, HoldersRequest};
use crate::scan::{Scan, ScanRequest};
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_dial::Dialer;
use mayfly_domain::{Administration, Failure, Permit, Place, TargetId, Trust, WallTime};
use std::time::Duration;
use tokio_postgres::SimpleQueryRow;

const DOING: &str = "checking the server";
/// A clock that is further off is shown (DESIGN §9).
const SKEW_SHOWN: Duration = Duration::from_secs(5);
/// How long the server may take to say whether it refuses an address.
const TRY_LIMIT: Duration = Duration::from_secs(10);
/// Free connections that our own four and a few sessions need.
const HEADROOM_LEAST: i64 = 10;

#[async_trait]
impl Check for Postgres {
    async fn identify(
        &self,
        by: &Administration,
        place: &Place,
        settings: &serde_json::Value,
    ) -> Result<TargetId, Failure> {
        let settings = Settings::read(settings)?;
        let lease = self.pool.lease(Permit::Inspect(by), place, &settings.maintenance_database).await?;
        let target = lease.facts.target.clone();
        lease.give_back();
        Ok(target)
    }

    async fn scan(&self, by: &Administration, request: &ScanRequest) -> Result<Scan, Failure> {
        scan::scan(&self.pool, by, request).await
    }

    async fn holders(&self, by: &Administration, request: &HoldersRequest) -> Result<Holders, Failure> {
        holders::holders(&self.pool, by, request).await
    }

    async fn visit(&self, request: &VisitRequest<'_>) -> Result<Option<Box<dyn Visit>>, Failure> {
        visit::log_in(&self.pool, request).await.map(Some)
    }

    fn accepts(&self, settings: &serde_json::Value) -> Result<(), Failure> {
        Settings::read(settings).map(|_| ())
    }

    async fn check(&self, by: &Administration, request: &CheckRequest) -> Result<CheckReport, Failure> {
        let settings = Settings::read(&request.settings)?;
        let lease = self.pool.lease(Permit::Inspect(by), &request.place, &settings.maintenance_database).await?;
        let facts = lease.facts.clone();
        let sql = fill(
            include_str!("sql/check.sql"),
            &[
                ("now", &micros("clock_timestamp()")),
                ("elevated", &literal(request.elevate.as_deref().unwrap_or_default())),
                ("database", &literal(request.database.as_deref().unwrap_or_default())),
                ("grave", &literal(&settings.graveyard_role)),
                ("marker", &literal(MARKER_ROLE)),
            ],
        );
        let answers = lease.run(&sql).await.map_err(|trouble| trouble.failure(DOING, ""))?;
        lease.give_back();
        let [server, me, excess, grave, elevated, databases, opened] = answers.as_slice() else {
            return Err(Trouble::Garbled.failure(DOING, ""));
        };
        let mut checked = Checked { facts: &facts, request, settings: &settings, report: CheckReport::default() };
        let findings = checked
            .server(server)
            .and_then(|()| checked.rights(me, elevated))
            .and_then(|()| checked.excess(me, excess))
            .and_then(|()| checked.graveyard(grave))
            .and_then(|()| checked.databases(databases))
            .and_then(|()| checked.opened(opened))
            .and_then(|()| checked.marker(server));
        findings.map_err(|trouble| trouble.failure(DOING, ""))?;
        let tried = match request.second_address {
            Some(source) => {
                let role = checked.role_to_try();
                let destination = &request.place.destination;
                Some(elsewhere::ask(&Dialer, by, destination, source, &role, TRY_LIMIT).await)
            }
            None => None,
        };
        checked.sources(server, tried).map_err(|trouble| trouble.failure(DOING, ""))?;
        Ok(checked.report)
    }
}

/// A report in the making.
struct Checked<'a> {
    facts: &'a Facts,
    request: &'a CheckRequest,
    settings: &'a Settings,
    report: CheckReport,
}

/// Whether a field says yes.
fn yes(row: &SimpleQueryRow, column: usize) -> Result<bool, Trouble> {
    field(row, column).map(|text| text == "t")
}

fn only(rows: &[SimpleQueryRow]) -> Result<&SimpleQueryRow, Trouble> {
    rows.first().ok_or(Trouble::Garbled)
}

impl Checked<'_> {
    fn me(&self) -> String {
        shown(&self.facts.admin)
    }

    fn missing(&mut self, what: impl Into<String>, fix: Vec<String>) {
        self.report.add(Level::Missing, what, fix);
    }

    /// Version, TLS, clock, connections, logging.
    fn server(&mut self, rows: &[SimpleQueryRow]) -> Result<(), Trouble> {
        let row = only(rows)?;
        let major = self.facts.version / 10_000;
        if major > 18 {
            self.report.add(
                Level::NotTried,
                format!("PostgreSQL {major} is newer than any that this was tested with"),
                vec![],
            );
        } else {
            self.report.ok(format!("PostgreSQL {major} answers as {}", self.facts.target));
        }
        match (&self.request.place.destination.trust, yes(row, 1)?) {
            (Trust::VerifyFull { .. }, true) => self.report.ok("the connection is encrypted and the server's certificate names its host"),
            (Trust::VerifyCa { .. }, true) => self.report.add(
                Level::Excess,
                "the server's certificate is verified without its host name: another server of the same authority could stand in",
                vec!["tls: {mode: verify_full}".to_owned()],
            ),
            _ => self.missing(
                "the connection to the server is not encrypted, as the record says",
                vec!["ssl = on".to_owned(), "tls: {mode: verify_full}".to_owned()],
            ),
        }
        let now = WallTime::from_micros(number(row, 0)?.ok_or(Trouble::Garbled)?);
        let skew = now.since(self.request.now).max(self.request.now.since(now));
        if skew > SKEW_SHOWN {
            self.missing(format!("the server's clock is off by {} s: both need NTP", skew.as_secs()), vec![]);
        } else {
            self.report.ok("the server's clock agrees with ours");
        }
        let free: i64 = number(row, 2)?.ok_or(Trouble::Garbled)?;
        if free < HEADROOM_LEAST {
            let fix = "ALTER SYSTEM SET max_connections = 200;".to_owned();
            self.missing(format!("only {free} connections are free on the server"), vec![fix]);
        } else {
            self.report.ok(format!("{free} connections are free on the server"));
        }
        if field(row, 3)? == "scram-sha-256" {
            self.report.ok("passwords that people set are stored as SCRAM-SHA-256");
        } else {
            let fix = "ALTER SYSTEM SET password_encryption = 'scram-sha-256';".to_owned();
            self.missing("passwords that people set for an account of ours would be stored as MD5", vec![fix]);
        }
        let logs = ["ddl", "mod", "all"].contains(&field(row, 4)?);
        self.report.ok(if logs {
            "the server logs the statements that make accounts; they hold verifiers, never passwords"
        } else {
            "the server does not log the statements that make accounts"
        });
        Ok(())
    }

    /// What the administrative account needs.
    fn rights(&mut self, me: &[SimpleQueryRow], elevated: &[SimpleQueryRow]) -> Result<(), Trouble> {
        let row = only(me)?;
        let name = self.me();
        if yes(row, 0)? || yes(row, 1)? {
            self.report.ok(format!("{name} may make and remove accounts"));
        } else {
            self.missing(format!("{name} may not make accounts"), vec![format!("ALTER ROLE {name} CREATEROLE;")]);
        }
        if yes(row, 2)? {
            self.report.ok(format!("{name} may end sessions"));
        } else {
            let fix = vec![format!("GRANT pg_signal_backend TO {name};")];
            self.missing(format!("{name} may not end the sessions of other roles"), fix);
        }
        if yes(row, 3)? {
            self.report.ok(format!("{name} sees since when sessions run"));
        } else {
            let why = if self.request.lifts_existing {
                "none that is older could be spared"
            } else {
                "one that is opened past us is ended only with the account"
            };
            let fix = vec![format!("GRANT pg_read_all_stats TO {name};")];
            self.missing(format!("{name} does not see since when sessions run, so {why}"), fix);
        }
        if self.request.lifts_existing {
            let what =
                "PostgreSQL holds no deadline for a role granted to an existing account: only Mayfly takes it back";
            self.report.add(Level::Missing, what, vec![]);
        }
        let Some(role) = &self.request.elevate else { return Ok(()) };
        let Some(found) = elevated.first() else {
            let fix = vec![format!("CREATE ROLE {} NOLOGIN;", shown(role))];
            self.missing(format!("there is no role {} to lift into", shown(role)), fix);
            return Ok(());
        };
        if yes(found, 0)? {
            let fix = vec![format!("ALTER ROLE {} NOSUPERUSER;", shown(role))];
            self.report.add(Level::Excess, format!("{} is a superuser: whoever is lifted into it can do anything, and undo nothing of it can be promised", shown(role)), fix);
        }
        let may_grant = yes(row, 0)? || if self.facts.has_membership_options() { yes(found, 1)? } else { yes(row, 1)? };
        if may_grant {
            self.report.ok(format!("{name} may grant {}", shown(role)));
        } else {
            self.missing(format!("{name} may not grant {}", shown(role)), vec![grant_admin_option(role, self.facts)]);
        }
        Ok(())
    }

    /// What the administrative account does not need.
    fn excess(&mut self, me: &[SimpleQueryRow], groups: &[SimpleQueryRow]) -> Result<(), Trouble> {
        let row = only(me)?;
        let name = self.me();
        let attributes = [(0, "SUPERUSER"), (4, "BYPASSRLS"), (5, "REPLICATION"), (6, "CREATEDB")];
        let mut any = false;
        for (column, attribute) in attributes {
            if yes(row, column)? {
                any = true;
                let fix = if attribute == "SUPERUSER" {
                    vec![format!("ALTER ROLE {name} NOSUPERUSER CREATEROLE;")]
                } else {
                    vec![format!("ALTER ROLE {name} NO{attribute};")]
                };
                self.report.add(Level::Excess, format!("{name} has {attribute}, which Mayfly does not need"), fix);
            }
        }
        for row in groups {
            any = true;
            let role = shown(field(row, 0)?);
            let fix = vec![format!("REVOKE {role} FROM {name};")];
            self.report.add(Level::Excess, format!("{name} is a member of {role}, which Mayfly does not need"), fix);
        }
        if !self.facts.superuser && !self.facts.has_membership_options() {
            // Nothing narrower exists up to 15.
            let what = format!(
                "CREATEROLE up to PostgreSQL 15 lets {name} grant and change every role without superuser: guard its password, or upgrade"
            );
            self.report.add(Level::Excess, what, vec![]);
        } else if !any {
            self.report.ok(format!("{name} has no right that Mayfly does not need"));
        }
        Ok(())
    }

    /// The role that gets what accounts leave.
    fn graveyard(&mut self, rows: &[SimpleQueryRow]) -> Result<(), Trouble> {
        let role = &self.settings.graveyard_role;
        let Some(row) = rows.first() else {
            let what = format!("the role {}, which gets what accounts leave, does not exist", shown(role));
            self.missing(what, create_graveyard(role, self.facts));
            return Ok(());
        };
        let mut good = true;
        if yes(row, 0)? {
            good = false;
            self.report.add(Level::Excess, format!("{} has rights of its own", shown(role)), vec![strip(role)]);
        }
        if !field(row, 1)?.is_empty() {
            good = false;
            let fix = vec![format!("REVOKE {} FROM {};", field(row, 1)?, shown(role))];
            self.report.add(Level::Excess, format!("{} is a member of other roles", shown(role)), fix);
        }
        if !yes(row, 2)? {
            good = false;
            let what = format!("{} may not hand anything over to {}", self.me(), shown(role));
            self.missing(what, vec![grant_graveyard(role, self.facts)]);
        }
        if good {
            self.report.ok(format!("{} can take what accounts leave, and can do nothing", shown(role)));
        }
        Ok(())
    }

    /// The databases in which an account might leave something.
    fn databases(&mut self, rows: &[SimpleQueryRow]) -> Result<(), Trouble> {
        let name = self.me();
        if rows.is_empty() {
            self.report.ok(format!("{name} may connect to every database, to hand over what accounts leave there"));
            return Ok(());
        }
        let mut fixes = Vec::new();
        for row in rows {
            fixes.push(format!("GRANT CONNECT ON DATABASE {} TO {name};", shown(field(row, 0)?)));
        }
        self.missing(
            format!("{name} may not connect to some databases, so what accounts leave there would stay"),
            fixes,
        );
        Ok(())
    }

    /// The database that sessions open.
    fn opened(&mut self, rows: &[SimpleQueryRow]) -> Result<(), Trouble> {
        let Some(row) = rows.first() else { return Ok(()) };
        let name = shown(field(row, 0)?);
        if yes(row, 1)? {
            self.report.ok(format!("sessions open database {name}"));
        } else {
            self.missing(
                format!("there is no database {name} that takes connections: correct the record's `default_database`"),
                vec![format!("CREATE DATABASE {name};")],
            );
        }
        Ok(())
    }

    /// The marker role, by which `pg_hba.conf` knows our accounts where it knows no patterns.
    fn marker(&mut self, rows: &[SimpleQueryRow]) -> Result<(), Trouble> {
        if !self.facts.has_membership_options() && !yes(only(rows)?, 5)? {
            self.missing(
                format!("the role {MARKER_ROLE}, by which pg_hba.conf knows our accounts up to PostgreSQL 15, does not exist"),
                vec![format!("CREATE ROLE {MARKER_ROLE} NOLOGIN;")],
            );
        }
        Ok(())
    }

    /// A name that the lines for our accounts match, without an account being made: the marker role counts as a member of
    /// itself, and a pattern also matches what does not exist.
    fn role_to_try(&self) -> String {
        if self.facts.has_membership_options() {
            format!("{}{}", self.request.prefix.as_str(), "0".repeat(13))
        } else {
            MARKER_ROLE.to_owned()
        }
    }

    /// What keeps our accounts from being used from elsewhere.
    fn sources(&mut self, rows: &[SimpleQueryRow], tried: Option<Result<Answer, Failure>>) -> Result<(), Trouble> {
        let who = if self.facts.has_membership_options() {
            format!("\"/^{}[0-9a-z]{{13}}$\"", self.request.prefix.as_str())
        } else {
            format!("+{MARKER_ROLE}")
        };
        let address = match (self.request.our_address, field(only(rows)?, 6)?) {
            (Some(address), _) => address.to_string(),
            (None, "") => "<address of Mayfly>".to_owned(),
            (None, seen) => seen.to_owned(),
        };
        let lines = vec![
            format!("hostssl all {who} {address} {} scram-sha-256", whole_mask(&address)),
            format!("host    all {who} all reject"),
            format!("local   all {who} reject"),
        ];
        let remedy = "these lines, first in pg_hba.conf, let them in from Mayfly only";
        match tried {
            None => self.report.add(
                Level::NotTried,
                format!("whether our accounts get in from elsewhere was not tried, because no second address was given; {remedy}"),
                lines,
            ),
            Some(Ok(Answer::Refused)) => self.report.ok("the server refuses our accounts from the second address"),
            Some(Ok(Answer::Admitted)) => self.report.add(
                Level::Excess,
                format!("can be bypassed: the server lets our accounts try a password from the second address; {remedy}"),
                lines,
            ),
            Some(Err(failure)) => self.report.add(
                Level::NotTried,
                format!("whether our accounts get in from the second address could not be tried: {}; {remedy}", failure.text),
                lines,
            ),
        }
        Ok(())
    }
}

/// The mask of a single address; `pg_hba.conf` takes it in a column of its own.
fn whole_mask(address: &str) -> &'static str {
    if address.contains(':') { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } else { "255.255.255.255" }
}
