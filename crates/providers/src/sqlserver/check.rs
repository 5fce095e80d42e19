//! The check of a record: what the administrative account may do and need not, what is installed on the server for us, and what
//! the server cannot do for us.

use super::SqlServer;
use super::connection::{Facts, Row, needed, number, only, yes};
use super::holders;
use super::names::named;
use super::scan;
use super::seen::{self, Inside, Role, Server};
use super::settings::{InDatabase, Settings};
use super::sql::{Value, call, shown};
use super::texts;
use super::trouble::Trouble;
use super::visit;
use crate::check::{Check, CheckReport, CheckRequest, Level};
use crate::holders::{Holders, HoldersRequest};
use crate::leftovers::Leftovers;
use crate::scan::{Scan, ScanRequest};
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_domain::{Administration, Failure, Permit, Place, TargetId, Trust, WallTime};
use std::time::Duration;

const DOING: &str = "checking the server";
/// A clock that is further off is shown (DESIGN §9).
const SKEW_SHOWN: Duration = Duration::from_secs(5);
/// The newest version, as `ProductMajorVersion`, whose documents this was written after.
const NEWEST: i64 = 16;

#[async_trait]
impl Check for SqlServer {
    async fn identify(
        &self,
        by: &Administration,
        place: &Place,
        settings: &serde_json::Value,
    ) -> Result<TargetId, Failure> {
        let settings = Settings::read(settings)?;
        let lease = self.pool.lease(Permit::Inspect(by), place, &settings.home.purpose()).await?;
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
        let lease = self.pool.lease(Permit::Inspect(by), &request.place, &settings.home.purpose()).await?;
        let home = settings.home.database.as_str();
        let mut checked = Checked { facts: &lease.facts, request, settings: &settings, report: CheckReport::default() };
        let wanted = Wanted::of(request, &settings);
        if settings.home.contained {
            let answers = lease.run(&call(home, &texts::USER_CHECK, &[])).await;
            let answers = answers.map_err(|trouble| trouble.failure(DOING, ""))?;
            checked
                .contained(answers.first().map_or(&[], Vec::as_slice))
                .map_err(|trouble| trouble.failure(DOING, ""))?;
        } else {
            let heir = [("heir", "sysname", Value::Text(&settings.graveyard))];
            let answers = lease.run(&call(home, &texts::CHECK, &heir)).await;
            let answers = answers.map_err(|trouble| trouble.failure(DOING, ""))?;
            // A role that is not there is a finding, so each is asked for alone.
            let (server, _) = seen::server(&lease, "", &[]).await?;
            checked.server(&answers, &server).map_err(|trouble| trouble.failure(DOING, ""))?;
            for role in &wanted.server_roles {
                let found = seen::server(&lease, "", std::slice::from_ref(role)).await;
                checked.role(found.map(|(_, roles)| roles.into_iter().next()), None);
            }
            checked.heir(answers.get(2).map_or(&[], Vec::as_slice)).map_err(|trouble| trouble.failure(DOING, ""))?;
            for one in &wanted.databases {
                if let Err(failure) = server.has_database(&one.database, &lease.facts) {
                    checked.missing(failure.text, vec![]);
                }
            }
            let open = |one: &&InDatabase| server.has_database(&one.database, &lease.facts).is_ok();
            let names: Vec<String> = wanted.databases.iter().filter(open).map(|one| one.database.clone()).collect();
            for inside in seen::inside(&lease, &names, None, "").await? {
                checked.inside(&inside, &wanted);
            }
        }
        if settings.home.contained {
            let here = [settings.home.database.clone()];
            for inside in seen::inside(&lease, &here, None, "").await? {
                checked.inside(&inside, &wanted);
            }
        }
        checked.everywhere(&wanted);
        let report = checked.report;
        lease.give_back();
        Ok(report)
    }
}

/// The databases and roles that a record needs.
struct Wanted {
    databases: Vec<InDatabase>,
    server_roles: Vec<String>,
}

