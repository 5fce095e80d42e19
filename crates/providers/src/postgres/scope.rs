//! Which roles and sessions a step means, as conditions of statements: an account of ours by the oid that the ledger holds
//! or by our mark, its sessions by that oid and never by name, since a dropped role leaves its sessions nameless.

use super::sql::{literal, micros, moment};
use mayfly_domain::{Failure, FailureClass};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::SessionScope;

/// The oid that the ledger holds, if it holds one.
///
/// # Errors
/// When what it holds is not an oid.
pub(crate) fn recorded_oid(change: &ChangeRow) -> Result<Option<u32>, Failure> {
    let parse = |text: &String| {
        text.parse().map_err(|_| Failure::new(FailureClass::Bug, "the identity recorded for a change is not an oid"))
    };
    change.native_id.as_ref().map(parse).transpose()
}

/// The roles that carry a mark of ours, as a subquery.
fn marked(mark: &str) -> String {
    format!(
        "SELECT objoid FROM pg_shdescription WHERE classoid = 'pg_authid'::regclass AND description = {}",
        literal(mark)
    )
}

/// The condition on `r` (of `pg_roles`) that finds what may be our account: by oid or name, and, while the oid is not known,
/// also by mark, which has no index.
pub(crate) fn candidates(change: &ChangeRow, mark: &str) -> Result<String, Failure> {
    let name = literal(change.account.as_str());
    Ok(match recorded_oid(change)? {
        Some(oid) => format!("(r.oid = {oid} OR r.rolname = {name})"),
        None => format!("(r.rolname = {name} OR r.oid IN ({}))", marked(mark)),
    })
}

/// The condition on `r` that only our account meets: the oid that the ledger holds with our name or our mark, or, while no
/// oid is known, our mark. A role that has only our name is a stranger.
pub(crate) fn ours(change: &ChangeRow, mark: &str) -> Result<String, Failure> {
    let name = literal(change.account.as_str());
    Ok(match recorded_oid(change)? {
        Some(oid) => format!(
            "(r.oid = {oid} AND (r.rolname = {name} OR shobj_description(r.oid, 'pg_authid') IS NOT DISTINCT FROM {}))",
            literal(mark)
        ),
        None => format!("(r.oid IN ({}))", marked(mark)),
    })
}

/// A change and the mark of its account.
pub(crate) type Marked<'a> = (&'a ChangeRow, &'a str);

/// A query for the oids and names of all our accounts among these, each as [`ours`] finds it.
pub(crate) fn all_ours(accounts: &[Marked<'_>]) -> Result<String, Failure> {
    let (mut known, mut parts) = (Vec::new(), Vec::new());
    for &(change, mark) in accounts {
        let name = literal(change.account.as_str());
        match recorded_oid(change)? {
            Some(oid) => known.push(format!("({oid}::oid, {name}::name, {})", literal(mark))),
            None => parts.push(format!(
                "(SELECT r.oid, r.rolname FROM pg_roles r WHERE {} ORDER BY r.rolname <> {name} LIMIT 1)",
                ours(change, mark)?
            )),
        }
    }
    if !known.is_empty() {
        parts.push(format!(
            "SELECT r.oid, r.rolname FROM (VALUES {}) made(oid, name, mark) JOIN pg_roles r ON r.oid = made.oid \
             WHERE r.rolname = made.name OR shobj_description(r.oid, 'pg_authid') IS NOT DISTINCT FROM made.mark",
            known.join(", ")
        ));
    }
    Ok(parts.join(" UNION ALL "))
}

/// The condition on `a` (of `pg_stat_activity`) for sessions of an account of ours, also after the role is gone.
pub(crate) fn sessions_of_account(change: &ChangeRow, mark: &str) -> Result<String, Failure> {
    Ok(match recorded_oid(change)? {
        Some(oid) => format!("a.usesysid = {oid}"),
        None => format!("a.usesysid IN ({})", marked(mark)),
    })
}

/// The condition on `a` for the sessions in a scope. Where the server hides since when a session runs, it counts as in the
/// scope: it is never ended for that, but nothing ends well while it is there.
pub(crate) fn in_scope(scope: &SessionScope) -> Result<String, Failure> {
    Ok(match scope {
        SessionScope::All => "true".to_owned(),
        SessionScope::Between { from, until } => {
            let until = until.map_or_else(String::new, |until| format!(" AND a.backend_start <= {}", moment(until)));
            format!("(a.backend_start IS NULL OR a.backend_start >= {}{until})", moment(*from))
        }
        SessionScope::Ours(ids) => {
            let ids = ids.iter().map(|id| one_of_ours(id)).collect::<Result<Vec<_>, _>>()?;
            if ids.is_empty() { "false".to_owned() } else { format!("({})", ids.join(" OR ")) }
        }
        SessionScope::Foreign { ours, older_than } => {
            let ours = in_scope(&SessionScope::Ours(ours.clone()))?;
            // What runs a part of a query of ours is listed as a session of its own.
            format!(
                "(NOT {ours} AND a.backend_type IN ('client backend', 'walsender') \
                 AND a.backend_start < clock_timestamp() - make_interval(secs => {}))",
                older_than.as_secs()
            )
        }
    })
}

/// A session's id is its backend's pid, or `pid@start` with the microseconds since 1970 at which it began, which tells two
/// backends apart that had the same pid.
fn one_of_ours(id: &str) -> Result<String, Failure> {
    let bug = || Failure::new(FailureClass::Bug, "the id of a session is not a pid");
    let (pid, start) = id.split_once('@').map_or((id, None), |(pid, start)| (pid, Some(start)));
    let pid: u32 = pid.parse().map_err(|_| bug())?;
    let Some(start) = start else { return Ok(format!("a.pid = {pid}")) };
    let start: i64 = start.parse().map_err(|_| bug())?;
    Ok(format!("a.pid = {pid} AND (a.backend_start IS NULL OR {} = {start})", micros("a.backend_start")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::WallTime;
    use std::time::Duration;

    #[test]
    fn scopes_become_conditions() {
        let of = |scope| in_scope(&scope).unwrap();
        assert_eq!(of(SessionScope::All), "true");
        assert_eq!(of(SessionScope::Ours(vec![])), "false");
        assert_eq!(of(SessionScope::Ours(vec!["7".to_owned(), "8".to_owned()])), "(a.pid = 7 OR a.pid = 8)");
        assert!(of(SessionScope::Ours(vec!["7@12".to_owned()])).contains("= 12"));
        let foreign = |ours| of(SessionScope::Foreign { ours, older_than: Duration::from_secs(9) });
        assert!(foreign(vec![]).contains("NOT false") && foreign(vec![]).contains("secs => 9"));
        assert!(foreign(vec!["7".to_owned()]).contains("NOT (a.pid = 7)"));
        let from = WallTime::from_micros(0);
        assert!(of(SessionScope::Between { from, until: Some(from) }).contains("<= '1970"));
    }

    #[test]
    fn an_id_that_is_no_pid_reaches_no_statement() {
        for id in ["", "x", "7 OR true", "7@", "7@x", "-1", "99999999999"] {
            assert_eq!(
                in_scope(&SessionScope::Ours(vec![id.to_owned()])).unwrap_err().class,
                FailureClass::Bug,
                "{id}"
            );
        }
    }
}
