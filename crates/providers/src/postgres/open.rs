//! Making changes: one request each, or one for a whole batch, in which the last moment is tested under the lock that
//! looking and removing take. A password reaches the server only as a verifier.

use super::connection::{Admin, field};
use super::payload::{Account, Frozen, Membership};
use super::sql::{block, fill, ident, literal, lock_key, moment};
use super::trouble::{TOO_LATE, Trouble};
use crate::services::Services;
use mayfly_domain::{Failure, FailureClass, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{OpenStep, Opened};
use mayfly_protocol::scram::Verifier;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio_postgres::SimpleQueryRow;

/// How often a step that lost a race for a catalogue row is sent again, and after how long.
pub(crate) const RACES_MOST: u32 = 5;
pub(crate) const RACE_PAUSE: Duration = Duration::from_millis(5);

/// One change to make.
pub(crate) struct Prepared {
    lock: i64,
    last_moment: WallTime,
    /// The statements that make it.
    sql: String,
    /// How many answers these give.
    statements: usize,
    /// What says what came of it, as two columns: the oid, and whether it was added.
    outcome: String,
    doing: String,
    fix: String,
}

/// Writes the statements for a step.
///
/// # Errors
/// When the step cannot be carried out whatever the server says.
pub(crate) fn prepare(services: &Services, step: &OpenStep) -> Result<Prepared, Failure> {
    match Frozen::read(&step.change.payload)? {
        Frozen::AccountV1(account) => prepare_account(services, step, &account),
        Frozen::MembershipV1(membership) => Ok(prepare_membership(&step.change, &membership)),
    }
}

fn prepare_account(services: &Services, step: &OpenStep, account: &Account) -> Result<Prepared, Failure> {
    let secret = step
        .secret
        .as_ref()
        .ok_or_else(|| Failure::new(FailureClass::Bug, "an account was to be made without a password"))?;
    let verifier = verifier(services, secret.expose(), account.verifier_iterations);
    let name = step.change.account.as_str();
    let roles: Vec<String> = account.roles.iter().map(|role| ident(role)).collect();
    let in_role = if roles.is_empty() { String::new() } else { format!(" IN ROLE {}", roles.join(", ")) };
    let sql = format!(
        "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT \
         PASSWORD {verifier} VALID UNTIL {until} CONNECTION LIMIT {connections}{in_role};\n\
         COMMENT ON ROLE {role} IS {mark};\n",
        role = ident(name),
        verifier = literal(&verifier.to_text()),
        until = until(account.valid_until),
        connections = account.connections,
        mark = literal(&account.mark),
    );
    Ok(Prepared {
        lock: lock_key(&step.change.id),
        last_moment: step.change.last_moment,
        sql,
        statements: 2,
        outcome: format!("(SELECT oid FROM pg_roles WHERE rolname = {}), true", literal(name)),
        doing: "making the account".to_owned(),
        fix: String::new(),
    })
}

/// VALID UNTIL takes a literal only.
fn until(at: WallTime) -> String {
    let text = at.to_string();
    literal(if text.ends_with('Z') { &text } else { "infinity" })
}

fn verifier(services: &Services, password: &str, iterations: NonZeroU32) -> Verifier {
    let salt = services.random_bits().to_be_bytes();
    Verifier::from_password(password.as_bytes(), &salt, iterations)
}

fn prepare_membership(change: &ChangeRow, membership: &Membership) -> Prepared {
    let body = fill(
        include_str!("sql/grant.sql"),
        &[
            ("member", &membership.member_oid.to_string()),
            ("role", &membership.role_oid.to_string()),
            ("grantor", &membership.grantor_oid.to_string()),
            ("result", &literal(&result_name(change))),
        ],
    );
    Prepared {
        lock: lock_key(&change.id),
        last_moment: change.last_moment,
        sql: block(&body),
        statements: 1,
        outcome: format!(
            "{}::oid, current_setting({}) = 'added'",
            membership.member_oid,
            literal(&result_name(change))
        ),
        doing: "granting the role".to_owned(),
        fix: format!(
            "GRANT {} TO {} WITH ADMIN OPTION;",
            super::sql::shown(change.group.as_deref().unwrap_or_default()),
            super::sql::shown(&membership.grantor)
        ),
    }
}

/// A DO block cannot return a row: it leaves its answer in a setting of the transaction, one for each change of a batch.
fn result_name(change: &ChangeRow) -> String {
    format!("mayfly.{}", change.id.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

/// Everything as one request, which is one transaction. Takes the locks of the changes and then tests the earliest of their last
/// moments, in this order: whoever looks waits for the lock, so a look that comes after the last moment sees what became of
/// this. Asks at the end what came of each.
fn request(prepared: &[Prepared]) -> String {
    let each = |part: fn(&Prepared) -> String| prepared.iter().map(part).collect::<Vec<_>>();
    let last_moment = prepared.iter().map(|one| one.last_moment).min().unwrap_or_else(|| WallTime::from_micros(0));
    let guard = block(&format!(
        "BEGIN IF clock_timestamp() >= {} THEN RAISE EXCEPTION 'past its last moment' USING ERRCODE = '{TOO_LATE}'; END IF; END",
        moment(last_moment)
    ));
    format!(
        "SELECT pg_advisory_xact_lock(key) FROM (VALUES {locks}) every(key);\n{guard}{all}VALUES {outcomes};\n",
        locks = each(|one| format!("({}::bigint)", one.lock)).join(", "),
        all = each(|one| one.sql.clone()).concat(),
        outcomes = each(|one| format!("({})", one.outcome)).join(", "),
    )
}

/// Makes the changes on one connection: all in one transaction, or, when that fails, one by one.
pub(crate) async fn make(admin: &Admin, prepared: &[Prepared]) -> Vec<Result<Opened, Failure>> {
    if prepared.len() > 1 {
        match admin.run(&request(prepared)).await {
            Ok(answers) => return outcomes(prepared, &answers),
            Err(trouble @ (Trouble::Refused { .. } | Trouble::NotSent)) => {
                tracing::debug!(steps = prepared.len(), error = ?trouble, "A batch was undone and is made one by one");
            }
            Err(trouble) => {
                return prepared.iter().map(|one| Err(trouble.failure_of_opening(&one.doing, &one.fix))).collect();
            }
        }
    }
    let mut made = Vec::with_capacity(prepared.len());
    for one in prepared.chunks(1) {
        made.extend(make_one(admin, one).await);
    }
    made
}

/// Makes one change, again where it lost a race. One result for one change.
async fn make_one(admin: &Admin, one: &[Prepared]) -> Vec<Result<Opened, Failure>> {
    let sql = request(one);
    let mut races = 0;
    loop {
        match admin.run(&sql).await {
            Ok(answers) => return outcomes(one, &answers),
            Err(trouble) if trouble.is_race() && races < RACES_MOST => {
                races += 1;
                tokio::time::sleep(RACE_PAUSE * races).await;
            }
            Err(trouble) => {
                return one.iter().map(|one| Err(trouble.failure_of_opening(&one.doing, &one.fix))).collect();
            }
        }
    }
}

/// What the last statement says of each change.
fn outcomes(prepared: &[Prepared], answers: &[Vec<SimpleQueryRow>]) -> Vec<Result<Opened, Failure>> {
    // The locks, the guard, and what says what came of it.
    let statements = 3 + prepared.iter().map(|one| one.statements).sum::<usize>();
    let rows = answers.last().filter(|rows| answers.len() == statements && rows.len() == prepared.len());
    let rows = rows.map_or(&[][..], Vec::as_slice);
    let outcome = |(index, one): (usize, &Prepared)| {
        let row = rows.get(index).ok_or(Trouble::Garbled);
        row.and_then(opened).map_err(|trouble| trouble.failure_of_opening(&one.doing, &one.fix))
    };
    prepared.iter().enumerate().map(outcome).collect()
}

fn opened(row: &SimpleQueryRow) -> Result<Opened, Trouble> {
    let oid: u32 = field(row, 0)?.parse().map_err(|_| Trouble::Garbled)?;
    Ok(Opened { native_id: Some(oid.to_string()), added: field(row, 1)? == "t" })
}
