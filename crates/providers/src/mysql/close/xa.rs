//! Prepared transactions. They outlive the session and the account that made them, hold their locks, and the servers' list of
//! them names nobody. MySQL knows of a session that still runs which transactions it has prepared last; those are rolled back when
//! it is ended. Of all others nobody can tell whose they are: they stay, and those that came while the account was there are
//! named, once, in the report of its removal.

use crate::mysql::MySql;
use crate::mysql::connection::{Admin, Row, Rows};
use crate::mysql::dialect::Dialect;
use crate::mysql::trouble::Trouble;
use crate::text::told;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// For how many accounts it is remembered what was prepared before them.
const ACCOUNTS_MOST: usize = 4096;
/// How many transactions one report names.
const NAMED_MOST: usize = 20;

/// What was prepared on the server already before an account was made, by the account's name: knowledge about the present, in
/// memory only. Where it is missing, as after a restart of ours, nothing is named.
#[derive(Debug, Default)]
pub(crate) struct Before(Mutex<HashMap<String, HashSet<String>>>);

impl Before {
    /// Takes note of what is prepared now, before accounts are made. Where we may not see it, nothing is noted.
    pub(crate) async fn note(&self, admin: &Admin, accounts: Vec<String>) {
        if accounts.is_empty() {
            return;
        }
        let Ok(prepared) = list(admin).await else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > ACCOUNTS_MOST {
            known.clear();
        }
        known.extend(accounts.into_iter().map(|account| (account, prepared.iter().cloned().collect())));
    }

    fn take(&self, account: &str) -> Option<HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account)
    }
}

/// The names of all prepared transactions, as statements take them.
async fn list(admin: &Admin) -> Result<Vec<String>, Trouble> {
    let dialect = admin.facts.dialect;
    let query = match dialect {
        Dialect::MySql => "XA RECOVER CONVERT XID;",
        Dialect::MariaDb => "XA RECOVER FORMAT = 'SQL';",
    };
    let answers = admin.run(query).await?;
    let rows = answers.first().ok_or(Trouble::Garbled)?;
    rows.iter().map(|row| name(dialect, row)).collect()
}

/// Columns: format, length of the first part in bytes, length of the second, the parts: in hexadecimal digits, or on MariaDB as
/// statements take them.
fn name(dialect: Dialect, row: &Row) -> Result<String, Trouble> {
    if dialect == Dialect::MariaDb {
        return row.text(3).map(str::to_owned);
    }
    let digits = row.text(3)?.strip_prefix("0x").ok_or(Trouble::Garbled)?;
    let at = row.number::<usize>(1)?.checked_mul(2).ok_or(Trouble::Garbled)?;
    let (global, branch) = digits.split_at_checked(at).ok_or(Trouble::Garbled)?;
    written(row.number(0)?, global, branch)
}

/// A name from its parts in hexadecimal digits, which is checked: it becomes part of a statement.
fn written(format: i64, global: &str, branch: &str) -> Result<String, Trouble> {
    if global.bytes().chain(branch.bytes()).all(|byte| byte.is_ascii_hexdigit()) {
        Ok(format!("X'{}', X'{}', {format}", global.to_uppercase(), branch.to_uppercase()))
    } else {
        Err(Trouble::Garbled)
    }
}

/// What sessions that run have prepared, as far as the server tells us; read before they are ended.
pub(super) async fn prepared_by(admin: &Admin, sessions: &[u64]) -> Vec<String> {
    if admin.facts.dialect == Dialect::MariaDb || sessions.is_empty() {
        return Vec::new();
    }
    let ids: Vec<String> = sessions.iter().map(u64::to_string).collect();
    // The last one is in the one table until another begins, those before it are in the other.
    let part = |table: &str| {
        format!(
            "SELECT t.XID_FORMAT_ID, t.XID_GTRID, t.XID_BQUAL FROM performance_schema.{table} t \
             JOIN performance_schema.threads p USING (THREAD_ID) \
             WHERE t.XA_STATE = 'PREPARED' AND p.PROCESSLIST_ID IN ({})",
            ids.join(", ")
        )
    };
    let query = format!("{} UNION {};", part("events_transactions_current"), part("events_transactions_history"));
    // Without the right to see it nothing is known.
    let Ok(answers) = admin.run(&query).await else { return Vec::new() };
    let rows = answers.first().map(Vec::as_slice).unwrap_or_default();
    let one = |row: &Row| written(row.number(0)?, &digits(row.text(1)?), &digits(row.text(2)?));
    rows.iter().filter_map(|row| one(row).ok()).collect()
}

/// The part of a name in hexadecimal digits. The server shows it as text where it is text.
fn digits(shown: &str) -> String {
    match shown.strip_prefix("0x").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(digits) => digits.to_owned(),
        None => shown.bytes().map(|byte| format!("{byte:02X}")).collect(),
    }
}

/// Rolls back those of `theirs` that are still prepared, and says so.
pub(super) async fn roll_back(admin: &Admin, theirs: &[String]) -> Vec<String> {
    let mut report = Vec::new();
    if theirs.is_empty() {
        return report;
    }
    let Ok(prepared) = list(admin).await else {
        // Which of them are still there is not known, so nothing is rolled back, and that is said.
        let unseen = |name: &String| {
            format!("prepared transaction {} may be left, the server did not list them: XA ROLLBACK {0};", told(name))
        };
        return theirs.iter().take(NAMED_MOST).map(unseen).collect();
    };
    for name in theirs.iter().filter(|name| prepared.contains(name)) {
        let done: Result<Vec<Rows>, Trouble> = admin.run(&format!("XA ROLLBACK {name};")).await;
        report.push(match done {
            Ok(_) => format!("prepared transaction {} was rolled back", told(name)),
            Err(_) => format!("prepared transaction {} could not be rolled back: XA ROLLBACK {0};", told(name)),
        });
    }
    report
}

/// What was prepared while an account was there and still is, by whomever, as sentences.
pub(super) async fn named(provider: &MySql, admin: &Admin, account: &str) -> Vec<String> {
    let Some(before) = provider.prepared_before.take(account) else { return Vec::new() };
    let Ok(prepared) = list(admin).await else {
        return vec!["the server did not list prepared transactions, some of the account's may be left".to_owned()];
    };
    let since = prepared.iter().filter(|name| !before.contains(*name)).take(NAMED_MOST);
    since
        .map(|name| {
            format!(
                "prepared transaction {} came while the account was there; whose it is, the server does not say",
                told(name)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_digits_whatever_a_server_answers() {
        assert_eq!(written(7, "676c", "").unwrap(), "X'676C', X'', 7");
        assert_eq!(written(1, "67'; DROP", ""), Err(Trouble::Garbled));
        assert_eq!(
            (digits("gl'"), digits("0x00FF"), digits("0xg")),
            ("676C27".to_owned(), "00FF".to_owned(), "307867".to_owned())
        );
    }
}
