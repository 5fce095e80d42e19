//! Names of roles and databases as records write them: a role of the server, or one of a database behind the database's name and
//! a slash. Brackets, as in Transact-SQL, take what would be read as something else: `[a/b]`, `[x,y]/role`, `[a]]b]`.

use super::sql::{bad_name, shown};
use std::fmt;

/// A database that accounts get into, or a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The name, or what stands before the slash.
    pub(crate) first: String,
    /// What stands behind it.
    pub(crate) second: Option<String>,
}

/// Reads one: `name` or `name/name`.
///
/// # Errors
/// A sentence that says what is wrong.
pub(crate) fn named(text: &str) -> Result<Named, String> {
    match list(text)?.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err("there has to be one name, or two with a slash between".to_owned()),
    }
}

/// Reads several with commas between; an empty text is none.
///
/// # Errors
/// A sentence that says what is wrong.
pub(crate) fn list(text: &str) -> Result<Vec<Named>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut rest = text;
    let mut all = Vec::new();
    loop {
        let (first, after) = part(rest)?;
        let (second, after) = match after.strip_prefix('/') {
            Some(behind) => {
                let (second, after) = part(behind)?;
                (Some(second), after)
            }
            None => (None, after),
        };
        all.push(Named { first, second });
        if after.is_empty() {
            return Ok(all);
        }
        rest = after.strip_prefix(',').ok_or_else(|| format!("`{after}` stands where a comma is expected"))?;
    }
}

/// Reads one name and what follows it.
fn part(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    let (name, rest) = match text.strip_prefix('[') {
        Some(inner) => quoted(inner)?,
        None => {
            let end = text.find(['/', ',']).unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            (name.trim_end().to_owned(), rest)
        }
    };
    match bad_name(&name).filter(|_| name != "dbo") {
        Some(fault) => Err(format!("{} is no name: {fault}", shown(&name))),
        None => Ok((name, rest.trim_start())),
    }
}

/// Reads up to the bracket that closes; a doubled one stands for itself.
fn quoted(inner: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut rest = inner;
    loop {
        let at = rest.find(']').ok_or_else(|| "a bracket is not closed".to_owned())?;
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix(']') {
            Some(after) => {
                name.push(']');
                rest = after;
            }
            None => return Ok((name, rest)),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.second {
            Some(second) => write!(f, "{}/{}", shown(&self.first), shown(second)),
            None => f.write_str(&shown(&self.first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(first: &str, second: &str) -> Named {
        Named { first: first.to_owned(), second: Some(second.to_owned()) }
    }

    fn one(first: &str) -> Named {
        Named { first: first.to_owned(), second: None }
    }

    #[test]
    fn names_are_read_with_and_without_brackets() {
        assert_eq!(list("").unwrap(), vec![]);
        assert_eq!(
            list("orders/db_datareader , billing").unwrap(),
            vec![two("orders", "db_datareader"), one("billing")]
        );
        assert_eq!(list("[a/b], [x,y]/[r]]s]").unwrap(), vec![one("a/b"), two("x,y", "r]s")]);
        assert_eq!(named("CORP\\DBA role").unwrap(), one("CORP\\DBA role"));
        assert_eq!(named("[a/b]/c").unwrap().to_string(), "[a/b]/[c]");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["a//b", "/a", "a/", "a,,b", "[a", "[a]b", "a,", "a/b/c", "a/public", "[]"] {
            assert!(list(bad).is_err(), "{bad}");
        }
        assert!(named("a,b").is_err());
        assert!(named("").is_err());
    }
}
