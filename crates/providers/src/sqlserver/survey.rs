//! The survey: what a launch needs to know before anything is written down or made, and what it would change. It only reads.

use super::connection::{Admin, Facts, Pool};
use super::names::{Named, named};
use super::payload::{Account, Frozen, Membership};
use super::scope::hidden;
use super::seen::{self, Inside, Login, Role, Server};
use super::settings::{InDatabase, Settings};
use super::sql::{bad_name, hex, shown};
use mayfly_domain::{ChangeKind, Failure, FailureClass, Permit, WallTime};
use mayfly_engine::ports::provider::{AccountWish, PlannedChange, Survey, SurveyRequest, SurveyStep};
use std::sync::Arc;

/// What a wish lifts into.
enum Lift {
    /// A role of the server.
    Server(String),
    /// A role of a database.
    Database(String, String),
}

/// Reads, and plans.
pub(crate) async fn survey(pool: &Arc<Pool>, step: &SurveyStep) -> Result<Survey, Failure> {
    let request = &step.request;
    let wish = &request.wish;
    let settings = Settings::read(&wish.settings)?;
    let account = wish.account.name().as_str();
    if let Some(fault) = bad_name(account) {
        return Err(conflict(format!("{} cannot be the name of an account: {fault}", shown(account))));
    }
    let lift = wish.elevate.as_deref().map(|text| lift(text, &settings)).transpose()?;
    let lease = pool.lease(Permit::Open(&step.permit), &wish.place, &settings.home.purpose()).await?;
    if matches!(wish.account, AccountWish::Existing { .. }) && account.eq_ignore_ascii_case(&lease.facts.admin) {
        return Err(conflict("the administrative account itself cannot be used for sessions".to_owned()));
    }
    let planner = Planner { admin: &lease, request, settings: &settings, salt: pool.services().random_bits() };
    let (now, planned) =
        if settings.home.contained { planner.contained(lift).await? } else { planner.server(lift).await? };
    let changes = planned.map(|frozen| planner.change(frozen)).transpose()?.into_iter().collect();
    let target = lease.facts.target.clone();
    lease.give_back();
    Ok(Survey { target, target_now: now, changes })
}

/// Reads what a wish lifts into.
fn lift(text: &str, settings: &Settings) -> Result<Lift, Failure> {
    if settings.home.contained {
        // There is one database, so a slash belongs to the role's name.
        return match bad_name(text) {
            Some(fault) => Err(conflict(format!("{} cannot be the name of a role to lift into: {fault}", shown(text)))),
            None => {
                refuse_heir(text, settings).map(|()| Lift::Database(settings.home.database.clone(), text.to_owned()))
            }
        };
    }
    let Named { first, second } =
        named(text).map_err(|fault| conflict(format!("{} cannot be a role to lift into: {fault}", shown(text))))?;
    refuse_heir(second.as_deref().unwrap_or(&first), settings)?;
    Ok(match second {
        Some(role) => Lift::Database(first, role),
        None => Lift::Server(first),
    })
}

fn refuse_heir(role: &str, settings: &Settings) -> Result<(), Failure> {
    if role.eq_ignore_ascii_case(&settings.graveyard) {
        let text = format!("nobody is lifted into {}, which owns what ended accounts have left", shown(role));
        return Err(conflict(text));
    }
    Ok(())
}

/// A plan, as far as it is frozen.
type Planned = (WallTime, Option<(Frozen, bool)>);

struct Planner<'a> {
    admin: &'a Admin,
    request: &'a SurveyRequest,
    settings: &'a Settings,
    /// Of which the SID of an account is made.
    salt: u128,
}

