//! Making changes: one batch each, or one for a whole list, in which the last moment is tested under the lock that looking and
//! removing take. A log-in's password reaches the server only as what the server keeps of it; a user of a contained database
//! can be made in no other way than with its password, inside the encrypted connection.

use super::connection::{Admin, Row, only, text, yes};
use super::password::hashed;
use super::payload::{Account, Frozen, Membership};
use super::scope::{job, sid};
use super::sql::{Lock, Value, call, define, frame, ident, literal, lock, shown};
use super::trouble::Trouble;
use crate::services::Services;
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{OpenStep, Opened};
use std::time::Duration;

/// How often a batch that lost to a deadlock is sent again, and after how long.
pub(crate) const RACES_MOST: u32 = 5;
pub(crate) const RACE_PAUSE: Duration = Duration::from_millis(20);

/// What the answer of a change means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    /// The SID of the account, which is this one where we gave it.
    Account(Option<String>),
    /// Whether the membership, of the account with this SID, was added.
    Membership(String),
}

/// One change, as statements with one result set that says what came of it.
#[derive(Debug)]
pub(crate) struct Prepared {
    sql: String,
    says: Says,
    doing: &'static str,
    fix: String,
}

/// Writes the statements for a step.
///
/// # Errors
/// When the step cannot be carried out whatever the server says.
pub(crate) fn prepare(services: &Services, step: &OpenStep) -> Result<Prepared, Failure> {
    match Frozen::read(&step.change.payload)? {
        Frozen::AccountV1(account) => {
            let secret = step
                .secret
                .as_ref()
                .ok_or_else(|| Failure::new(FailureClass::Bug, "an account was to be made without a password"))?;
            let bits = services.random_bits().to_be_bytes();
            Ok(prepare_account(&step.change, &account, secret.expose(), [bits[0], bits[1], bits[2], bits[3]]))
        }
        Frozen::MembershipV1(membership) => prepare_membership(&step.change, &membership),
    }
}

fn prepare_account(change: &ChangeRow, account: &Account, password: &str, salt: [u8; 4]) -> Prepared {
    let (name, home) = (change.account.as_str(), account.database.as_str());
    let mut sql = lock(home, &change.id, Lock::Exclusive, Some(change.last_moment));
    let mut made = Vec::new();
    match &account.sid {
        Some(sid) if !account.contained => {
            let first = account.databases.first().map_or("master", |first| &first.database);
            sql.push_str(&format!(
                "CREATE LOGIN {} WITH PASSWORD = {} HASHED, SID = {sid}, DEFAULT_DATABASE = {}, CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;\n",
                ident(name),
                hashed(password, salt),
                ident(first)
            ));
            made.extend(account.databases.iter().map(|one| one.database.as_str()));
            if !made.contains(&home) {
                made.push(home);
            }
            for database in made {
                sql.push_str(&define(database, &format!("CREATE USER {} FOR LOGIN {}", ident(name), ident(name))));
            }
        }
        _ => sql.push_str(&define(home, &format!("CREATE USER {} WITH PASSWORD = {}", ident(name), literal(password)))),
    }
    sql.push_str(&format!(
        "EXEC {}.sys.sp_addextendedproperty @name = N'mayfly', @value = {}, @level0type = N'USER', @level0name = {};\n",
        ident(home),
        literal(&account.mark),
        literal(name)
    ));
    for one in &account.databases {
        for role in &one.roles {
            sql.push_str(&define(&one.database, &format!("ALTER ROLE {} ADD MEMBER {}", ident(role), ident(name))));
        }
    }
    for role in &account.server_roles {
        sql.push_str(&format!("ALTER SERVER ROLE {} ADD MEMBER {};\n", ident(role), ident(name)));
    }
    if let Some(at) = account.disabled_at {
        sql.push_str(&call(
            "msdb",
            include_str!("sql/deadline.sql"),
            &[
                ("job", "sysname", Value::Text(&job(change))),
                ("mark", "nvarchar(200)", Value::Text(&account.mark)),
                ("login", "sysname", Value::Text(name)),
                ("until", "datetime2(6)", Value::Moment(at)),
            ],
        ));
    }
    let text = if account.contained { include_str!("sql/user_made.sql") } else { include_str!("sql/made.sql") };
    sql.push_str(&call(home, text, &[("name", "sysname", Value::Text(name))]));
    let says = Says::Account(account.sid.clone());
    Prepared { sql, says, doing: "making the account", fix: String::new() }
}

