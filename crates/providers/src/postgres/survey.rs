//! The survey: what a launch needs to know before anything is written down or made, and what it would change. It only reads.

use super::connection::{Admin, Facts, Pool, field, number};
use super::payload::{Account, Frozen, Membership};
use super::settings::Settings;
use super::sql::{bad_role_name, fill, literal, micros, shown};
use super::trouble::Trouble;
use crate::leftovers::Leftovers;
use mayfly_domain::{ChangeKind, Failure, FailureClass, Permit, WallTime};
use mayfly_engine::ports::provider::{AccountWish, PlannedChange, Survey, SurveyRequest, SurveyStep, Wish};
use std::collections::HashMap;
use std::sync::Arc;
use tokio_postgres::SimpleQueryRow;

/// The role that all accounts of ours are members of up to PostgreSQL 15, whose pg_hba.conf knows no patterns.
pub(crate) const MARKER_ROLE: &str = "mayfly_accounts";

const DOING: &str = "looking at the server";

/// What was read of the server.
struct Seen {
    now: WallTime,
    may_create_roles: bool,
    account: Option<u32>,
    account_is_superuser: bool,
    may_see_sessions: bool,
    elevated: Option<u32>,
    elevated_is_superuser: bool,
    grave: Option<u32>,
    grave_has_rights: bool,
    may_use_grave: bool,
    has_marker: bool,
    memberships: Vec<Row>,
    grantor: Option<(u32, String)>,
}

/// One row of the catalogue that makes the account a member.
struct Row {
    grantor: u32,
    inherits: bool,
}

/// One wish that may be asked for.
struct Wanted<'a> {
    /// Where it stands in the batch.
    index: usize,
    step: &'a SurveyStep,
    settings: Settings,
}

impl Wanted<'_> {
    const fn wish(&self) -> &Wish {
        &self.step.request.wish
    }

    /// The role to lift into; no role has an empty name.
    fn elevate(&self) -> &str {
        self.wish().elevate.as_deref().unwrap_or_default()
    }
}

/// Reads, and plans: one request for all wishes that are administered through the same database.
pub(crate) async fn survey(pool: &Arc<Pool>, steps: &[SurveyStep]) -> Vec<Result<Survey, Failure>> {
    let (mut surveys, mut groups) = (Vec::with_capacity(steps.len()), Vec::<Vec<Wanted<'_>>>::new());
    for (index, step) in steps.iter().enumerate() {
        let wish = &step.request.wish;
        let settings = match Settings::read(&wish.settings).and_then(|settings| {
            check_names(&step.request, &settings)?;
            Ok(settings)
        }) {
            Ok(settings) => settings,
            Err(failure) => {
                surveys.push(Err(failure));
                continue;
            }
        };
        surveys.push(Err(Trouble::Garbled.failure(DOING, "")));
        let wanted = Wanted { index, step, settings };
        let together = |group: &&mut Vec<Wanted<'_>>| {
            group.first().is_some_and(|first| {
                first.wish().place == wish.place
                    && first.settings.maintenance_database == wanted.settings.maintenance_database
            })
        };
        match groups.iter_mut().find(together) {
            Some(group) => group.push(wanted),
            None => groups.push(vec![wanted]),
        }
    }
    for group in groups {
        for (wanted, survey) in group.iter().zip(survey_group(pool, &group).await) {
            if let Some(place) = surveys.get_mut(wanted.index) {
                *place = survey;
            }
        }
    }
    surveys
}