impl Planner<'_> {
    fn facts(&self) -> &Facts {
        &self.admin.facts
    }

    fn name(&self) -> &str {
        self.request.wish.account.name().as_str()
    }

    fn change(&self, (frozen, prior): (Frozen, bool)) -> Result<PlannedChange, Failure> {
        let wish = &self.request.wish;
        let kind = if matches!(frozen, Frozen::AccountV1(_)) { ChangeKind::Account } else { ChangeKind::Membership };
        Ok(PlannedChange {
            kind,
            account: wish.account.name().clone(),
            group: wish.elevate.clone(),
            prior,
            payload: frozen.payload()?,
            depends_on: Vec::new(),
            native_ids: None,
        })
    }

    /// On a server with log-ins.
    async fn server(&self, lift: Option<Lift>) -> Result<Planned, Failure> {
        let AccountWish::Create { mark, .. } = &self.request.wish.account else { return self.lifted(lift).await };
        let (mut databases, mut roles) = (self.settings.databases.clone(), self.settings.server_roles.clone());
        match lift {
            Some(Lift::Server(role)) if !roles.contains(&role) => roles.push(role),
            Some(Lift::Database(database, role)) => add(&mut databases, database, role),
            _ => {}
        }
        let (server, found) = seen::server(self.admin, self.name(), &roles).await?;
        self.may_make(&server)?;
        let mut names: Vec<String> = databases.iter().map(|one| one.database.clone()).collect();
        if !names.contains(&self.settings.home.database) {
            names.push(self.settings.home.database.clone());
        }
        for name in &names {
            server.has_database(name, self.facts())?;
        }
        for role in &found {
            self.may_add(role, None)?;
        }
        let inside = seen::inside(self.admin, &names, None, self.name()).await?;
        for one in &inside {
            self.may_make_user(one)?;
            let roles =
                databases.iter().find(|wanted| wanted.database == one.name).map_or(&[][..], |wanted| &wanted.roles);
            for role in roles {
                self.may_add(one.role(role)?, Some(&one.name))?;
            }
        }
        let account = Account {
            database: self.settings.home.database.clone(),
            contained: false,
            mark: mark.to_string(),
            sid: Some(hex(&self.salt.to_be_bytes())),
            databases,
            server_roles: roles,
            disabled_at: server.agent.then(|| server.now.plus(self.request.lifetime)),
            leftovers: self.settings.leftovers,
            graveyard: self.settings.graveyard.clone(),
        };
        Ok((server.now, Some((Frozen::AccountV1(account), false))))
    }

    /// Whether an account can be made on the server, and ended.
    fn may_make(&self, server: &Server) -> Result<(), Failure> {
        let admin = shown(&self.facts().admin);
        if server.account.is_some() {
            return Err(conflict(format!("a log-in {} exists already and is not touched", shown(self.name()))));
        }
        if server.windows_only {
            return Err(conflict(
                "the server takes log-ins of Windows only: switch it to \"SQL Server and Windows Authentication mode\""
                    .to_owned(),
            ));
        }
        if !server.may_alter_logins {
            return Err(self.not_permitted("make log-ins", &format!("GRANT ALTER ANY LOGIN TO {admin};")));
        }
        self.may_end(server.may_kill, server.may_see_sessions)
    }

    /// An account whose sessions could not be ended is not made.
    fn may_end(&self, may_kill: bool, may_see: bool) -> Result<(), Failure> {
        let admin = shown(&self.facts().admin);
        if !may_kill {
            let fix = if self.facts().azure {
                format!("GRANT KILL DATABASE CONNECTION TO {admin};")
            } else {
                format!("GRANT ALTER ANY CONNECTION TO {admin};")
            };
            return Err(self.not_permitted("end sessions", &fix));
        }
        if !may_see {
            let text = hidden(&self.settings.home, &self.facts().admin);
            return Err(Failure::new(FailureClass::NotPermitted, text));
        }
        Ok(())
    }

    fn may_make_user(&self, inside: &Inside) -> Result<(), Failure> {
        if let Some(user) = inside.users.first() {
            let text = format!(
                "a user {} exists already in database {} and is not touched",
                shown(&user.name),
                shown(&inside.name)
            );
            return Err(conflict(text));
        }
        if !inside.may_alter_users {
            let what = format!("make users in database {}", shown(&inside.name));
            let fix = format!("GRANT ALTER ANY USER TO {}; (in that database)", shown(&self.facts().admin));
            return Err(self.not_permitted(&what, &fix));
        }
        Ok(())
    }

    /// Whether members can be added to a role.
    fn may_add(&self, role: &Role, database: Option<&str>) -> Result<(), Failure> {
        if role.may_alter {
            return Ok(());
        }
        let (admin, name) = (shown(&self.facts().admin), shown(&role.name));
        let fix = match (database, role.fixed) {
            (Some(_), true) => format!("ALTER ROLE [db_owner] ADD MEMBER {admin}; (in that database)"),
            (Some(_), false) => format!("GRANT ALTER ON ROLE::{name} TO {admin}; (in that database)"),
            (None, true) => format!("ALTER SERVER ROLE {name} ADD MEMBER {admin};"),
            (None, false) => format!("GRANT ALTER ON SERVER ROLE::{name} TO {admin};"),
        };
        let place = database.map_or_else(String::new, |database| format!(" in database {}", shown(database)));
        Err(self.not_permitted(&format!("add members to the role {name}{place}"), &fix))
    }

    /// An existing log-in that is lifted.
    async fn lifted(&self, lift: Option<Lift>) -> Result<Planned, Failure> {
        let asked: Vec<String> = match &lift {
            Some(Lift::Server(role)) => vec![role.clone()],
            _ => Vec::new(),
        };
        let (server, found) = seen::server(self.admin, self.name(), &asked).await?;
        let login = server.account.as_ref().filter(|login| ["S", "U", "E"].contains(&login.kind.as_str()));
        let Some(login) = login else {
            return Err(conflict(format!(
                "there is no log-in {} on the server that a person could use",
                shown(self.name())
            )));
        };
        if login.sysadmin && !self.facts().sysadmin {
            let text = format!("{} is a member of sysadmin: it cannot be lifted further", shown(self.name()));
            return Err(conflict(text));
        }
        if self.request.wish.end_other_sessions && lift.is_some() {
            self.may_end(server.may_kill, server.may_see_sessions)?;
        }
        let (role, within) = match lift {
            None => return Ok((server.now, None)),
            Some(Lift::Server(_)) => (found.into_iter().next(), None),
            Some(Lift::Database(database, role)) => {
                server.has_database(&database, self.facts())?;
                let role = self.lifted_inside(&database, &role, login).await?;
                (Some(role), Some(database))
            }
        };
        let role = role.ok_or_else(|| Failure::new(FailureClass::Bug, "a role was asked for and not looked at"))?;
        self.may_add(&role, within.as_deref())?;
        Ok((server.now, Some(self.membership(&login.sid, &role, within))))
    }

    /// The role of a database that a log-in's user is lifted into.
    async fn lifted_inside(&self, database: &str, role: &str, login: &Login) -> Result<Role, Failure> {
        let inside = seen::inside(self.admin, &[database.to_owned()], Some(&login.sid), self.name()).await?;
        let inside = inside.first().ok_or_else(|| Failure::new(FailureClass::Bug, "a database was not looked at"))?;
        match inside.users.iter().find(|user| user.sid == login.sid) {
            None => Err(conflict(format!(
                "{account} has no user in database {database}, so it cannot be a member of a role there; in that database: CREATE USER \
                 {account} FOR LOGIN {account};",
                account = shown(self.name()),
                database = shown(database)
            ))),
            Some(user) if user.name == "dbo" => Err(conflict(format!(
                "{} owns database {}, so it has every right there already",
                shown(self.name()),
                shown(database)
            ))),
            Some(_) => inside.role(role).cloned(),
        }
    }

    fn membership(&self, member: &[u8], role: &Role, within: Option<String>) -> (Frozen, bool) {
        let membership = Membership {
            database: self.settings.home.database.clone(),
            contained: self.settings.home.contained,
            within,
            member_sid: hex(member),
            role_sid: hex(&role.sid),
            role: role.name.clone(),
        };
        (Frozen::MembershipV1(membership), role.is_member)
    }

    /// In a database whose users have passwords of their own.
    async fn contained(&self, lift: Option<Lift>) -> Result<Planned, Failure> {
        let database = &self.settings.home.database;
        let seen = seen::contained(self.admin).await?;
        let here = seen::inside(self.admin, std::slice::from_ref(database), None, self.name()).await?;
        let inside = here.first().ok_or_else(|| Failure::new(FailureClass::Bug, "the database was not looked at"))?;
        let AccountWish::Create { mark, .. } = &self.request.wish.account else {
            let user =
                inside.users.iter().find(|user| ["S", "U", "E"].contains(&user.kind.as_str()) && user.name != "dbo");
            let Some(user) = user else {
                return Err(conflict(format!(
                    "there is no user {} in the database that a person could use",
                    shown(self.name())
                )));
            };
            let Some(Lift::Database(_, role)) = lift else { return Ok((seen.now, None)) };
            if self.request.wish.end_other_sessions {
                self.may_end(seen.may_kill, seen.may_see_sessions)?;
            }
            let of_user =
                seen::inside(self.admin, std::slice::from_ref(database), Some(&user.sid), self.name()).await?;
            let role = of_user.first().unwrap_or(inside).role(&role)?;
            self.may_add(role, Some(database))?;
            return Ok((seen.now, Some(self.membership(&user.sid, role, Some(database.clone())))));
        };
        self.may_make_user(inside)?;
        self.may_end(seen.may_kill, seen.may_see_sessions)?;
        let mut databases = self.settings.databases.clone();
        if let Some(Lift::Database(database, role)) = lift {
            add(&mut databases, database, role);
        }
        for role in databases.iter().flat_map(|one| &one.roles) {
            self.may_add(inside.role(role)?, Some(database))?;
        }
        let account = Account {
            database: database.clone(),
            contained: true,
            mark: mark.to_string(),
            sid: None,
            databases,
            server_roles: Vec::new(),
            disabled_at: None,
            leftovers: self.settings.leftovers,
            graveyard: self.settings.graveyard.clone(),
        };
        Ok((seen.now, Some((Frozen::AccountV1(account), false))))
    }

    fn not_permitted(&self, what: &str, fix: &str) -> Failure {
        let admin = shown(&self.facts().admin);
        let whose = if self.facts().azure { "the server's administrator" } else { "a member of sysadmin" };
        Failure::new(FailureClass::NotPermitted, format!("{admin} may not {what}; as {whose}: {fix}"))
    }
}

/// Adds a role of a database to those wanted.
fn add(databases: &mut Vec<InDatabase>, database: String, role: String) {
    match databases.iter_mut().find(|known| known.database.eq_ignore_ascii_case(&database)) {
        Some(known) if !known.roles.contains(&role) => known.roles.push(role),
        Some(_) => {}
        None => databases.push(InDatabase { database, roles: vec![role] }),
    }
}

fn conflict(text: String) -> Failure {
    Failure::new(FailureClass::Conflict, text)
}