fn prepare_membership(change: &ChangeRow, membership: &Membership) -> Result<Prepared, Failure> {
    let mut sql = lock(&membership.database, &change.id, Lock::Exclusive, Some(change.last_moment));
    let text = if membership.within.is_some() {
        include_str!("sql/grant_database.sql")
    } else {
        include_str!("sql/grant_server.sql")
    };
    sql.push_str(&of_membership(membership, text)?);
    let (member, role) = (shown(change.account.as_str()), shown(&membership.role));
    let fix = match &membership.within {
        Some(database) => format!("ALTER ROLE {role} ADD MEMBER {member}; in database {}", shown(database)),
        None => format!("ALTER SERVER ROLE {role} ADD MEMBER {member};"),
    };
    let says = Says::Membership(membership.member_sid.clone());
    Ok(Prepared { sql, says, doing: "adding the account to the role", fix })
}

/// A call of a text about a membership, where its role is.
pub(crate) fn of_membership(membership: &Membership, text: &str) -> Result<String, Failure> {
    let (member, role) = (sid(&membership.member_sid)?, sid(&membership.role_sid)?);
    let database = membership.within.as_ref().unwrap_or(&membership.database);
    Ok(call(
        database,
        text,
        &[("member", "varbinary(85)", Value::Sid(&member)), ("role", "varbinary(85)", Value::Sid(&role))],
    ))
}

/// Makes the changes on one connection: all in one transaction, or, when that fails, one by one.
pub(crate) async fn make(admin: &Admin, prepared: &[Prepared]) -> Vec<Result<Opened, Failure>> {
    if prepared.len() > 1 {
        let all: String = prepared.iter().map(|one| one.sql.as_str()).collect();
        match admin.run(&frame(&all)).await {
            Ok(answers) => return split(prepared, &answers),
            Err(trouble @ (Trouble::Refused { .. } | Trouble::NotSent)) => {
                tracing::debug!(steps = prepared.len(), error = ?trouble, "A batch was undone and is made one by one");
            }
            Err(trouble) => {
                return prepared.iter().map(|one| Err(trouble.failure_of_opening(one.doing, &one.fix))).collect();
            }
        }
    }
    let mut outcomes = Vec::with_capacity(prepared.len());
    for one in prepared {
        outcomes.push(make_one(admin, one).await);
    }
    outcomes
}

async fn make_one(admin: &Admin, one: &Prepared) -> Result<Opened, Failure> {
    let sql = frame(&one.sql);
    let mut races = 0;
    loop {
        match admin.run(&sql).await {
            Ok(answers) => return said(one, answers.last()),
            Err(trouble) if trouble.is_race() && races < RACES_MOST => {
                races += 1;
                tokio::time::sleep(RACE_PAUSE * races).await;
            }
            Err(trouble) => return Err(trouble.failure_of_opening(one.doing, &one.fix)),
        }
    }
}

fn split(prepared: &[Prepared], answers: &[Vec<Row>]) -> Vec<Result<Opened, Failure>> {
    // One result set for each change; anything else is not told apart.
    let whole = answers.len() == prepared.len();
    prepared.iter().enumerate().map(|(index, one)| said(one, answers.get(index).filter(|_| whole))).collect()
}

