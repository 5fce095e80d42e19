//! The first words on a new connection: setting the session up, and who the server is.

use super::connection::{Admin, Facts, Row, first};
use super::dialect::Dialect;
use super::sql::fill;
use super::trouble::Trouble;
use mayfly_domain::{Failure, FailureClass, TargetId};

const DOING: &str = "setting up the administrative session";

/// Sets the session up and asks.
pub(super) async fn introduce(admin: &Admin, dialect: Dialect) -> Result<Facts, Failure> {
    let version = admin.run("SELECT VERSION()").await;
    let version = version.and_then(|answers| Ok(first(answers.first().ok_or(Trouble::Garbled)?)?.text(0)?.to_owned()));
    let version = supported(&version.map_err(|trouble| trouble.failure(DOING, ""))?, dialect)?;
    // One by one: not every connection takes several.
    for statement in dialect.setup().split_inclusive(";\n") {
        admin.run(statement).await.map_err(|trouble| trouble.failure(DOING, ""))?;
    }
    let template = match dialect {
        Dialect::MySql => include_str!("sql/introduce_mysql.sql"),
        Dialect::MariaDb => include_str!("sql/introduce_mariadb.sql"),
    };
    let answers = admin.run(&fill(template, &[("processes", dialect.process_list().0)])).await;
    let answers = answers.map_err(|trouble| match trouble.number() {
        Some(1142 | 1044 | 1227) => Failure::new(
            FailureClass::NotPermitted,
            "the administrative account may not read which server this is; as root: GRANT SELECT ON mysql.* TO it",
        ),
        _ => trouble.failure(DOING, ""),
    })?;
    let read = || -> Result<Facts, Trouble> {
        let row = answers.first().and_then(|rows| rows.first()).ok_or(Trouble::Garbled)?;
        facts(row, dialect, version)
    };
    let facts = read().map_err(|trouble| trouble.failure(DOING, ""))?;
    let row = answers.first().and_then(|rows| rows.first());
    if row.is_some_and(|row| row.text(3) != Ok("0")) {
        return Err(Failure::new(
            FailureClass::Conflict,
            "the server is read-only, as a replica is, and takes no changes: give the record the address of the primary",
        ));
    }
    Ok(facts)
}

/// Columns: the account, its connection as `host:port`, the encryption, whether it is read-only, the identity.
fn facts(row: &Row, dialect: Dialect, version: (u32, u32)) -> Result<Facts, Trouble> {
    let (admin, admin_host) = row.text(0)?.rsplit_once('@').ok_or(Trouble::Garbled)?;
    // What a server gives over TCP ends with the port; over a Unix socket, which is never ours, it would be `localhost`.
    let (seen_from, _) = row.text(1)?.rsplit_once(':').ok_or(Trouble::Garbled)?;
    if seen_from.is_empty() || seen_from.chars().any(|c| c.is_control() || c == '%') {
        return Err(Trouble::Garbled);
    }
    let identity = row.text(4)?;
    if identity.is_empty() || identity.len() > 64 || !identity.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Trouble::Garbled);
    }
    Ok(Facts {
        dialect,
        version,
        admin: admin.to_owned(),
        admin_host: admin_host.to_owned(),
        seen_from: seen_from.to_owned(),
        encrypted: !row.text(2)?.is_empty(),
        target: TargetId::new(dialect.name(), identity),
    })
}

/// `9.7.4`, `10.11.19-MariaDB-…`: major and minor of a version that is supported.
fn supported(text: &str, dialect: Dialect) -> Result<(u32, u32), Failure> {
    let conflict = |text: String| Failure::new(FailureClass::Conflict, text);
    let found = if text.contains("MariaDB") { Dialect::MariaDb } else { Dialect::MySql };
    if found != dialect {
        return Err(conflict(format!(
            "the server is {} and the record says {}: correct the record's `database_type` to `{}`",
            found.title(),
            dialect.title(),
            found.name()
        )));
    }
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return Err(Trouble::Garbled.failure(DOING, ""));
    };
    let (least_major, least_minor) = dialect.oldest();
    if (major, minor) < (least_major, least_minor) {
        let title = dialect.title();
        return Err(conflict(format!(
            "the server is {title} {major}.{minor}: {least_major}.{least_minor} is the oldest that is supported"
        )));
    }
    Ok((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_that_the_record_names_will_do() {
        assert_eq!(supported("9.7.4-2", Dialect::MySql).unwrap(), (9, 7));
        assert_eq!(supported("10.11.19-MariaDB-0+deb12u1", Dialect::MariaDb).unwrap(), (10, 11));
        for (version, dialect, word) in [
            ("8.0.36", Dialect::MySql, "8.4"),
            ("10.6.2-MariaDB", Dialect::MariaDb, "10.11"),
            ("10.11.19-MariaDB", Dialect::MySql, "`mariadb`"),
            ("9.7.4", Dialect::MariaDb, "`mysql`"),
            ("x", Dialect::MySql, "answer"),
        ] {
            let failure = supported(version, dialect).unwrap_err();
            assert!(failure.text.contains(word), "{version}: {failure}");
        }
    }
}
