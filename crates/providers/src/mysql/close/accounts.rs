//! Closing accounts to log-ins and removing them: one statement for as many as there are, and one by one where that fails.

use super::definers::has_leftovers;
use super::{Step, misplaced, xa};
use crate::mysql::MySql;
use crate::mysql::accounts::{Found, Known};
use crate::mysql::connection::Admin;
use crate::mysql::look::{candidates, judge, shown_of, unclear};
use crate::mysql::payload::{Account, Frozen};
use crate::mysql::sql::{GUARD, RELEASE, account, ident, literal, require, takes_lock};
use crate::mysql::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{CloseVerb, Closed};

/// One account of a batch, and what became of it on the server.
struct Target<'a> {
    change: &'a ChangeRow,
    account: &'a Account,
    /// Ours, if it is there.
    known: Option<Known>,
    /// Whether somebody else has its name, so that nothing is touched.
    stranger: bool,
}

impl Target<'_> {
    /// The statement that takes the event away which would close the account; empty where there is none, or nothing is ours.
    fn drop_event(&self) -> String {
        match &self.account.event_database {
            Some(database) if !self.stranger => {
                format!("DROP EVENT IF EXISTS {}.{};\n", ident(database), ident(self.change.account.as_str()))
            }
            _ => String::new(),
        }
    }
}

