//! What no text file may hold, and how a shell script begins.
//!
//! * No listed piece of text: marks of unfinished work, private paths, hosts of package registries. A path counts only
//!   where it begins, so that `/home/x/root/` is none. Files that a tool writes are passed over.
//! * No white space at the end of a line in what people write.
//! * A shell script's first line that is no comment is `set -eu`, perhaps with more. A listed script that must go on
//!   after an error does not; the list only shrinks.

use super::Violation;
use super::tree::{File, Tree};

/// Text that must not occur, and why.
pub(crate) struct ForbiddenText {
    /// Looked for as it is written.
    pub(crate) text: &'static str,
    /// What to say of it.
    pub(crate) message: &'static str,
}

/// A shell script that does not stop at errors.
pub(crate) struct LenientScript {
    /// The file.
    pub(crate) path: &'static str,
    /// Why it must go on.
    pub(crate) reason: &'static str,
}

/// Written by cargo, with the addresses that it needs.
const MADE_BY_TOOLS: &[&str] = &["Cargo.lock"];

/// Endings of files that people write and in which trailing white space means nothing.
const WRITTEN: &[&str] = &[".rs", ".toml", ".md", ".sql", ".sh", ".yaml", ".yml", ".py"];

/// Holds every text file against the rules.
pub(crate) fn check(tree: &Tree, forbidden: &[ForbiddenText], lenient: &[LenientScript]) -> Vec<Violation> {
    let mut found = Vec::new();
    let made = |file: &&File| !MADE_BY_TOOLS.iter().any(|name| file.path.ends_with(name));
    for file in tree.files.iter().filter(made) {
        let shell = is_shell(file);
        let written = shell || WRITTEN.iter().any(|ending| file.path.ends_with(ending));
        for (at, line) in file.text.lines().enumerate() {
            for rule in forbidden.iter().filter(|rule| holds(line, rule.text)) {
                found.push(Violation::new(&file.path, at + 1, rule.message));
            }
            if written && line.ends_with([' ', '\t']) {
                found.push(Violation::new(&file.path, at + 1, "white space at the end of the line"));
            }
        }
        let listed = lenient.iter().any(|script| script.path == file.path);
        if shell && !sets_eu(&file.text) && !listed {
            found.push(Violation::new(&file.path, 1, "a shell script begins with set -eu"));
        }
    }
    for script in lenient {
        if !tree.files.iter().any(|file| file.path == script.path && is_shell(file) && !sets_eu(&file.text)) {
            let message = format!("needs no entry among the lenient scripts any more ({})", script.reason);
            found.push(Violation::new(script.path, 0, message));
        }
    }
    found
}

/// Whether the line holds the text; a text that begins with `/` only where no longer path leads up to it.
fn holds(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !text.starts_with('/') || !before.is_some_and(|c| c.is_alphanumeric() || "_-.~/}".contains(c))
    })
}

fn is_shell(file: &File) -> bool {
    let first = file.text.lines().next().unwrap_or_default();
    let interpreter = first.strip_prefix("#!").and_then(|rest| rest.split_whitespace().last());
    file.path.ends_with(".sh") || interpreter.is_some_and(|name| name.ends_with("sh"))
}

fn sets_eu(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("set -eu"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORBIDDEN: &[ForbiddenText] = &[
        ForbiddenText { text: "UNFINISHED", message: "is not finished" },
        ForbiddenText { text: "/private/", message: "names a private path" },
    ];

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&Tree::made_up(&[(path, text)]), FORBIDDEN, &[]).into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn forbidden_text_fails_in_every_text_file() {
        assert_eq!(messages("a.rs", "\n// UNFINISHED: later"), ["a.rs:2: is not finished"]);
        assert_eq!(messages("docs/a.md", "see `/private/x`"), ["docs/a.md:1: names a private path"]);
        assert_eq!(messages("any", "P=/private/x").len(), 1);
    }

    #[test]
    fn longer_paths_and_made_files_pass() {
        assert!(messages("a.md", "/home/private/x and x/private/ and ./private/").is_empty());
        assert!(messages("fuzz/Cargo.lock", "/private/ UNFINISHED ").is_empty());
    }

    #[test]
    fn trailing_white_space_fails_in_what_people_write() {
        assert_eq!(messages("a.rs", "fn f() {} \n").len(), 1);
        assert_eq!(messages("a.md", "x\t\n").len(), 1);
        assert!(messages("captured.txt", "x \n").is_empty());
    }

    #[test]
    fn shell_scripts_stop_at_errors() {
        assert!(messages(".ci/run", "#!/usr/bin/env bash\n# Why.\n\nset -euo pipefail\nx\n").is_empty());
        assert!(messages("a.py", "#!/usr/bin/env python3\nx\n").is_empty());
        assert_eq!(messages(".ci/run", "#!/bin/bash\nx\nset -eu\n").len(), 1);
        assert_eq!(messages("x.sh", "set -e\n").len(), 1);
    }

    #[test]
    fn a_lenient_script_is_listed_as_long_as_it_is_one() {
        let lenient = [LenientScript { path: "x.sh", reason: "because" }];
        let found = |text: &str| check(&Tree::made_up(&[("x.sh", text)]), FORBIDDEN, &lenient).len();
        assert_eq!((found("rm a\n"), found("set -eu\n")), (0, 1));
    }
}
