//! Attributes that must stand, and attributes and macros that must not, in any Rust file.
//!
//! * Named files carry an inner attribute, such as the denial of wildcard arms where a forgotten case would be a hole.
//! * No `#[ignore]`: a test that cannot run says why it cannot, or is not there.
//! * No `todo!` and no `unimplemented!`.
//! * Every `allow` and `expect` of a lint gives its reason.

use super::Violation;
use super::tokens::Token;
use super::tree::Tree;

/// An inner attribute that a file must carry.
pub(crate) struct RequiredAttribute {
    /// The lint in `#![deny(…)]` or `#![forbid(…)]`.
    pub(crate) denied: &'static str,
    /// The files, or folders with all their Rust files outside tests (ending in `/`).
    pub(crate) paths: &'static [&'static str],
}

/// Holds every Rust file against the rules.
pub(crate) fn check(tree: &Tree, required: &[RequiredAttribute]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let tokens = file.all();
        for at in 0..tokens.len() {
            if let Some(message) = forbidden(tokens, at) {
                found.push(Violation::new(&file.path, tokens[at].line, message));
            }
        }
    }
    for (rule, path) in required.iter().flat_map(|rule| rule.paths.iter().map(move |path| (rule, *path))) {
        let matches = |file: &&super::tree::File| {
            file.path == path || (path.ends_with('/') && file.path.starts_with(path) && !file.is_test())
        };
        let mut any = false;
        for file in tree.rust().filter(matches) {
            any = true;
            if !denies(file.all(), rule.denied) {
                found.push(Violation::new(&file.path, 0, format!("does not carry #![deny({})]", rule.denied)));
            }
        }
        if !any {
            found.push(Violation::new(path, 0, format!("must deny {} but does not exist", rule.denied)));
        }
    }
    found
}

fn forbidden(tokens: &[Token], at: usize) -> Option<&'static str> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let in_attribute = at > 0 && matches!(text(at - 1), "[" | ",");
    match (text(at), text(at + 1)) {
        ("todo" | "unimplemented", "!") => Some("is not finished"),
        ("ignore", "]" | "=" | ")") if in_attribute => Some("ignores a test"),
        ("allow" | "expect", "(") if at > 0 && text(at - 1) == "[" && !has_reason(tokens, at + 1) => {
            Some("silences a lint without a reason")
        }
        _ => None,
    }
}

/// Whether `reason =` stands in the parentheses that open at `open`.
fn has_reason(tokens: &[Token], open: usize) -> bool {
    let inside = tokens[open..].split(|token| token.text == ")").next().unwrap_or_default();
    inside.windows(2).any(|pair| pair[0].text == "reason" && pair[1].text == "=")
}

/// Whether the tokens hold `#![deny(… lint …)]` or the same with `forbid`.
fn denies(tokens: &[Token], lint: &str) -> bool {
    let heads = tokens.windows(5).enumerate().filter(|(_, window)| {
        let texts: Vec<&str> = window.iter().map(|token| token.text.as_str()).collect();
        matches!(texts.as_slice(), ["#", "!", "[", "deny" | "forbid", "("])
    });
    heads.into_iter().any(|(at, _)| {
        let inside = tokens[at + 5..].split(|token| token.text == ")").next().unwrap_or_default();
        let text: String = inside.iter().map(|token| token.text.as_str()).collect();
        text.split(',').any(|one| one == lint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &[RequiredAttribute] =
        &[RequiredAttribute { denied: "clippy::wild", paths: &["crates/d/src/a.rs", "crates/d/src/deep/"] }];

    fn messages(files: &[(&str, &str)], required: &[RequiredAttribute]) -> Vec<String> {
        check(&Tree::made_up(files), required).into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn the_named_files_carry_the_attribute() {
        let denying = "//! A.\n#![deny(clippy::other, clippy::wild)]\n";
        let all = [
            ("crates/d/src/a.rs", denying),
            ("crates/d/src/deep/b.rs", denying),
            ("crates/d/src/deep/tests.rs", ""),
            ("crates/d/src/free.rs", ""),
        ];
        assert!(messages(&all, REQUIRED).is_empty());
        let one = [("crates/d/src/a.rs", "#[deny(clippy::wild)] fn f() {}"), all[1]];
        assert_eq!(messages(&one, REQUIRED), ["crates/d/src/a.rs: does not carry #![deny(clippy::wild)]"]);
        let wilder = [all[0], ("crates/d/src/deep/b.rs", "#![deny(clippy::wilder)]")];
        assert_eq!(messages(&wilder, REQUIRED).len(), 1);
        assert_eq!(messages(&all[..1], REQUIRED), ["crates/d/src/deep/: must deny clippy::wild but does not exist"]);
    }

    #[test]
    fn what_is_unfinished_or_silenced_fails_in_tests_too() {
        for code in [
            "fn f() { todo!() }",
            "fn f() { unimplemented!(\"later\") }",
            "#[cfg(test)] mod tests { #[test] #[ignore] fn t() {} }",
            "#[ignore = \"slow\"] fn t() {}",
            "#[cfg_attr(unix, ignore)] fn t() {}",
            "#![allow(dead_code)]",
            "#[expect(clippy::panic)] fn f() {}",
        ] {
            assert_eq!(messages(&[("a.rs", code)], &[]).len(), 1, "{code}");
        }
    }

    #[test]
    fn words_and_reasons_pass() {
        for code in [
            "// todo!\n/// todo!()\nfn f() { let todo = ignore(\"todo!()\"); x.expect(\"why\"); [expect, f] }",
            "#[allow(dead_code, reason = \"r\")] fn f() {}",
            "#[serde(default, skip)] struct S;",
        ] {
            assert!(messages(&[("a.rs", code)], &[]).is_empty(), "{code}");
        }
    }
}
