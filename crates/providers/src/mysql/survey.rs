//! The survey: what a launch needs to know before anything is written down or made, and what it would change. It only reads.

use super::MySql;
use super::accounts::{Known, read_accounts};
use super::connection::{Admin, Facts, Purpose, Row, Rows, first};
use super::dialect::Dialect;
use super::log_ins::Reading;
use super::payload::{Account, Frozen, Membership};
use super::rights::{Rights, read_rights};
use super::sessions::{read_reading, reading};
use super::settings::Settings;
use super::sql::{bad_name, fill, literal, shown, shown_account};
use super::trouble::Trouble;
use crate::leftovers::Leftovers;
use mayfly_domain::{ChangeKind, Failure, FailureClass, Permit, Trust};
use mayfly_engine::ports::provider::{AccountWish, PlannedChange, Survey, SurveyRequest, SurveyStep};
use std::collections::HashMap;

const DOING: &str = "looking at the server";

/// What was read of the server.
struct Seen {
    reading: Reading,
    /// Every account and role that has the name of the account.
    named: Vec<Known>,
    role: Option<Known>,
    grave: Option<Known>,
    /// The hosts of accounts of that name that have the role already.
    members: Vec<String>,
    may_grant: bool,
    /// Whether everybody has the role already (MySQL's `mandatory_roles`).
    is_mandatory: bool,
    runs_events: bool,
    /// Whether the role lets its holders make triggers.
    makes_triggers: bool,
    rights: Rights,
}

/// Reads, and plans. One result for each step, in order; what the steps have in common is asked once.
pub(crate) async fn survey(provider: &MySql, steps: &[SurveyStep]) -> Vec<Result<Survey, Failure>> {
    let Some(first) = steps.first() else { return Vec::new() };
    let purpose = Purpose::Accounts.with(provider.dialect);
    let place = &first.request.wish.place;
    let lease = match provider.pool.lease(Permit::Open(&first.permit), place, purpose).await {
        Ok(lease) => lease,
        Err(failure) => return steps.iter().map(|_| Err(failure.clone())).collect(),
    };
    let facts = lease.facts.clone();
    let prepared: Vec<Result<Asked<'_>, Failure>> =
        steps.iter().map(|step| Asked::new(&step.request, &facts)).collect();
    let mut outcomes = Vec::with_capacity(steps.len());
    match answers(&lease, &prepared).await {
        Ok(answers) => {
            for one in &prepared {
                outcomes
                    .push(one.as_ref().map_err(Failure::clone).and_then(|one| one.plan(provider, &facts, &answers)));
            }
        }
        Err(_) => {
            // One of them stands in the way of the others.
            for one in prepared {
                let alone = [one];
                let answers = answers(&lease, &alone).await;
                let [one] = &alone;
                outcomes
                    .push(one.as_ref().map_err(Failure::clone).and_then(|one| one.plan(provider, &facts, &answers?)));
            }
        }
    }
    let made = outcomes.iter().flatten().flat_map(|survey| &survey.changes).filter_map(|change| {
        let frozen = Frozen::read(&change.payload, facts.dialect).ok()?;
        (change.kind == ChangeKind::Account).then(|| super::sql::account(change.account.as_str(), frozen.host()))
    });
    provider.prepared_before.note(&lease, made.collect()).await;
    lease.give_back();
    outcomes
}

/// One wish, and what is asked for it.
struct Asked<'a> {
    request: &'a SurveyRequest,
    settings: Settings,
    statements: Vec<String>,
}

/// What was answered, by statement.
type Answers = HashMap<String, Rows>;

