//! How every file begins and how long a Rust file may be. (How long a function may be is clippy's `too_many_lines`.)

use super::Violation;
use super::tree::{File, Tree};

/// The limits, in lines.
pub(crate) struct Lengths {
    /// For code.
    pub(crate) code: usize,
    /// For files that are all test code.
    pub(crate) tests: usize,
}

/// A file that is longer than the limit, and how long it may be.
pub(crate) struct LongFile {
    /// The file.
    pub(crate) path: &'static str,
    /// Its own limit. Lower it when the file has shrunk.
    pub(crate) lines: usize,
    /// Why it is one file.
    pub(crate) reason: &'static str,
}

/// Rust files begin with a `//!` paragraph, SQL files with a comment; no Rust file is too long. The list of exceptions
/// only shrinks: a file that no longer needs its entry is a violation too.
pub(crate) fn check(tree: &Tree, lengths: Lengths, long: &[LongFile]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust() {
        if !begins_with_paragraph(&file.text) {
            found.push(Violation::new(&file.path, 1, "does not begin with a //! paragraph that says what lives there"));
        }
        found.extend(too_long(file, &lengths, long));
    }
    for file in tree.files.iter().filter(|file| file.path.ends_with(".sql")) {
        if !(file.text.starts_with("--") || file.text.starts_with("/*")) {
            found.push(Violation::new(&file.path, 1, "does not begin with a comment that says what it does"));
        }
    }
    for entry in long.iter().filter(|entry| !tree.files.iter().any(|file| file.path == entry.path)) {
        let message = format!("is listed as a long file ({}) but does not exist", entry.reason);
        found.push(Violation::new(entry.path, 0, message));
    }
    found
}

fn begins_with_paragraph(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.strip_prefix("//! ").is_some_and(|words| words.trim().len() > 10))
}

fn too_long(file: &File, lengths: &Lengths, long: &[LongFile]) -> Option<Violation> {
    let lines = file.text.lines().count();
    let usual = if file.is_test() { lengths.tests } else { lengths.code };
    let own = long.iter().find(|entry| entry.path == file.path).map(|entry| entry.lines);
    let limit = own.unwrap_or(usual);
    let message = if own.is_some() && lines <= usual {
        format!("has {lines} lines and needs no entry among the long files any more")
    } else if lines > limit {
        format!("has {lines} lines, {limit} are allowed")
    } else {
        return None;
    };
    Some(Violation::new(&file.path, 0, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)], long: &[LongFile]) -> Vec<String> {
        let lengths = Lengths { code: 3, tests: 4 };
        check(&Tree::made_up(files), lengths, long).into_iter().map(|v| v.to_string()).collect()
    }

    fn lines(count: usize) -> String {
        format!("//! Says what lives here.\n{}", "\n".repeat(count - 1))
    }

    #[test]
    fn every_file_begins_with_its_subject() {
        assert!(messages(&[("a.rs", &lines(1)), ("b.sql", "-- Says what."), ("c.txt", "")], &[]).is_empty());
        for (path, text) in [("a.rs", "fn f() {}"), ("a.rs", "//!\nfn f() {}"), ("a.rs", ""), ("a.sql", "select 1")] {
            assert_eq!(messages(&[(path, text)], &[]).len(), 1, "{path}: {text}");
        }
    }

    #[test]
    fn length_is_limited_and_tests_may_have_more() {
        assert!(messages(&[("a.rs", &lines(3)), ("x/tests.rs", &lines(4))], &[]).is_empty());
        assert_eq!(messages(&[("a.rs", &lines(4))], &[]), ["a.rs: has 4 lines, 3 are allowed"]);
        assert_eq!(messages(&[("x/tests.rs", &lines(5))], &[]).len(), 1);
    }

    #[test]
    fn an_exception_has_its_own_limit_and_only_shrinks() {
        let long = || [LongFile { path: "a.rs", lines: 5, reason: "one table" }];
        assert!(messages(&[("a.rs", &lines(5))], &long()).is_empty());
        assert_eq!(messages(&[("a.rs", &lines(6))], &long()), ["a.rs: has 6 lines, 5 are allowed"]);
        assert_eq!(messages(&[("a.rs", &lines(3))], &long()).len(), 1);
        assert_eq!(messages(&[], &long()).len(), 1);
    }
}
