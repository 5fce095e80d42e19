//! Functions that may be named only in certain folders: the constructors of proofs.
//!
//! A rule's `function` is a piece of Rust, such as `Owed::from_ledger`, or `Authorised::` for everything that hangs on
//! the type. Wherever its tokens stand in a row outside tests and outside the allowed paths is a violation, and so is
//! renaming the type there (`Owed as …`), which would hide a use. Tests may make proofs.

use std::str::FromStr;

use proc_macro2::TokenStream;

use super::Violation;
use super::tokens::Token;
use super::tree::Tree;

/// One function, and where it may be named.
pub(crate) struct CallRule {
    /// The tokens to look for; the first is the type.
    pub(crate) function: &'static str,
    /// Path prefixes.
    pub(crate) allowed: &'static [&'static str],
}

/// Holds the tree against the rules.
pub(crate) fn check(tree: &Tree, rules: &[CallRule]) -> Vec<Violation> {
    let mut found = Vec::new();
    for rule in rules {
        let wanted = pattern(rule.function);
        let renamed = [wanted.first().cloned().unwrap_or_default(), "as".to_owned()];
        let outside = |path: &str| !rule.allowed.iter().any(|prefix| path.starts_with(prefix));
        for file in tree.rust().filter(|file| outside(&file.path)) {
            let places = lines(file.product(), &wanted).chain(lines(file.product(), &renamed));
            found.extend(places.map(|line| {
                let message = format!("{} may be named only in {}", rule.function, rule.allowed.join(", "));
                Violation::new(&file.path, line, message)
            }));
        }
    }
    found
}

fn pattern(function: &str) -> Vec<String> {
    let stream = TokenStream::from_str(function).unwrap_or_default();
    stream.into_iter().map(|tree| tree.to_string()).collect()
}

fn lines<'a>(tokens: &'a [Token], wanted: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    tokens
        .windows(wanted.len().max(1))
        .filter(move |window| window.iter().map(|token| &token.text).eq(wanted))
        .map(|window| window[0].line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[CallRule] = &[
        CallRule { function: "Owed::from_ledger", allowed: &["crates/engine/src/"] },
        CallRule { function: "Authorised::", allowed: &["crates/domain/src/"] },
    ];

    fn lines_at(path: &str, code: &str) -> Vec<usize> {
        check(&Tree::made_up(&[(path, code)]), RULES).into_iter().map(|v| v.line).collect()
    }

    #[test]
    fn where_they_are_made_they_may_be_named() {
        assert!(lines_at("crates/engine/src/sweep.rs", "fn f() { Owed::from_ledger(row) }").is_empty());
        assert!(lines_at("crates/domain/src/a.rs", "fn f() { Authorised::new() }").is_empty());
    }

    #[test]
    fn elsewhere_they_fail() {
        assert_eq!(lines_at("crates/server/src/a.rs", "\nfn f() { x::Owed :: from_ledger(row) }"), [2]);
        assert_eq!(lines_at("crates/engine/src/a.rs", "fn f() { Authorised::anything }"), [1]);
        assert_eq!(lines_at("crates/server/src/a.rs", "use x::Owed as Debt;"), [1]);
    }

    #[test]
    fn taking_a_proof_and_testing_with_one_are_free() {
        assert!(lines_at("crates/server/src/a.rs", "fn f(proof: &x::Authorised, debt: Owed) {}").is_empty());
        assert!(lines_at("crates/server/tests/it/main.rs", "fn f() { Owed::from_ledger() }").is_empty());
        assert!(lines_at("crates/server/src/a.rs", "#[cfg(test)] mod tests { fn f() { Authorised::x() } }").is_empty());
    }
}