/// Surveys wishes over one connection.
async fn survey_group(pool: &Arc<Pool>, group: &[Wanted<'_>]) -> Vec<Result<Survey, Failure>> {
    let Some(first) = group.first() else { return Vec::new() };
    let permit = Permit::Open(&first.step.permit);
    let lease = match pool.lease(permit, &first.wish().place, &first.settings.maintenance_database).await {
        Ok(lease) => lease,
        Err(failure) => return group.iter().map(|_| Err(failure.clone())).collect(),
    };
    let facts = lease.facts.clone();
    let seen: Vec<Result<Seen, Trouble>> = match read(&lease, group).await {
        Ok(seen) => seen.into_iter().map(Ok).collect(),
        Err(Trouble::Refused { .. }) if group.len() > 1 => {
            let mut each = Vec::with_capacity(group.len());
            for one in group.chunks(1) {
                each.push(read(&lease, one).await.and_then(|mut seen| seen.pop().ok_or(Trouble::Garbled)));
            }
            each
        }
        Err(trouble) => group.iter().map(|_| Err(trouble.clone())).collect(),
    };
    lease.give_back();
    let planned = |(wanted, seen): (&Wanted<'_>, Result<Seen, Trouble>)| match seen {
        Ok(seen) => plan(wanted, &facts, &seen),
        Err(trouble) => Err(trouble.failure(DOING, "")),
    };
    group.iter().zip(seen).map(planned).collect()
}

async fn read(admin: &Admin, group: &[Wanted<'_>]) -> Result<Vec<Seen>, Trouble> {
    let answers = admin.run(&query(group, &admin.facts)).await?;
    Seen::read(&answers, group, &admin.facts)
}

/// What would be changed for one wish.
fn plan(wanted: &Wanted<'_>, facts: &Facts, seen: &Seen) -> Result<Survey, Failure> {
    let (request, settings) = (&wanted.step.request, wanted.settings.clone());
    let changes = match &request.wish.account {
        AccountWish::Create { .. } => vec![account(request, settings, facts, seen)?],
        AccountWish::Existing { .. } => membership(request, settings, facts, seen)?.into_iter().collect(),
    };
    Ok(Survey { target: facts.target.clone(), target_now: seen.now, changes })
}

/// Refuses names that the server would take for something else.
fn check_names(request: &SurveyRequest, settings: &Settings) -> Result<(), Failure> {
    let wish = &request.wish;
    let account = wish.account.name().as_str();
    let fault = match &wish.account {
        AccountWish::Create { .. } => bad_role_name(account),
        // A role that exists may have any name that the server once took, but the search is for an exact one.
        AccountWish::Existing { .. } => bad_role_name(account).filter(|_| !account.starts_with("pg_")),
    };
    if let Some(fault) = fault {
        return Err(conflict(format!("{} cannot be the name of an account: {fault}", shown(account))));
    }
    let Some(role) = wish.elevate.as_deref() else { return Ok(()) };
    // The predefined roles (pg_read_all_data, …) may be granted.
    if let Some(fault) = bad_role_name(role).filter(|_| !role.starts_with("pg_")) {
        return Err(conflict(format!("{} cannot be the name of a role to lift into: {fault}", shown(role))));
    }
    if role == settings.graveyard_role {
        let text = format!("nobody is lifted into {}, which owns what ended accounts have left", shown(role));
        return Err(conflict(text));
    }
    Ok(())
}

fn query(group: &[Wanted<'_>], facts: &Facts) -> String {
    let per_grantor = facts.has_membership_options();
    let wishes: Vec<String> = group
        .iter()
        .enumerate()
        .map(|(number, wanted)| {
            let name = |name| literal(name) + "::name";
            let account = name(wanted.wish().account.name().as_str());
            format!("({number}, {account}, {}, {})", name(wanted.elevate()), name(&wanted.settings.graveyard_role))
        })
        .collect();
    fill(
        include_str!("sql/survey.sql"),
        &[
            ("now", &micros("clock_timestamp()")),
            ("wishes", &wishes.join(", ")),
            ("marker", &literal(MARKER_ROLE)),
            ("inherits", if per_grantor { "m.inherit_option" } else { "true" }),
            ("per_grantor", if per_grantor { "true" } else { "false" }),
        ],
    )
}

impl Seen {
    /// What the answers say of each wish.
    fn read(answers: &[Vec<SimpleQueryRow>], group: &[Wanted<'_>], facts: &Facts) -> Result<Vec<Self>, Trouble> {
        let [rows, memberships, admins, fallback] = answers else { return Err(Trouble::Garbled) };
        if rows.len() != group.len() {
            return Err(Trouble::Garbled);
        }
        let role = |row: &SimpleQueryRow, column: usize| -> Result<(u32, String), Trouble> {
            Ok((number(row, column)?.ok_or(Trouble::Garbled)?, field(row, column + 1)?.to_owned()))
        };
        let mut members: HashMap<usize, Vec<Row>> = HashMap::new();
        for row in memberships {
            let wish = number(row, 0)?.ok_or(Trouble::Garbled)?;
            let member = Row { grantor: number(row, 1)?.ok_or(Trouble::Garbled)?, inherits: field(row, 2)? == "t" };
            members.entry(wish).or_default().push(member);
        }
        // On 16 and later every grant has a grantor who holds the role WITH ADMIN OPTION: ourselves, a role whose rights we
        // have, or, for a superuser, the bootstrap superuser. Up to 15 it is whoever grants.
        let mut grantors: HashMap<&str, (u32, String)> = HashMap::new();
        for row in admins {
            grantors.entry(field(row, 0)?).or_insert(role(row, 1)?);
        }
        let fallback = fallback.first().map(|row| role(row, 0)).transpose()?;
        let fallback = fallback.filter(|_| facts.superuser || !facts.has_membership_options());
        let seen = |(wish, (row, wanted)): (usize, (&SimpleQueryRow, &Wanted<'_>))| {
            let yes = |column| field(row, column).map(|text| text == "t");
            Ok(Self {
                now: WallTime::from_micros(number(row, 0)?.ok_or(Trouble::Garbled)?),
                may_create_roles: yes(1)?,
                account: number(row, 2)?,
                account_is_superuser: yes(3)?,
                may_see_sessions: yes(4)?,
                elevated: number(row, 5)?,
                elevated_is_superuser: yes(6)?,
                grave: number(row, 7)?,
                grave_has_rights: yes(8)?,
                may_use_grave: yes(9)?,
                has_marker: yes(10)?,
                memberships: members.remove(&wish).unwrap_or_default(),
                grantor: grantors.get(wanted.elevate()).or(fallback.as_ref()).cloned(),
            })
        };
        rows.iter().zip(group).enumerate().map(seen).collect()
    }
}

/// The account that would be made.
fn account(request: &SurveyRequest, settings: Settings, facts: &Facts, seen: &Seen) -> Result<PlannedChange, Failure> {
    let AccountWish::Create { name, mark } = &request.wish.account else {
        return Err(Failure::new(FailureClass::Bug, "no account is to be made"));
    };
    if seen.account.is_some() {
        return Err(conflict(format!("a role {} exists already and is not touched", shown(name.as_str()))));
    }
    if !seen.may_create_roles {
        return Err(not_permitted(facts, "make roles", &format!("ALTER ROLE {} CREATEROLE;", shown(&facts.admin))));
    }
    if settings.leftovers != Leftovers::Keep {
        check_graveyard(&settings.graveyard_role, facts, seen)?;
    }
    let mut roles = Vec::new();
    if let Some(role) = &request.wish.elevate {
        check_elevation(role, facts, seen)?;
        roles.push(role.clone());
    }
    if seen.has_marker && !facts.has_membership_options() {
        roles.push(MARKER_ROLE.to_owned());
    }
    let frozen = Frozen::AccountV1(Account {
        maintenance_database: settings.maintenance_database,
        mark: mark.to_string(),
        valid_until: seen.now.plus(request.lifetime),
        connections: settings.connections,
        verifier_iterations: settings.verifier_iterations,
        roles,
        leftovers: settings.leftovers,
        graveyard_role: settings.graveyard_role,
    });
    Ok(PlannedChange {
        kind: ChangeKind::Account,
        account: name.clone(),
        group: request.wish.elevate.clone(),
        prior: false,
        payload: frozen.payload()?,
        depends_on: Vec::new(),
        native_ids: None,
    })
}

/// The membership that would be added to an existing account; `None` when nothing is asked for.
fn membership(
    request: &SurveyRequest,
    settings: Settings,
    facts: &Facts,
    seen: &Seen,
) -> Result<Option<PlannedChange>, Failure> {
    let name = request.wish.account.name();
    let Some(member_oid) = seen.account else {
        return Err(conflict(format!("there is no role {} on the server", shown(name.as_str()))));
    };
    if name.as_str() == facts.admin {
        return Err(conflict("the administrative account itself cannot be used for sessions".to_owned()));
    }
    let Some(role) = &request.wish.elevate else { return Ok(None) };
    check_elevation(role, facts, seen)?;
    let Some((grantor_oid, grantor)) = seen.grantor.clone() else {
        return Err(not_permitted(facts, "grant that role", &grant_admin_option(role, facts)));
    };
    if request.wish.end_other_sessions && !seen.may_see_sessions {
        return Err(not_permitted(
            facts,
            "see since when the sessions of an existing account run",
            &format!("GRANT pg_read_all_stats TO {};", shown(&facts.admin)),
        ));
    }
    if seen.account_is_superuser && !facts.superuser {
        return Err(conflict(format!("{} is a superuser: it cannot be lifted further", shown(name.as_str()))));
    }
    // A row of our grantor was there before us whoever made it; a row of another that gives its rights at once makes ours
    // superfluous. Membership that is only inherited from elsewhere is not this membership.
    let prior = seen.memberships.iter().any(|row| row.inherits || row.grantor == grantor_oid);
    let frozen = Frozen::MembershipV1(Membership {
        maintenance_database: settings.maintenance_database,
        member_oid,
        role_oid: seen.elevated.unwrap_or_default(),
        grantor_oid,
        grantor,
    });
    Ok(Some(PlannedChange {
        kind: ChangeKind::Membership,
        account: name.clone(),
        group: Some(role.clone()),
        prior,
        payload: frozen.payload()?,
        depends_on: Vec::new(),
        native_ids: None,
    }))
}

/// Whether anybody may be lifted into the role by us.
fn check_elevation(role: &str, facts: &Facts, seen: &Seen) -> Result<(), Failure> {
    if seen.elevated.is_none() {
        return Err(conflict(format!("there is no role {} on the server to lift into", shown(role))));
    }
    if role == facts.admin {
        return Err(conflict("nobody is lifted into the administrative account".to_owned()));
    }
    if seen.elevated_is_superuser && !facts.superuser {
        return Err(conflict(format!(
            "{} is a superuser, which only a superuser may grant: lift into a role that holds just the rights needed",
            shown(role)
        )));
    }
    if seen.grantor.is_none() {
        return Err(not_permitted(facts, "grant that role", &grant_admin_option(role, facts)));
    }
    if !seen.may_create_roles && !facts.has_membership_options() {
        return Err(not_permitted(facts, "grant roles", &format!("ALTER ROLE {} CREATEROLE;", shown(&facts.admin))));
    }
    Ok(())
}

/// Whether what accounts leave can be handed over.
fn check_graveyard(role: &str, facts: &Facts, seen: &Seen) -> Result<(), Failure> {
    if seen.grave.is_none() {
        let text = format!(
            "the role that gets what accounts leave does not exist; as a superuser: {}",
            create_graveyard(role, facts).join(" ")
        );
        return Err(conflict(text));
    }
    if seen.grave_has_rights {
        return Err(conflict(format!(
            "{} owns what ended accounts left, so it must not have any right; as a superuser: {}",
            shown(role),
            strip(role)
        )));
    }
    if !seen.may_use_grave {
        return Err(not_permitted(facts, "hand anything over to the graveyard role", &grant_graveyard(role, facts)));
    }
    Ok(())
}

/// The statement that takes every right from the graveyard role.
pub(crate) fn strip(role: &str) -> String {
    format!("ALTER ROLE {} NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS;", shown(role))
}

/// The statements that make the graveyard role.
pub(crate) fn create_graveyard(role: &str, facts: &Facts) -> Vec<String> {
    let mut statements = vec![format!("CREATE ROLE {} NOLOGIN;", shown(role))];
    if !facts.superuser {
        statements.push(grant_graveyard(role, facts));
    }
    statements
}

/// The statement that lets the administrative account hand over to the graveyard role.
pub(crate) fn grant_graveyard(role: &str, facts: &Facts) -> String {
    let options = if facts.has_membership_options() { " WITH INHERIT TRUE, SET TRUE" } else { "" };
    format!("GRANT {} TO {}{options};", shown(role), shown(&facts.admin))
}

/// The statement that lets the administrative account grant a role: up to 15 there is nothing narrower than CREATEROLE.
pub(crate) fn grant_admin_option(role: &str, facts: &Facts) -> String {
    if !facts.has_membership_options() {
        return format!("ALTER ROLE {} CREATEROLE;", shown(&facts.admin));
    }
    format!("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;", shown(role), shown(&facts.admin))
}

fn conflict(text: String) -> Failure {
    Failure::new(FailureClass::Conflict, text)
}

fn not_permitted(facts: &Facts, what: &str, fix: &str) -> Failure {
    let admin = shown(&facts.admin);
    Failure::new(FailureClass::NotPermitted, format!("{admin} may not {what}; as a superuser: {fix}"))
}