/// What the result set of a change says.
fn said(one: &Prepared, rows: Option<&Vec<Row>>) -> Result<Opened, Failure> {
    let read = || {
        let row = only(rows.ok_or(Trouble::Garbled)?)?;
        Ok(match &one.says {
            Says::Account(given) => {
                let found = text(row, 0)?;
                if sid(found).is_err() || given.as_ref().is_some_and(|given| given != found) {
                    return Err(Trouble::Garbled);
                }
                Opened { native_id: Some(found.to_owned()), added: true }
            }
            Says::Membership(member) => Opened { native_id: Some(member.clone()), added: yes(row, 0)? },
        })
    };
    read().map_err(|trouble| trouble.failure_of_opening(one.doing, &one.fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leftovers::Leftovers;
    use crate::sqlserver::settings::InDatabase;
    use mayfly_domain::{
        AccountName, ChangeId, ChangeKind, ChangeState, CredentialRef, Destination, Endpoint, Payload, Place,
        RecordName, SessionId, TargetId, Trust, WallTime,
    };

    const NAME: &str = "x]; DROP LOGIN [sa]; -- '";

    fn change() -> ChangeRow {
        let at = WallTime::from_micros(0);
        let credential = CredentialRef { record: RecordName::parse("admin").unwrap() };
        let endpoint = Endpoint { host: "db".to_owned(), port: 1433 };
        ChangeRow {
            id: ChangeId::parse("chg_0000000000000000").unwrap(),
            session: SessionId::parse("ses_0000000000000000").unwrap(),
            provider: "sqlserver".to_owned(),
            kind: ChangeKind::Account,
            target: TargetId::new("sqlserver", "A/B"),
            place: Place { destination: Destination { endpoint, trust: Trust::Plaintext }, credential },
            account: AccountName::existing(NAME),
            group: None,
            payload: Payload { kind: String::new(), version: 1, bytes: Vec::new() },
            state: ChangeState::Intended,
            since: at,
            depends_on: Vec::new(),
            last_moment: at,
            confirmed: false,
            native_id: None,
            prior: false,
            held_since: at,
            exclusive: true,
            end_other_sessions: true,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        }
    }

    fn account(contained: bool) -> Account {
        Account {
            database: if contained { "app".to_owned() } else { "master".to_owned() },
            contained,
            mark: "mayfly ' ins".to_owned(),
            sid: (!contained).then(|| "0x0102".to_owned()),
            databases: vec![InDatabase { database: "o]rders".to_owned(), roles: vec!["r'ole".to_owned()] }],
            server_roles: if contained { Vec::new() } else { vec!["a]b".to_owned()] },
            disabled_at: None,
            leftovers: Leftovers::Graveyard,
            graveyard: "g".to_owned(),
        }
    }

    /// FAILURES 38: with names that try everything, each statement is the one that was meant.
    #[test]
    fn hostile_names_stay_names() {
        let sql = prepare_account(&change(), &account(false), "secret", [0; 4]).sql;
        let (first, rest) = sql.split_once("CREATE LOGIN ").unwrap();
        assert!(first.starts_with("EXEC [master].sys.sp_executesql N'-- mayfly lock\n"));
        let (login, rest) = rest.split_once(";\nEXEC [o]]rders].").unwrap();
        assert!(login.starts_with("[x]]; DROP LOGIN [sa]]; -- '] WITH PASSWORD = 0x0200"), "{login}");
        let options = " HASHED, SID = 0x0102, DEFAULT_DATABASE = [o]]rders], CHECK_POLICY = ON, CHECK_EXPIRATION = OFF";
        assert!(login.ends_with(options), "{login}");
        let quoted = "[x]]; DROP LOGIN [sa]]; -- '']";
        assert!(
            rest.starts_with(&format!("sys.sp_executesql N'CREATE USER {quoted} FOR LOGIN {quoted};';\n")),
            "{rest}"
        );
        for statement in [
            "EXEC [master].sys.sp_addextendedproperty @name = N'mayfly', @value = N'mayfly '' ins', @level0type = N'USER', \
             @level0name = N'x]; DROP LOGIN [sa]; -- ''';\n"
                .to_owned(),
            format!("EXEC [o]]rders].sys.sp_executesql N'ALTER ROLE [r''ole] ADD MEMBER {quoted};';\n"),
            "ALTER SERVER ROLE [a]]b] ADD MEMBER [x]]; DROP LOGIN [sa]]; -- '];\n".to_owned(),
        ] {
            assert!(rest.contains(&statement), "{statement} in {rest}");
        }
        assert!(!sql.contains("secret"), "the password stands in a statement");
    }

    /// A user of a contained database knows no other form; its password cannot leave its quotes either.
    #[test]
    fn a_contained_user_is_made_with_its_password() {
        let sql = prepare_account(&change(), &account(true), "a'b", [0; 4]).sql;
        let quoted = "[x]]; DROP LOGIN [sa]]; -- '']";
        let statement = format!("EXEC [app].sys.sp_executesql N'CREATE USER {quoted} WITH PASSWORD = N''a''''b'';';\n");
        assert!(sql.contains(&statement), "{sql}");
        assert!(!sql.contains("CREATE LOGIN"));
    }
}
