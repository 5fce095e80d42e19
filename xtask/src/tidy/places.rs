//! Where the methods that `clippy.toml` disallows may be called: wall clock, bare tasks and threads, outbound
//! connections, processes.
//!
//! Clippy refuses them everywhere; a place where one belongs says so with an `allow` or `expect` of
//! `clippy::disallowed_methods` (or of a group that holds it). The files that carry such an attribute outside tests are
//! exactly those listed. The list only shrinks: an entry whose file carries none is a violation too.

use super::Violation;
use super::tokens::Token;
use super::tree::Tree;

/// A file that may call a disallowed method.
pub(crate) struct Place {
    /// The file.
    pub(crate) path: &'static str,
    /// What belongs there.
    pub(crate) reason: &'static str,
}

/// Lints that silence the ban: the lint itself, and the groups that it is in.
const SILENCING: &[&str] = &["disallowed_methods", "all", "style"];

/// Holds the files that silence the ban against the list.
pub(crate) fn check(tree: &Tree, places: &[Place]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let listed = places.iter().any(|place| place.path == file.path);
        match (silenced(file.product()), listed) {
            (Some(line), false) => {
                let message = "allows disallowed methods and is not on the list of places where one belongs";
                found.push(Violation::new(&file.path, line, message));
            }
            (None, true) => {
                found.push(Violation::new(&file.path, 0, "allows no disallowed method any more: take it off the list"));
            }
            (Some(_), true) | (None, false) => {}
        }
    }
    for place in places.iter().filter(|place| !tree.files.iter().any(|file| file.path == place.path)) {
        let message = format!("is listed as a place for disallowed methods ({}) but does not exist", place.reason);
        found.push(Violation::new(place.path, 0, message));
    }
    found
}

/// The first line with an `allow` or `expect` of the ban, also inside `cfg_attr` or a macro.
fn silenced(tokens: &[Token]) -> Option<usize> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    for at in 0..tokens.len() {
        if !matches!(text(at), "allow" | "expect") || text(at + 1) != "(" || !in_attribute(tokens, at) {
            continue;
        }
        let inside = (at + 2..tokens.len()).take_while(|inner| text(*inner) != ")");
        for inner in inside {
            let in_clippy = inner >= 3 && text(inner - 1) == ":" && text(inner - 3) == "clippy";
            if in_clippy && SILENCING.contains(&text(inner)) {
                return Some(tokens[at].line);
            }
        }
    }
    None
}

/// Whether the token stands right after `#[`, `#![` or behind the comma of a `cfg_attr`.
fn in_attribute(tokens: &[Token], at: usize) -> bool {
    at > 0 && matches!(tokens[at - 1].text.as_str(), "[" | ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: &[Place] = &[Place { path: "a.rs", reason: "it belongs there" }];

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::made_up(files), PLACES).into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn a_listed_file_passes_and_any_other_fails() {
        let silent = "#[expect(clippy::disallowed_methods, reason = \"r\")]\nfn f() {}";
        assert!(messages(&[("a.rs", silent)]).is_empty());
        let found = messages(&[("a.rs", silent), ("b.rs", silent)]);
        assert_eq!(found, ["b.rs:1: allows disallowed methods and is not on the list of places where one belongs"]);
    }

    #[test]
    fn every_way_to_silence_is_seen() {
        for code in [
            "#![allow(\n    clippy::print_stdout,\n    clippy::disallowed_methods,\n    reason = \"r\"\n)]",
            "#[allow(clippy::all)] fn f() {}",
            "#[expect(clippy::style, reason = \"r\")] fn f() {}",
            "#[cfg_attr(unix, allow(clippy::disallowed_methods))] fn f() {}",
            "macro_rules! m { () => { #[allow(clippy::disallowed_methods)] fn f() {} } }",
        ] {
            assert!(messages(&[("b.rs", code), ("a.rs", "#[allow(clippy::all)] fn f() {}")]).len() == 1, "{code}");
        }
    }

    #[test]
    fn tests_and_other_lints_are_free() {
        let a = ("a.rs", "#[allow(clippy::all)] fn f() {}");
        let tests = "#[cfg(test)]\nmod tests { #[expect(clippy::disallowed_methods)] fn f() {} }";
        assert!(messages(&[a, ("b.rs", tests), ("c.rs", "#[allow(clippy::panic)] fn f() {}")]).is_empty());
    }

    #[test]
    fn an_entry_that_no_longer_applies_fails() {
        assert_eq!(messages(&[("a.rs", "fn f() {}")]).len(), 1);
        assert_eq!(messages(&[]).len(), 1);
    }
}