impl Wanted {
    fn of(request: &CheckRequest, settings: &Settings) -> Self {
        let (mut databases, mut server_roles) = (settings.databases.clone(), settings.server_roles.clone());
        let home = settings.home.database.clone();
        let lift = request.elevate.as_deref();
        let within = match lift.map(|text| (settings.home.contained, named(text).ok(), text)) {
            Some((true, _, role)) => Some((home.clone(), role.to_owned())),
            Some((false, Some(lift), _)) => match lift.second {
                Some(role) => Some((lift.first, role)),
                None => {
                    server_roles.push(lift.first);
                    None
                }
            },
            _ => None,
        };
        if let Some((database, role)) = within {
            match databases.iter_mut().find(|one| one.database == database) {
                Some(one) => one.roles.push(role),
                None => databases.push(InDatabase { database, roles: vec![role] }),
            }
        }
        if !databases.iter().any(|one| one.database == home) {
            databases.push(InDatabase { database: home, roles: Vec::new() });
        }
        Self { databases, server_roles }
    }
}

/// A report in the making.
struct Checked<'a> {
    facts: &'a Facts,
    request: &'a CheckRequest,
    settings: &'a Settings,
    report: CheckReport,
}

impl Checked<'_> {
    fn me(&self) -> String {
        shown(&self.facts.admin)
    }

    fn missing(&mut self, what: impl Into<String>, fix: Vec<String>) {
        self.report.add(Level::Missing, what, fix);
    }

    /// Says that a right is there, or what grants it.
    fn right(&mut self, has: bool, what: &str, fix: String) {
        let me = self.me();
        if has {
            self.report.ok(format!("{me} may {what}"));
        } else {
            self.missing(format!("{me} may not {what}"), vec![fix]);
        }
    }

    /// Version, encryption, clock.
    fn connection(&mut self, row: &Row) -> Result<(), Trouble> {
        let (major, target) = (self.facts.major, &self.facts.target);
        if self.facts.azure {
            self.report.ok(format!("Azure SQL Database answers as {target}"));
        } else if major > NEWEST {
            let what = format!("version {major} of SQL Server is newer than any that this was written for");
            self.report.add(Level::NotTried, what, vec![]);
        } else {
            self.report.ok(format!("version {major} of SQL Server answers as {target}"));
        }
        let encrypted = number::<i64>(row, 2)? != Some(0);
        match (&self.request.place.destination.trust, encrypted) {
            (Trust::VerifyFull { .. }, true) => self.report.ok("the connection is encrypted and the server's certificate names its host"),
            (Trust::VerifyCa { .. }, true) => self.report.add(
                Level::Excess,
                "the server's certificate is verified without its host name: another server of the same authority could stand in",
                vec!["tls: {mode: verify_full}".to_owned()],
            ),
            _ => self.missing(
                "the connection to the server is not encrypted, as the record says: log-ins send their passwords over it as good as in the \
                 clear",
                vec!["tls: {mode: verify_full}".to_owned()],
            ),
        }
        let now = WallTime::from_micros(needed(row, 0)?);
        let skew = now.since(self.request.now).max(self.request.now.since(now));
        if skew > SKEW_SHOWN {
            self.missing(format!("the server's clock is off by {} s: both need NTP", skew.as_secs()), vec![]);
        } else {
            self.report.ok("the server's clock agrees with ours");
        }
        Ok(())
    }

    /// What the administrative account needs on the server, and what it does not need.
    fn server(&mut self, answers: &[Vec<Row>], server: &Server) -> Result<(), Trouble> {
        let [first, rights, _] = answers else { return Err(Trouble::Garbled) };
        self.connection(only(first)?)?;
        let me = self.me();
        if server.windows_only {
            let what = "the server takes log-ins of Windows only, so no account of ours could get in: switch it to \"SQL Server and Windows \
                        Authentication mode\" in its properties, and restart it";
            self.missing(what, vec![]);
        }
        self.right(server.may_alter_logins, "make and remove log-ins", format!("GRANT ALTER ANY LOGIN TO {me};"));
        self.right(server.may_kill, "end sessions", format!("GRANT ALTER ANY CONNECTION TO {me};"));
        self.right(server.may_see_sessions, "see the sessions of others", format!("GRANT VIEW SERVER STATE TO {me};"));
        if server.agent {
            self.report.ok("SQL Server Agent runs and holds a deadline for ephemeral accounts: it disables them");
        } else {
            let fix = vec![
                "USE [msdb];".to_owned(),
                format!("CREATE USER {me} FOR LOGIN {me};"),
                format!("ALTER ROLE [SQLAgentUserRole] ADD MEMBER {me};"),
            ];
            self.missing(
                "no job of SQL Server Agent holds a deadline for ephemeral accounts, because it does not run, or is no part of this edition, or \
                 lets Mayfly make none: only Mayfly ends them",
                fix,
            );
        }
        let rights = only(rights)?;
        let mut any = false;
        for (has, what, fix) in [
            (self.facts.sysadmin, "is a member of sysadmin", format!("ALTER SERVER ROLE [sysadmin] DROP MEMBER {me};")),
            (
                !self.facts.sysadmin && yes(rights, 2)?,
                "has CONTROL SERVER",
                format!("REVOKE CONTROL SERVER FROM {me};"),
            ),
            (
                yes(rights, 3)? && !self.facts.sysadmin,
                "is a member of securityadmin, which can grant itself nearly everything",
                format!("ALTER SERVER ROLE [securityadmin] DROP MEMBER {me};"),
            ),
        ] {
            if has {
                any = true;
                self.report.add(Level::Excess, format!("{me} {what}, which Mayfly does not need"), vec![fix]);
            }
        }
        if !any {
            self.report.ok(format!(
                "{me} has no right of the server that Mayfly does not need; ALTER ANY LOGIN lets it set the password of every log-in \
                 that is not an administrator's, so guard its own"
            ));
        }
        Ok(())
    }

    /// What a contained database lets us do.
    fn contained(&mut self, rows: &[Row]) -> Result<(), Trouble> {
        let row = only(rows)?;
        self.connection(row)?;
        let me = self.me();
        let (see, end) = if self.facts.azure {
            (format!("GRANT VIEW DATABASE STATE TO {me};"), format!("GRANT KILL DATABASE CONNECTION TO {me};"))
        } else {
            (format!("GRANT VIEW SERVER STATE TO {me};"), format!("GRANT ALTER ANY CONNECTION TO {me};"))
        };
        self.right(yes(row, 3)?, "end sessions", end);
        self.right(yes(row, 1)?, "see the sessions of others", see);
        let what = "a contained database holds no deadline for its users: only Mayfly ends them";
        self.missing(what, vec![]);
        Ok(())
    }

    /// The log-in that gets what accounts leave of the server.
    fn heir(&mut self, rows: &[Row]) -> Result<(), Trouble> {
        if self.settings.leftovers == Leftovers::Keep {
            return Ok(());
        }
        let (heir, me) = (shown(&self.settings.graveyard), self.me());
        let Some(row) = rows.first() else {
            let what = format!(
                "the log-in {heir}, which gets databases and other things of the server that accounts leave, does not exist (needed only \
                 where accounts may make such things)"
            );
            let fix = vec![
                format!("CREATE LOGIN {heir} WITH PASSWORD = N'(a random one)';"),
                format!("ALTER LOGIN {heir} DISABLE;"),
                format!("DENY CONNECT SQL TO {heir};"),
                format!("GRANT IMPERSONATE ON LOGIN::{heir} TO {me};"),
            ];
            self.missing(what, fix);
            return Ok(());
        };
        let mut good = true;
        if yes(row, 0)? {
            good = false;
            let fix = vec![format!("ALTER LOGIN {heir} DISABLE;"), format!("DENY CONNECT SQL TO {heir};")];
            self.report.add(Level::Excess, format!("{heir} can log in"), fix);
        }
        if yes(row, 3)? {
            good = false;
            let what =
                format!("{heir} has rights of its own, which what accounts wrote would run with: take them from it");
            self.report.add(Level::Excess, what, vec![]);
        }
        if !yes(row, 2)? {
            good = false;
            let fix = vec![format!("GRANT IMPERSONATE ON LOGIN::{heir} TO {me};")];
            self.missing(format!("{me} may not hand anything of the server over to {heir}"), fix);
        }
        if good {
            self.report.ok(format!("{heir} can take what accounts leave of the server, and can do nothing"));
        }
        Ok(())
    }

    /// A role that accounts get, and whether we may add members.
    fn role(&mut self, found: Result<Option<Role>, Failure>, database: Option<&str>) {
        let me = self.me();
        let place = database.map_or_else(String::new, |database| format!(" in database {}", shown(database)));
        let role = match found {
            Ok(Some(role)) => role,
            Ok(None) => return,
            Err(failure) => return self.missing(failure.text, vec![]),
        };
        let name = shown(&role.name);
        let what = format!("add members to the role {name}{place}");
        let fix = match (database, role.fixed) {
            (Some(database), true) => format!("USE {}; ALTER ROLE [db_owner] ADD MEMBER {me};", shown(database)),
            (Some(database), false) => format!("USE {}; GRANT ALTER ON ROLE::{name} TO {me};", shown(database)),
            (None, true) => format!("ALTER SERVER ROLE {name} ADD MEMBER {me};"),
            (None, false) => format!("GRANT ALTER ON SERVER ROLE::{name} TO {me};"),
        };
        self.right(role.may_alter, &what, fix);
        let strong = ["sysadmin", "securityadmin", "db_owner", "db_securityadmin"]
            .iter()
            .any(|strong| role.name.eq_ignore_ascii_case(strong));
        if strong {
            let what = format!(
                "whoever is in {name}{place} can give rights to others: undo of what they do cannot be promised"
            );
            self.report.add(Level::Excess, what, vec![]);
        }
    }

    /// What a database lets us do.
    fn inside(&mut self, inside: &Inside, wanted: &Wanted) {
        let (me, name) = (self.me(), shown(&inside.name));
        let using = format!("USE {name};");
        let fix = format!("{using} GRANT ALTER ANY USER TO {me};");
        self.right(inside.may_alter_users, &format!("make and remove users in database {name}"), fix);
        if self.settings.leftovers != Leftovers::Keep {
            let fix = format!("{using} ALTER ROLE [db_owner] ADD MEMBER {me};");
            self.right(inside.may_control, &format!("hand over what accounts leave in database {name}"), fix);
        }
        let roles = wanted.databases.iter().filter(|one| one.database == inside.name).flat_map(|one| &one.roles);
        for role in roles {
            self.role(inside.role(role).cloned().map(Some), Some(&inside.name));
        }
    }

    /// What holds whatever the server says.
    fn everywhere(&mut self, wanted: &Wanted) {
        if let Some(database) = &self.request.database
            && !wanted.databases.iter().any(|one| one.database.eq_ignore_ascii_case(database))
        {
            let what = format!(
                "sessions open database {}, but ephemeral accounts get no user there: add it to the setting `databases`",
                shown(database)
            );
            self.missing(what, vec![]);
        }
        if self.request.lifts_existing {
            let what = "SQL Server holds no deadline for a role that an existing account is added to: only Mayfly takes it back";
            self.missing(what, vec![]);
        }
        let what = "SQL Server lets an account in from every address that reaches its port: a firewall that lets only Mayfly through, for \
                    the addresses that people use, keeps ephemeral accounts from being used past it";
        self.report.add(Level::NotTried, what, vec![]);
    }
}
