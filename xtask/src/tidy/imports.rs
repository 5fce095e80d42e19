//! What a Rust file takes from its own crate: every path that begins with `crate::` or with enough `super::` to reach
//! the crate's root, and, in the root itself, every path that begins with a module's name.

use super::tokens::Token;

/// One name taken from the crate's root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The first segment below the root: a module, or an item that the root holds or re-exports; `*` for all of them.
    pub(crate) name: String,
    /// Where.
    pub(crate) line: usize,
}

/// Every name that the tokens of the module `own` (its path from the root, empty for the root) take from the root.
pub(crate) fn imports(tokens: &[Token], own: &[&str]) -> Vec<Import> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let follows_path = at >= 2 && tokens[at - 1].text == ":" && tokens[at - 2].text == ":";
        if follows_path || !is_path_separator(tokens, at + 1) {
            continue;
        }
        match token.text.as_str() {
            "crate" => segments(tokens, at + 3, 0, &mut found),
            "super" => segments(tokens, at + 3, (own.len() + token.depth).saturating_sub(1), &mut found),
            "self" if own.is_empty() && token.depth == 0 => segments(tokens, at + 3, 0, &mut found),
            _ => {}
        }
    }
    found
}

/// Reads what follows a `::`: one segment, or a group of several. `height` is how far below the root that place is.
fn segments(tokens: &[Token], at: usize, height: usize, found: &mut Vec<Import>) {
    let Some(token) = tokens.get(at) else { return };
    match token.text.as_str() {
        "{" => {
            for start in group_items(tokens, at) {
                segments(tokens, start, height, found);
            }
        }
        "super" if is_path_separator(tokens, at + 1) => segments(tokens, at + 3, height.saturating_sub(1), found),
        "self" if is_path_separator(tokens, at + 1) => segments(tokens, at + 3, height, found),
        "self" => {}
        name if height == 0 => found.push(Import { name: name.to_owned(), line: token.line }),
        _ => {}
    }
}

/// Where the comma-separated items of the group that opens at `open` begin.
pub(crate) fn group_items(tokens: &[Token], open: usize) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    let mut fresh = false;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" => {
                if depth == 1 && fresh {
                    starts.push(at);
                }
                depth += 1;
                fresh = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            "," if depth == 1 => fresh = true,
            _ if depth == 1 && fresh => {
                starts.push(at);
                fresh = false;
            }
            _ => {}
        }
    }
    starts
}

/// Whether `::` stands at `at`.
pub(crate) fn is_path_separator(tokens: &[Token], at: usize) -> bool {
    let colon = |at: usize| tokens.get(at).is_some_and(|token| token.text == ":");
    colon(at) && colon(at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::parse;
    use super::*;

    fn names(text: &str, own: &[&str]) -> Vec<String> {
        imports(&parse(text).unwrap().product, own).into_iter().map(|i| i.name).collect()
    }

    #[test]
    fn paths_from_the_root_are_found_wherever_they_stand() {
        let text =
            "use crate::a::B;\nfn f(x: crate::c::D) { crate::e() }\nmacro_rules! m { () => { $crate::g::h!() } }";
        assert_eq!(names(text, &["own"]), ["a", "c", "e", "g"]);
    }

    #[test]
    fn groups_are_opened() {
        assert_eq!(names("use crate::{a::{B, C}, d, self, e::*};", &["own"]), ["a", "d", "e"]);
        assert_eq!(names("use crate::*;", &["own"]), ["*"]);
    }

    #[test]
    fn super_counts_from_the_module_and_from_inline_modules() {
        assert_eq!(names("use super::a::B;", &["own"]), ["a"]);
        assert!(names("use super::a::B;", &["own", "deep"]).is_empty());
        assert_eq!(names("use super::super::a::B;", &["own", "deep"]), ["a"]);
        assert_eq!(names("use super::{near, super::a};", &["own", "deep"]), ["a"]);
        assert_eq!(names("mod inner { use super::super::a; use super::near; }", &["own"]), ["a"]);
    }

    #[test]
    fn other_crates_and_visibility_are_no_imports() {
        let none: [&str; 0] = [];
        assert_eq!(names("use other::crate_name::x; pub(crate) fn f() { other::y() }", &["own"]), none);
    }
}
