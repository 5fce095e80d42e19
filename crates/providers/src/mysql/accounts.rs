//! The accounts that a server has, as it lists them, and which of them is ours.

use super::connection::Row;
use super::dialect::Dialect;
use super::trouble::Trouble;

/// An account or a role in the server's own tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) locked: bool,
    /// The column in which marks stand, as it is.
    marks: String,
    /// Its verifier, in hexadecimal digits.
    pub(crate) verifier: String,
    pub(crate) is_role: bool,
}

/// Reads the rows of [`Dialect::accounts`].
pub(crate) fn read_accounts(rows: &[Row]) -> Result<Vec<Known>, Trouble> {
    let read = |row: &Row| {
        Ok(Known {
            user: row.text(0)?.to_owned(),
            host: row.text(1)?.to_owned(),
            locked: row.yes(2)?,
            marks: row.text(3)?.to_owned(),
            verifier: row.text(4)?.to_owned(),
            is_role: row.yes(5)?,
        })
    };
    rows.iter().map(read).collect()
}

impl Known {
    /// Every mark that may be this account's: with the name that it was made with.
    pub(crate) fn marks(&self, dialect: Dialect) -> Vec<(String, String)> {
        dialect.marks(&self.user, &self.marks)
    }

    /// The mark that this account carries. Where several were made in one statement, all carry the marks of all, and the name
    /// tells which one it is.
    pub(crate) fn mark(&self, dialect: Dialect) -> Option<String> {
        self.marks(dialect).into_iter().find(|(name, _)| *name == self.user).map(|(_, mark)| mark)
    }
}

/// Which account is the one that was made as `name` at `host` with `mark`: the one of that name that carries it, or the only one
/// that carries it under another name, which somebody has given it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// This one.
    Ours(Known),
    /// None, and nobody else has its name.
    Nobody,
    /// None, and somebody else has its name.
    Stranger,
    /// One that was made together with others and renamed since, and more than one of those is missing: which it is cannot be told.
    Unclear,
}

/// Finds it among the accounts that have its name or its mark.
pub(crate) fn find(dialect: Dialect, known: &[Known], name: &str, host: &str, mark: &str) -> Found {
    let is_named = |known: &&Known| known.user == name && known.host == host;
    if let Some(named) = known.iter().find(is_named).filter(|known| known.mark(dialect).as_deref() == Some(mark)) {
        return Found::Ours(named.clone());
    }
    let carriers = known.iter().filter(|known| known.marks(dialect).iter().any(|(_, text)| text == mark));
    let mut ours: Vec<&Known> = Vec::new();
    for carrier in carriers {
        let made_as: Vec<String> = carrier.marks(dialect).into_iter().map(|(name, _)| name).collect();
        if dialect == Dialect::MariaDb || carrier.user == name {
            ours.push(carrier);
        } else if !made_as.contains(&carrier.user) {
            // It was renamed. Of those that were made together it is one that is not there under its own name.
            let there = |name: &String| known.iter().any(|known| known.user == *name && known.mark(dialect).is_some());
            let missing: Vec<&String> = made_as.iter().filter(|name| !there(name)).collect();
            match missing[..] {
                [only] if only == name => ours.push(carrier),
                _ if missing.iter().any(|missing| *missing == name) => return Found::Unclear,
                _ => {}
            }
        }
    }
    match ours[..] {
        [one] => Found::Ours(one.clone()),
        [] if known.iter().any(|known| known.user == name) => Found::Stranger,
        [] => Found::Nobody,
        _ => Found::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(user: &str, host: &str, marks: &str) -> Known {
        Known {
            user: user.to_owned(),
            host: host.to_owned(),
            locked: false,
            marks: marks.to_owned(),
            verifier: String::new(),
            is_role: false,
        }
    }

    #[test]
    fn the_mark_tells_ours_under_any_name() {
        let of = |known: &[Known]| find(Dialect::MySql, known, "a", "h", "m1");
        let both = r#"{"a":"m1","b":"m2"}"#;
        assert_eq!(of(&[]), Found::Nobody);
        assert_eq!(of(&[known("a", "h", "")]), Found::Stranger);
        assert_eq!(of(&[known("a", "h", r#"{"a":"m9"}"#)]), Found::Stranger);
        assert_eq!(of(&[known("a", "%", "")]), Found::Stranger);
        let ours = known("a", "h", both);
        assert_eq!(of(&[ours.clone(), known("b", "h", both)]), Found::Ours(ours));
        // The other one of the batch is not this one.
        assert_eq!(of(&[known("b", "h", both)]), Found::Nobody);
        let renamed = known("x", "h", both);
        assert_eq!(of(&[renamed.clone(), known("b", "h", both)]), Found::Ours(renamed.clone()));
        // Either of the two may be gone, so that it may be the other one.
        assert_eq!(of(std::slice::from_ref(&renamed)), Found::Unclear);
        assert_eq!(of(&[renamed.clone(), known("a", "h", "")]), Found::Unclear);
        assert_eq!(of(&[renamed, known("y", "h", both)]), Found::Unclear);
        let alone = known("x", "h", r#"{"a":"m1"}"#);
        assert_eq!(of(&[alone.clone(), known("a", "h", "")]), Found::Ours(alone));
    }

    #[test]
    fn on_mariadb_each_account_has_its_own() {
        let of = |known: &[Known]| find(Dialect::MariaDb, known, "a", "h", "m1");
        let (ours, renamed) = (known("a", "h", "m1"), known("x", "h", "m1"));
        assert_eq!(of(std::slice::from_ref(&ours)), Found::Ours(ours.clone()));
        assert_eq!(of(&[renamed.clone(), known("a", "h", "m2")]), Found::Ours(renamed));
        assert_eq!(of(&[known("a", "h", "m2")]), Found::Stranger);
    }
}