async fn answers(admin: &Admin, asked: &[Result<Asked<'_>, Failure>]) -> Result<Answers, Failure> {
    let mut statements: Vec<&String> = Vec::new();
    for statement in asked.iter().flatten().flat_map(|one| &one.statements) {
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    if statements.is_empty() {
        return Ok(Answers::new());
    }
    let sql: String = statements.iter().map(|statement| statement.as_str()).collect();
    let answers = admin.run(&sql).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    if answers.len() != statements.len() {
        return Err(Trouble::Garbled.failure(DOING, ""));
    }
    Ok(statements.into_iter().cloned().zip(answers).collect())
}

impl<'a> Asked<'a> {
    fn new(request: &'a SurveyRequest, facts: &Facts) -> Result<Self, Failure> {
        let settings = Settings::read(&request.wish.settings)?;
        check_names(request, &settings, facts.dialect)?;
        let statements = statements(request, &settings, facts);
        Ok(Self { request, settings, statements })
    }

    fn plan(&self, provider: &MySql, facts: &Facts, answers: &Answers) -> Result<Survey, Failure> {
        let mine: Option<Vec<&Rows>> = self.statements.iter().map(|statement| answers.get(statement)).collect();
        let seen = mine.ok_or(Trouble::Garbled).and_then(|mine| Seen::read(&mine, self.request, &self.settings, facts));
        let seen = seen.map_err(|trouble| trouble.failure(DOING, ""))?;
        provider.log_ins.note(&facts.target, &seen.reading, &[], 0, false);
        let changes = match &self.request.wish.account {
            AccountWish::Create { .. } => vec![account(self.request, self.settings.clone(), facts, &seen)?],
            AccountWish::Existing { .. } => membership(self.request, facts, &seen)?.into_iter().collect(),
        };
        Ok(Survey { target: facts.target.clone(), target_now: seen.reading.now, changes })
    }
}

/// Refuses names that the server would take for something else.
fn check_names(request: &SurveyRequest, settings: &Settings, dialect: Dialect) -> Result<(), Failure> {
    let name = request.wish.account.name().as_str();
    if let Some(fault) = bad_name(name, dialect.name_most()) {
        return Err(conflict(format!("{} cannot be the name of an account: {fault}", shown(name))));
    }
    let Some(role) = request.wish.elevate.as_deref() else { return Ok(()) };
    if let Some(fault) = bad_name(role, dialect.name_most()) {
        return Err(conflict(format!("{} cannot be the name of a role to lift into: {fault}", shown(role))));
    }
    if role == settings.graveyard_account {
        let text = format!("nobody is lifted into {}, in whose name stays what ended accounts have left", shown(role));
        return Err(conflict(text));
    }
    Ok(())
}

/// What is asked for one wish, statement by statement.
fn statements(request: &SurveyRequest, settings: &Settings, facts: &Facts) -> Vec<String> {
    let dialect = facts.dialect;
    let name = literal(request.wish.account.name().as_str());
    let elevated = request.wish.elevate.as_deref().unwrap_or_default();
    let template = match dialect {
        Dialect::MySql => include_str!("sql/survey_mysql.sql"),
        Dialect::MariaDb => include_str!("sql/survey_mariadb.sql"),
    };
    let role = match dialect {
        Dialect::MySql => format!("u.User = {} AND u.Host = '%'", literal(elevated)),
        Dialect::MariaDb => format!("u.User = {} AND u.Host = ''", literal(elevated)),
    };
    let grave = format!("u.User = {} AND u.Host = 'localhost'", literal(&settings.graveyard_account));
    let mut statements = vec![
        reading(dialect),
        dialect.accounts(&format!("u.User = {name}")),
        dialect.accounts(&role),
        dialect.accounts(&grave),
    ];
    let values = [
        ("name", name),
        ("role", literal(elevated)),
        ("role_host", literal(if dialect == Dialect::MySql { "%" } else { "" })),
        ("admin_edge", dialect.has_admin_edge(&facts.admin, &facts.admin_host, elevated)),
        ("events", literal(&settings.event_database)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    // Split before anything is filled in: a value may hold what a statement ends with.
    statements.extend(template.split_inclusive(";\n").map(|statement| fill(statement, &values)));
    statements.extend(super::rights::queries(facts));
    statements
}

impl Seen {
    fn read(answers: &[&Rows], request: &SurveyRequest, settings: &Settings, facts: &Facts) -> Result<Self, Trouble> {
        let &[reading, named, role, grave, members, server, global, schemas] = answers else {
            return Err(Trouble::Garbled);
        };
        let elevated = request.wish.elevate.as_deref().unwrap_or_default();
        let only = |rows: &[Row], name: &str| -> Result<Option<Known>, Trouble> {
            Ok(read_accounts(rows)?.into_iter().find(|known| known.user == name))
        };
        let name = request.wish.account.name().as_str();
        let mut named = read_accounts(named)?;
        // The server compares without regard to spaces at the end.
        named.retain(|known| known.user == name);
        let server = first(server)?;
        let rights = read_rights(global, schemas)?;
        let runs_events = server.text(0)? == "ON" && server.yes(2)? && rights.on(&settings.event_database, "EVENT");
        Ok(Self {
            reading: read_reading(reading)?,
            role: only(role, elevated)?,
            grave: only(grave, &settings.graveyard_account)?,
            members: members.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?,
            may_grant: server.yes(1)? || facts.dialect == Dialect::MySql && rights.has("ROLE_ADMIN"),
            is_mandatory: is_listed(elevated, server.text(3)?),
            named,
            runs_events,
            makes_triggers: server.yes(4)?,
            rights,
        })
    }
}

/// Whether a role stands in the list of `mandatory_roles`, with or without its host part and quotes.
pub(crate) fn is_listed(role: &str, list: &str) -> bool {
    list.split(',').any(|entry| {
        let entry = entry.trim();
        let name = entry.rsplit_once('@').map_or(entry, |(name, _)| name);
        name.trim_matches(['`', '\'', '"']) == role && !role.is_empty()
    })
}

/// The account that would be made.
fn account(request: &SurveyRequest, settings: Settings, facts: &Facts, seen: &Seen) -> Result<PlannedChange, Failure> {
    let AccountWish::Create { name, mark } = &request.wish.account else {
        return Err(Failure::new(FailureClass::Bug, "no account is to be made"));
    };
    if let Some(there) = seen.named.first() {
        let there = shown_account(&there.user, &there.host);
        return Err(conflict(format!("an account {there} exists already and is not touched")));
    }
    if !seen.rights.has("CREATE USER") {
        return Err(not_permitted(facts, "make accounts", &format!("GRANT CREATE USER ON *.* TO {};", facts.me())));
    }
    if settings.leftovers == Leftovers::Graveyard {
        check_graveyard(&settings, facts, seen)?;
    }
    if let Some(role) = &request.wish.elevate {
        check_elevation(role, facts, seen)?;
    }
    // A trigger that we do not see would be left without its definer, and fail every change of its table.
    if seen.makes_triggers && !seen.rights.has("TRIGGER") {
        let fix = format!("GRANT TRIGGER ON *.* TO {};", facts.me());
        return Err(not_permitted(facts, "see the triggers that this role lets its holders make", &fix));
    }
    let host = if settings.host.is_empty() { facts.seen_from.clone() } else { settings.host };
    let frozen = Frozen::AccountV1(Account {
        host,
        mark: mark.to_string(),
        connections: settings.connections,
        requires_tls: request.wish.place.destination.trust != Trust::Plaintext,
        role: request.wish.elevate.clone(),
        deadline: seen.reading.now.plus(request.lifetime),
        event_database: seen.runs_events.then_some(settings.event_database),
        leftovers: settings.leftovers,
        graveyard_account: settings.graveyard_account,
    });
    Ok(PlannedChange {
        kind: ChangeKind::Account,
        account: name.clone(),
        group: request.wish.elevate.clone(),
        prior: false,
        payload: frozen.payload(facts.dialect)?,
        depends_on: Vec::new(),
        native_ids: None,
    })
}

/// The membership that would be added to an existing account; `None` when nothing is asked for.
fn membership(request: &SurveyRequest, facts: &Facts, seen: &Seen) -> Result<Option<PlannedChange>, Failure> {
    let name = request.wish.account.name();
    if name.as_str() == facts.admin {
        return Err(conflict("the administrative account itself cannot be used for sessions".to_owned()));
    }
    let host = matched(name.as_str(), facts, seen)?;
    let Some(role) = &request.wish.elevate else { return Ok(None) };
    check_elevation(role, facts, seen)?;
    let prior = seen.is_mandatory || seen.members.contains(&host);
    let frozen = Frozen::MembershipV1(Membership { host, connections_before: seen.reading.connections });
    Ok(Some(PlannedChange {
        kind: ChangeKind::Membership,
        account: name.clone(),
        group: Some(role.clone()),
        prior,
        payload: frozen.payload(facts.dialect)?,
        depends_on: Vec::new(),
        native_ids: None,
    }))
}

/// The host part of the account that the server would match when we log in by that name: one for our very address, or the only
/// one that there is.
fn matched(name: &str, facts: &Facts, seen: &Seen) -> Result<String, Failure> {
    let accounts: Vec<&Known> = seen.named.iter().filter(|known| !known.is_role).collect();
    if let Some(exact) = accounts.iter().find(|known| known.host == facts.seen_from) {
        return Ok(exact.host.clone());
    }
    match accounts[..] {
        [] => Err(conflict(format!("there is no account {} on the server", shown(name)))),
        [only] => Ok(only.host.clone()),
        _ => {
            let all: Vec<String> =
                accounts.iter().take(20).map(|known| shown_account(&known.user, &known.host)).collect();
            Err(conflict(format!(
                "there are several accounts of that name and none is for {} itself, so it is not certain which one is used: {}",
                shown(&facts.seen_from),
                all.join(", ")
            )))
        }
    }
}

/// Whether anybody may be lifted into the role by us.
fn check_elevation(role: &str, facts: &Facts, seen: &Seen) -> Result<(), Failure> {
    if seen.role.is_none() {
        return Err(conflict(format!("there is no role {} on the server to lift into", shown(role))));
    }
    if role == facts.admin {
        return Err(conflict("nobody is lifted into the administrative account".to_owned()));
    }
    if !seen.may_grant {
        return Err(not_permitted(facts, "grant that role", &grant_admin_option(role, facts)));
    }
    if facts.dialect == Dialect::MariaDb && !seen.rights.on("mysql", "UPDATE") {
        let fix = format!("GRANT UPDATE ON mysql.* TO {};", facts.me());
        return Err(not_permitted(facts, "set the default role of other accounts", &fix));
    }
    Ok(())
}

/// Whether what accounts have defined can be handed over.
fn check_graveyard(settings: &Settings, facts: &Facts, seen: &Seen) -> Result<(), Failure> {
    let grave = &settings.graveyard_account;
    match &seen.grave {
        None => Err(conflict(format!(
            "the account in whose name stays what accounts have defined does not exist; as root: {}",
            create_graveyard(grave)
        ))),
        Some(known) if !known.locked => Err(conflict(format!(
            "{} takes what ended accounts have defined, so nobody may log in as it; as root: {}",
            shown_account(grave, "localhost"),
            lock_graveyard(grave)
        ))),
        Some(_) if facts.admin == *grave => Err(conflict("the administrative account is not the graveyard".to_owned())),
        Some(_) => Ok(()),
    }
}

/// The statement that makes the graveyard account.
pub(crate) fn create_graveyard(name: &str) -> String {
    format!("CREATE USER {} ACCOUNT LOCK;", shown_account(name, "localhost"))
}

/// The statement that locks it.
pub(crate) fn lock_graveyard(name: &str) -> String {
    format!("ALTER USER {} ACCOUNT LOCK;", shown_account(name, "localhost"))
}

/// The statement that lets the administrative account grant a role.
pub(crate) fn grant_admin_option(role: &str, facts: &Facts) -> String {
    format!("GRANT {} TO {} WITH ADMIN OPTION;", facts.dialect.role(role), facts.me())
}

fn conflict(text: String) -> Failure {
    Failure::new(FailureClass::Conflict, text)
}

fn not_permitted(facts: &Facts, what: &str, fix: &str) -> Failure {
    Failure::new(FailureClass::NotPermitted, format!("{} may not {what}; as root: {fix}", facts.me()))
}

#[cfg(test)]
mod tests {
    use super::is_listed;

    #[test]
    fn mandatory_roles_are_read_however_they_are_written() {
        for list in ["readonly", "a, readonly", "`readonly`@`%`", "'readonly'@'%',b", "readonly@%"] {
            assert!(is_listed("readonly", list), "{list}");
        }
        assert!(!is_listed("readonly", "readonly2") && !is_listed("", "") && !is_listed("r", ""));
    }
}
