//! `cargo xtask tidy`: the rules of the house, each in a module of its own, all tables in [`rules`].
//!
//! A check is a function from a [`tree::Tree`] and its tables to a list of [`Violation`]s. It reads nothing else, so
//! that its tests hand it made-up trees.

mod attributes;
mod calls;
mod edges;
mod imports;
mod lengths;
mod modules;
mod names;
mod places;
mod rules;
mod text;
mod tokens;
mod tree;

use std::fmt;

use crate::workspace;

/// One place that breaks one rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Path from the root of the repository; for a rule about crates, the crate's name.
    path: String,
    /// Line, counted from 1; 0 when the whole file is meant.
    line: usize,
    /// What is wrong, and what to do instead where that is not plain.
    message: String,
}

impl Violation {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Runs every check on this repository, prints what it finds and returns whether all is well.
///
/// # Errors
/// When the repository cannot be read or cargo cannot describe it.
pub(crate) fn run() -> anyhow::Result<bool> {
    let tree = tree::Tree::read(&workspace::root())?;
    let packages = edges::packages(&mut workspace::cargo())?;
    let violations = check(&tree, &packages);
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => println!("tidy: {} files, all well", tree.files.len()),
        found => println!("tidy: {found} violations"),
    }
    Ok(violations.is_empty())
}

fn check(tree: &tree::Tree, packages: &[edges::Package]) -> Vec<Violation> {
    let mut violations = tree.unreadable();
    violations.extend(edges::check(packages, rules::EDGES, rules::TEST_EDGES, rules::DEVELOPMENT));
    violations.extend(modules::check(tree, rules::ISOLATED));
    violations.extend(names::check(tree, rules::NAMELESS, rules::NAMES, rules::NAME_EXCEPTIONS));
    violations.extend(places::check(tree, rules::PLACES));
    violations.extend(calls::check(tree, rules::CALLS));
    violations.extend(lengths::check(tree, rules::LENGTHS, rules::LONG_FILES));
    violations.extend(attributes::check(tree, rules::REQUIRED_ATTRIBUTES));
    violations.extend(text::check(tree, rules::FORBIDDEN_TEXT, rules::LENIENT_SCRIPTS));
    violations.sort();
    violations.dedup();
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_reads_as_compilers_print_places() {
        assert_eq!(Violation::new("a/b.rs", 7, "is wrong").to_string(), "a/b.rs:7: is wrong");
        assert_eq!(Violation::new("a/b.rs", 0, "is wrong").to_string(), "a/b.rs: is wrong");
    }
}
