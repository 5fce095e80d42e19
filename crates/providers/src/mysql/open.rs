//! Making changes: one request each, or one for a whole batch, in which the last moment is tested under the locks that looking
//! and removing take. A password reaches the server only as a verifier.
//!
//! Account statements commit by themselves, so that several in one request are no transaction. MySQL makes the accounts of one
//! `CREATE USER` all or not at all; MariaDB makes those that it can and gives each its role afterwards. So when a request fails
//! half-way, what it has made is taken back at once, known by the verifier that only we can have put there, and what was a batch
//! is then made one by one.

use super::accounts::read_accounts;
use super::connection::{Admin, Rows, first};
use super::dialect::Dialect;
use super::payload::{Account, Frozen, Membership};
use super::sql::{GUARD, NOW, RELEASE, account, ident, literal, moment, require, shown, takes_lock};
use super::trouble::Trouble;
use crate::services::Services;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{OpenStep, Opened};
use mayfly_protocol::mysql::auth::Salt;
use std::time::Duration;

/// The most accounts that one statement makes: the marks of all stand on each of them.
const TOGETHER_MOST: usize = 32;

/// One change to make.
pub(crate) enum Prepared<'a> {
    /// An account.
    Account(Making<'a>),
    /// A membership of an account that exists.
    Membership(&'a ChangeRow, Membership),
}

/// An account to make.
pub(crate) struct Making<'a> {
    change: &'a ChangeRow,
    frozen: Account,
    /// What the server is to keep of its password.
    verifier: String,
}

/// What is needed for a step.
///
/// # Errors
/// When the step cannot be carried out whatever the server says.
pub(crate) fn prepare<'a>(services: &Services, dialect: Dialect, step: &'a OpenStep) -> Result<Prepared<'a>, Failure> {
    match Frozen::read(&step.change.payload, dialect)? {
        Frozen::AccountV1(frozen) => {
            let bug = |text| Failure::new(FailureClass::Bug, text);
            let secret = step.secret.as_ref().ok_or_else(|| bug("an account was to be made without a password"))?;
            let mut salt = [0; Salt::LEN];
            services.entropy().fill(&mut salt);
            let verifier =
                dialect.verifier(secret.expose(), &salt).ok_or_else(|| bug("no client could send this password"))?;
            Ok(Prepared::Account(Making { change: &step.change, frozen, verifier }))
        }
        Frozen::MembershipV1(membership) => Ok(Prepared::Membership(&step.change, membership)),
    }
}

/// The identity of an account: the server knows it by name and host.
pub(crate) fn native_id(change: &ChangeRow, host: &str) -> String {
    change.native_id.clone().unwrap_or_else(|| format!("{}@{host}", change.account))
}

/// Makes the changes on one connection. One result for each, in order.
pub(crate) async fn make(admin: &Admin, prepared: &[Prepared<'_>]) -> Vec<Result<Opened, Failure>> {
    let mut outcomes: Vec<Option<Result<Opened, Failure>>> = prepared.iter().map(|_| None).collect();
    for batch in batches(prepared) {
        let making: Vec<&Making<'_>> = batch.iter().filter_map(|&index| as_account(prepared.get(index))).collect();
        let results = make_accounts(admin, &making).await;
        for (index, result) in batch.into_iter().zip(results) {
            outcomes[index] = Some(result);
        }
    }
    for (index, one) in prepared.iter().enumerate() {
        if let Prepared::Membership(change, membership) = one {
            outcomes[index] = Some(grant(admin, change, membership).await);
        }
    }
    let missing = || Err(Trouble::Garbled.failure("making a change", ""));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
}

fn as_account<'a, 'b>(prepared: Option<&'b Prepared<'a>>) -> Option<&'b Making<'a>> {
    match prepared? {
        Prepared::Account(making) => Some(making),
        Prepared::Membership(..) => None,
    }
}

/// Which accounts one statement can make: what it says of all of them has to be the same.
fn batches(prepared: &[Prepared<'_>]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for (index, one) in prepared.iter().enumerate() {
        let Some(making) = as_account(Some(one)) else { continue };
        let alike = |other: &usize| {
            as_account(prepared.get(*other)).is_some_and(|other| {
                let (a, b) = (&making.frozen, &other.frozen);
                (a.connections, a.requires_tls, &a.role) == (b.connections, b.requires_tls, &b.role)
            })
        };
        let fits = |batch: &&mut Vec<usize>| batch.len() < TOGETHER_MOST && batch.first().is_some_and(alike);
        match batches.iter_mut().find(fits) {
            Some(batch) => batch.push(index),
            None => batches.push(vec![index]),
        }
    }
    batches
}

impl Making<'_> {
    fn account(&self) -> String {
        account(self.change.account.as_str(), &self.frozen.host)
    }

    /// The statement that makes the event which closes the account at its deadline; it goes by itself then.
    fn event(&self) -> Option<String> {
        let database = self.frozen.event_database.as_deref()?;
        // The server's events have whole seconds; not before the deadline.
        let at = self.frozen.deadline.plus(Duration::from_micros(999_999)).micros();
        let at = WallTime::from_micros(at - at.rem_euclid(1_000_000));
        Some(format!(
            "CREATE EVENT {}.{} ON SCHEDULE AT {} ON COMPLETION NOT PRESERVE DO ALTER USER IF EXISTS {} ACCOUNT LOCK",
            ident(database),
            ident(self.change.account.as_str()),
            moment(at),
            self.account()
        ))
    }
}