/// Closes accounts to log-ins.
pub(crate) async fn disable(admin: &Admin, steps: &[Step<'_>]) -> Vec<Result<Closed, Failure>> {
    each_or_together(admin, steps, CloseVerb::Disable).await
}

/// Removes accounts, and names prepared transactions that may be theirs.
pub(crate) async fn remove(provider: &MySql, admin: &Admin, steps: &[Step<'_>]) -> Vec<Result<Closed, Failure>> {
    let mut outcomes = each_or_together(admin, steps, CloseVerb::Remove).await;
    for ((step, frozen), outcome) in steps.iter().zip(&mut outcomes) {
        if let Ok(closed) = outcome {
            let made_as = account(step.change.account.as_str(), frozen.host());
            closed.report = xa::named(provider, admin, &made_as).await;
        }
    }
    outcomes
}

async fn each_or_together(admin: &Admin, steps: &[Step<'_>], verb: CloseVerb) -> Vec<Result<Closed, Failure>> {
    if steps.len() > 1 && together(admin, steps, verb).await.is_ok() {
        return steps.iter().map(|_| Ok(Closed::default())).collect();
    }
    let mut outcomes = Vec::with_capacity(steps.len());
    for step in steps {
        outcomes.push(together(admin, &[*step], verb).await.map(|()| Closed::default()));
    }
    outcomes
}

async fn together(admin: &Admin, steps: &[Step<'_>], verb: CloseVerb) -> Result<(), Failure> {
    let targets = targets(admin, steps).await?;
    if verb != CloseVerb::Remove {
        return lock_all(admin, &targets, steps).await;
    }
    for known in targets.iter().filter_map(|target| target.known.as_ref()) {
        if has_leftovers(admin, &known.user, &known.host).await? {
            return Err(Failure::new(
                FailureClass::Conflict,
                "the account is the definer of views, routines, triggers or events, which have to be handed over before",
            ));
        }
    }
    drop_all(admin, &targets, steps).await
}

async fn targets<'a>(admin: &Admin, steps: &[Step<'a>]) -> Result<Vec<Target<'a>>, Failure> {
    let changes: Vec<(&ChangeRow, &Frozen)> = steps.iter().map(|(step, frozen)| (&step.change, *frozen)).collect();
    // Nothing waits for a lock here: what takes access away does not wait for what gives it.
    let known = candidates(admin, &changes, false).await?;
    let one = |(change, frozen): (&'a ChangeRow, &'a Frozen)| {
        let Frozen::AccountV1(account) = frozen else { return Err(misplaced()) };
        let found = judge(admin.facts.dialect, &known, change, account);
        let stranger = found == Found::Stranger;
        let known = match found {
            Found::Ours(known) => Some(known),
            Found::Nobody | Found::Stranger => None,
            Found::Unclear => return Err(unclear(change)),
        };
        Ok(Target { change, account, known, stranger })
    };
    steps.iter().map(|(step, frozen)| one((&step.change, frozen))).collect()
}

fn named(targets: &[Target<'_>]) -> Vec<String> {
    targets.iter().filter_map(|target| target.known.as_ref()).map(|known| account(&known.user, &known.host)).collect()
}

async fn lock_all(admin: &Admin, targets: &[Target<'_>], steps: &[Step<'_>]) -> Result<(), Failure> {
    let mut sql = String::new();
    let open: Vec<String> = targets
        .iter()
        .filter_map(|target| target.known.as_ref())
        .filter(|known| !known.locked)
        .map(|known| account(&known.user, &known.host))
        .collect();
    if !open.is_empty() {
        sql.push_str(&format!("ALTER USER IF EXISTS {} ACCOUNT LOCK;\n", open.join(", ")));
    }
    // Where somebody has dropped the account, its event is all that is left of it; nobody looks for that.
    for target in targets.iter().filter(|target| target.known.is_none()) {
        sql.push_str(&target.drop_event());
    }
    if sql.is_empty() {
        return Ok(());
    }
    let fix = format!("GRANT CREATE USER ON *.* TO {};", admin.facts.me());
    let done = admin.run(&sql).await.map(drop);
    done.map_err(|trouble| trouble.failure(&doing("closing the account to log-in", steps), &fix))
}

/// Drops the accounts under their locks, and behind them the events that would have closed them. No session may run: it would go
/// on without its account.
async fn drop_all(admin: &Admin, targets: &[Target<'_>], steps: &[Step<'_>]) -> Result<(), Failure> {
    const FIRST: usize = 2;
    let mut locks: Vec<String> = targets.iter().map(|target| takes_lock(&target.change.id)).collect();
    locks.sort();
    let mut users: Vec<String> = targets
        .iter()
        .filter(|target| !target.stranger)
        .map(|target| literal(target.change.account.as_str()))
        .collect();
    users.extend(targets.iter().filter_map(|target| target.known.as_ref()).map(|known| literal(&known.user)));
    let mut sql = require(&locks.join(" AND "));
    let processes = admin.facts.dialect.process_list().0;
    let none_runs = match users.is_empty() {
        true => "TRUE".to_owned(),
        false => format!(
            "NOT EXISTS (SELECT 1 FROM {processes} p WHERE p.USER IN ({}) AND p.ID <> CONNECTION_ID())",
            users.join(", ")
        ),
    };
    sql.push_str(&require(&none_runs));
    let named = named(targets);
    if !named.is_empty() {
        sql.push_str(&format!("DROP USER IF EXISTS {};\n", named.join(", ")));
    }
    for target in targets {
        sql.push_str(&target.drop_event());
    }
    sql.push_str(RELEASE);
    let doing = doing("removing the account", steps);
    let busy = |why: &str| Err(Failure::new(FailureClass::Busy, format!("{doing} failed: {why}")));
    match admin.run(&sql).await {
        Ok(_) => Ok(()),
        Err(Trouble::Refused { number: GUARD, done: 0 }) => busy("another command about the same account is under way"),
        Err(Trouble::Refused { number: GUARD, done }) if done < FIRST => {
            busy("a session of the account still runs on the server")
        }
        Err(trouble) => {
            let fix = format!("GRANT CREATE USER ON *.* TO {0}; GRANT EVENT ON mysql.* TO {0};", admin.facts.me());
            Err(trouble.failure(&doing, &fix))
        }
    }
}

fn doing(what: &str, steps: &[Step<'_>]) -> String {
    match steps {
        [(step, frozen)] => format!("{what} {}", shown_of(&step.change, frozen)),
        _ => what.to_owned(),
    }
}
