//! Crates that know that providers exist, but never which: no provider's name in their code.
//!
//! Read are identifiers and string literals outside tests, split into words at what is no letter and at a capital
//! after a small letter, in any case; a listed name of six letters or more is also found inside a longer word.
//! Comments may name a server to say why. The method call `.windows(…)` of slices is no name.

use super::Violation;
use super::tokens::Token;
use super::tree::Tree;

/// A name that may stand in a file all the same.
pub(crate) struct NameException {
    /// The file.
    pub(crate) path: &'static str,
    /// The name, in lower case.
    pub(crate) name: &'static str,
    /// Why it may.
    pub(crate) reason: &'static str,
}

/// Holds the code below the `nameless` folders against the list of names.
pub(crate) fn check(
    tree: &Tree,
    nameless: &[&str],
    names: &[&'static str],
    exceptions: &[NameException],
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut used = vec![false; exceptions.len()];
    for file in tree.rust().filter(|file| nameless.iter().any(|folder| file.path.starts_with(folder))) {
        for name in named(file.product(), names) {
            match exceptions.iter().position(|exception| exception.path == file.path && exception.name == name.0) {
                Some(at) => used[at] = true,
                None => found.push(Violation::new(&file.path, name.1, format!("names the provider {}", name.0))),
            }
        }
    }
    for (exception, _) in exceptions.iter().zip(used).filter(|(_, used)| !used) {
        let message = format!("needs no exception for {} any more ({})", exception.name, exception.reason);
        found.push(Violation::new(exception.path, 0, message));
    }
    found
}

fn named(tokens: &[Token], names: &[&'static str]) -> Vec<(&'static str, usize)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.text == "windows" && at > 0 && tokens[at - 1].text == "." {
            continue;
        }
        let words = words(&token.text);
        for name in names {
            if words.iter().any(|word| word == name || (name.len() >= 6 && word.contains(name))) {
                found.push((*name, token.line));
            }
        }
    }
    found
}

/// The words of an identifier or a literal, in lower case. `SqlServer` gives `sql`, `server` and `sqlserver`.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|part| !part.is_empty()) {
        words.push(part.to_ascii_lowercase());
        let mut word = String::new();
        let mut small_before = false;
        for c in part.chars() {
            if c.is_ascii_uppercase() && small_before {
                words.push(std::mem::take(&mut word));
            }
            small_before = c.is_ascii_lowercase();
            word.push(c.to_ascii_lowercase());
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["postgres", "aws", "windows", "sqlserver"];

    fn messages(code: &str, exceptions: &[NameException]) -> Vec<String> {
        let tree = Tree::made_up(&[("crates/engine/src/a.rs", code), ("crates/server/src/b.rs", "fn postgres() {}")]);
        check(&tree, &["crates/engine/"], NAMES, exceptions).into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn names_fail_in_identifiers_and_literals() {
        for code in ["fn x(Postgres: u8) {}", "let s = \"a POSTGRESQL server\";", "struct MyPostgres;", "fn aws_x() {}"]
        {
            assert_eq!(messages(code, &[]).len(), 1, "{code}");
        }
        assert!(!messages("enum Kind { SqlServer }", &[]).is_empty());
    }

    #[test]
    fn comments_tests_longer_words_and_slices_pass() {
        let code = "//! Postgres.\n/// Postgres.\n// postgres\nfn laws(x: &[u8]) { x.windows(2); }\n\
                    #[cfg(test)]\nmod tests { fn postgres() {} }";
        assert!(messages(code, &[]).is_empty());
    }

    #[test]
    fn an_exception_holds_for_its_file_and_must_be_needed() {
        let exception = || NameException { path: "crates/engine/src/a.rs", name: "aws", reason: "because" };
        assert!(messages("fn aws() {}", &[exception()]).is_empty());
        assert_eq!(messages("fn postgres() {}", &[exception()]).len(), 2);
    }
}