/// The statements that make accounts that are alike, the first three of which are guards: the locks, the last moment, and that
/// none of them is there, so that whatever is there afterwards was made here.
fn statements(dialect: Dialect, making: &[&Making<'_>]) -> Option<Vec<String>> {
    let like = &making.first()?.frozen;
    let least = making.iter().map(|one| one.change.last_moment).min()?;
    let mut locks: Vec<String> = making.iter().map(|one| takes_lock(&one.change.id)).collect();
    // In the same order everywhere, so that two that take several do not wait for each other.
    locks.sort();
    let accounts: Vec<String> = making.iter().map(|one| one.account()).collect();
    let identified: Vec<String> = making
        .iter()
        .map(|one| format!("{} {}", one.account(), dialect.identified(&one.verifier, &one.frozen.mark)))
        .collect();
    let marks: Vec<(&str, &str)> =
        making.iter().map(|one| (one.change.account.as_str(), one.frozen.mark.as_str())).collect();
    let mut statements = vec![
        require(&locks.join(" AND ")),
        require(&format!("SYSDATE(6) < {}", moment(least))),
        require(&format!("NOT EXISTS ({})", dialect.accounts(&pairs(making)).trim_end_matches([';', '\n']))),
        format!(
            "CREATE USER {}{} REQUIRE {} WITH MAX_USER_CONNECTIONS {} PASSWORD EXPIRE NEVER ACCOUNT UNLOCK{};\n",
            identified.join(", "),
            like.role.as_deref().map_or_else(String::new, |role| dialect.default_role_at_creation(role)),
            if like.requires_tls { "SSL" } else { "NONE" },
            like.connections,
            dialect.marks_at_creation(&marks),
        ),
    ];
    let roles = like.role.as_deref().map_or_else(Vec::new, |role| dialect.default_role(role, &accounts));
    statements.extend(roles.into_iter().chain(making.iter().filter_map(|one| one.event())).map(|one| one + ";\n"));
    statements.push(RELEASE.to_owned());
    Some(statements)
}

/// Where in those statements the accounts are made.
const CREATING: usize = 3;

/// The condition on `u` for these very accounts.
fn pairs(making: &[&Making<'_>]) -> String {
    let pair = |one: &&Making<'_>| {
        format!("(u.User = {} AND u.Host = {})", literal(one.change.account.as_str()), literal(&one.frozen.host))
    };
    making.iter().map(pair).collect::<Vec<_>>().join(" OR ")
}

async fn make_accounts(admin: &Admin, making: &[&Making<'_>]) -> Vec<Result<Opened, Failure>> {
    let all = try_to_make(admin, making).await;
    match all {
        Ok(()) => making.iter().map(|one| Ok(opened(one))).collect(),
        Err(failure) if making.len() == 1 || failure.class == FailureClass::OutcomeUnknown => {
            making.iter().map(|_| Err(failure.clone())).collect()
        }
        Err(failure) => {
            tracing::debug!(accounts = making.len(), class = ?failure.class, "A batch was undone and is made one by one");
            let mut outcomes = Vec::with_capacity(making.len());
            for one in making {
                outcomes.push(try_to_make(admin, &[*one]).await.map(|()| opened(one)));
            }
            outcomes
        }
    }
}

fn opened(one: &Making<'_>) -> Opened {
    Opened { native_id: Some(native_id(one.change, &one.frozen.host)), added: true }
}

/// Makes all of them, or none. Where it is not certain that there is none, the failure says so.
async fn try_to_make(admin: &Admin, making: &[&Making<'_>]) -> Result<(), Failure> {
    const DOING: &str = "making the account";
    let dialect = admin.facts.dialect;
    let Some(statements) = statements(dialect, making) else { return Ok(()) };
    let trouble = match admin.run(&statements.concat()).await {
        Ok(answers) if answers.len() == statements.len() => return Ok(()),
        Ok(_) => Trouble::Garbled,
        Err(trouble) => trouble,
    };
    let fix = making
        .first()
        .and_then(|one| one.frozen.role.as_deref())
        .map_or_else(String::new, |role| super::survey::grant_admin_option(role, &admin.facts));
    match trouble {
        Trouble::Refused { number: GUARD, done } if done < CREATING => Err(guarded(done, DOING)),
        Trouble::Refused { done, .. } if done < CREATING => Err(trouble.failure(DOING, "")),
        // All or not at all.
        Trouble::Refused { done: CREATING, .. } if dialect == Dialect::MySql => Err(trouble.failure(DOING, &fix)),
        Trouble::Refused { done, .. } => {
            let failure = trouble.failure(DOING, &fix);
            // The events are the last of the statements, before the locks are let go of.
            let events = making.iter().filter(|one| one.frozen.event_database.is_some()).count();
            let made = done.saturating_sub(statements.len().saturating_sub(events + 1));
            take_back(admin, making, made).await.map_err(|_| {
                let text = "making the account failed half-way, and what was made could not be taken back at once";
                Failure::new(FailureClass::OutcomeUnknown, text)
            })?;
            Err(failure)
        }
        other => Err(other.failure_of_opening(DOING, &fix)),
    }
}

/// What a guard says that did not let a command through.
fn guarded(which: usize, doing: &str) -> Failure {
    let (class, why) = match which {
        0 => (FailureClass::Busy, "another command about the same account is under way"),
        1 => (FailureClass::Busy, "the command reached the server after its last moment; nothing was changed"),
        _ => (FailureClass::Conflict, "an account of that name is there already and is not touched"),
    };
    Failure::new(class, format!("{doing} failed: {why}"))
}

/// Takes back what a request has made before it failed: accounts with our verifiers, and the first `events` of their events.
async fn take_back(admin: &Admin, making: &[&Making<'_>], events: usize) -> Result<(), Trouble> {
    let dialect = admin.facts.dialect;
    let answers = admin.run(&dialect.accounts(&pairs(making))).await?;
    let known = read_accounts(answers.first().ok_or(Trouble::Garbled)?)?;
    let mut sql = String::new();
    let with_event = making.iter().filter_map(|one| Some((one, one.frozen.event_database.as_ref()?)));
    for (one, database) in with_event.take(events) {
        let event = ident(one.change.account.as_str());
        sql.push_str(&format!("DROP EVENT IF EXISTS {}.{event};\n", ident(database)));
    }
    for one in making {
        let ours = |known: &&super::accounts::Known| {
            known.user == one.change.account.as_str()
                && known.host == one.frozen.host
                && is_verifier(&known.verifier, &one.verifier)
        };
        if known.iter().any(|known| ours(&known)) {
            sql.push_str(&format!("DROP USER {};\n", one.account()));
        }
    }
    if !sql.is_empty() {
        admin.run(&sql).await?;
    }
    Ok(())
}

/// Whether hexadecimal digits are those of a verifier.
fn is_verifier(digits: &str, verifier: &str) -> bool {
    let ours: String = verifier.bytes().map(|byte| format!("{byte:02X}")).collect();
    !verifier.is_empty() && ours == digits.to_uppercase()
}

/// Where in the statements that add a membership it is asked whether it is there.
const EDGE: usize = 2;

/// Adds a membership, unless it is there already.
async fn grant(admin: &Admin, change: &ChangeRow, membership: &Membership) -> Result<Opened, Failure> {
    const DOING: &str = "granting the role";
    let dialect = admin.facts.dialect;
    let role = change.group.as_deref().unwrap_or_default();
    let user = change.account.as_str();
    let statements = [
        require(&takes_lock(&change.id)),
        require(&format!("SYSDATE(6) < {}", moment(change.last_moment))),
        format!("SELECT {NOW}, {};\n", dialect.has_edge(user, &membership.host, role)),
        format!("GRANT {} TO {};\n", dialect.role(role), account(user, &membership.host)),
        RELEASE.to_owned(),
    ];
    let fix = super::survey::grant_admin_option(role, &admin.facts);
    let trouble = match admin.run(&statements.concat()).await {
        Ok(answers) => match had(&answers, statements.len()) {
            Ok(had) => {
                return Ok(Opened { native_id: Some(native_id(change, &membership.host)), added: !had });
            }
            Err(trouble) => trouble,
        },
        Err(trouble) => trouble,
    };
    match trouble {
        Trouble::Refused { number: GUARD, done } if done < EDGE => Err(guarded(done, DOING)),
        // An account or a role of that name is not there any more.
        Trouble::Refused { number: 1133 | 1396 | 1959 | 3523 | 3530, .. } => Err(Failure::new(
            FailureClass::Conflict,
            format!("{DOING} failed: the account {} or the role {} is not there any more", shown(user), shown(role)),
        )),
        other => Err(other.failure_of_opening(DOING, &fix)),
    }
}

/// Whether the role was granted before.
fn had(answers: &[Rows], statements: usize) -> Result<bool, Trouble> {
    if answers.len() != statements {
        return Err(Trouble::Garbled);
    }
    first(answers.get(EDGE).ok_or(Trouble::Garbled)?)?.yes(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_known_by_its_digits() {
        assert!(is_verifier("2A3441", "*4A"));
        assert!(!is_verifier("2A3442", "*4A") && !is_verifier("", ""));
    }
}
