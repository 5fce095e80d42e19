//! The rights of the administrative account, as the server lists those that were granted to it directly.

use super::connection::{Facts, Row, Rows};
use super::sql::literal;
use super::trouble::Trouble;

/// The statements that read them: those on the whole server, and those on databases.
pub(crate) fn queries(facts: &Facts) -> [String; 2] {
    // That is how the information schema writes an account, with nothing escaped.
    let grantee = literal(&format!("'{}'@'{}'", facts.admin, facts.admin_host));
    [
        format!("SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = {grantee};\n"),
        format!(
            "SELECT TABLE_SCHEMA, PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = {grantee};\n"
        ),
    ]
}

/// What was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    global: Vec<String>,
    /// Database and right.
    schemas: Vec<(String, String)>,
}

/// Reads what [`queries`] answers.
pub(crate) fn read_rights(global: &Rows, schemas: &Rows) -> Result<Rights, Trouble> {
    let upper = |row: &Row, column: usize| row.text(column).map(str::to_uppercase);
    Ok(Rights {
        global: global.iter().map(|row| upper(row, 0)).collect::<Result<_, _>>()?,
        schemas: schemas
            .iter()
            .map(|row| Ok((row.text(0)?.to_owned(), upper(row, 1)?)))
            .collect::<Result<_, Trouble>>()?,
    })
}

impl Rights {
    /// Whether it has a right on the whole server.
    pub(crate) fn has(&self, right: &str) -> bool {
        self.global.iter().any(|known| known == right)
    }

    /// Whether it has a right on a database. Patterns in grants are not followed.
    pub(crate) fn on(&self, database: &str, right: &str) -> bool {
        self.has(right)
            || self.schemas.iter().any(|(schema, known)| known == right && schema.replace('\\', "") == database)
    }

    /// Every right on the whole server.
    pub(crate) fn global(&self) -> impl Iterator<Item = &str> {
        self.global.iter().map(String::as_str)
    }
}
