//! The files of a repository as the checks see them: paths from the root, text, and for Rust the tokens.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Violation;
use super::tokens::{self, Token};

/// Folders that are never ours, wherever they stand. (What cargo builds is told by the manifest beside it, because a
/// module may well be called `target`.)
const SKIPPED: &[&str] = &[".git", "node_modules"];

/// All text files of a repository. Files that are not UTF-8 (corpora, captured bytes) are not text and not here.
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) files: Vec<File>,
}

/// One text file.
pub(crate) struct File {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
    /// The tokens of a Rust file, or why there are none.
    rust: Option<Result<tokens::Parsed, String>>,
    /// Whether all of the file is test code.
    test: bool,
}

impl Tree {
    /// Reads every text file below `root`.
    ///
    /// # Errors
    /// When a folder or a file cannot be read.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        read_folder(root, "", &mut found)?;
        Ok(Self::new(found))
    }

    /// A tree of the given (path, text) pairs.
    fn new(mut files: Vec<(String, String)>) -> Self {
        files.sort();
        let mut files: Vec<File> = files.into_iter().map(|(path, text)| File::new(path, text)).collect();
        let tests: BTreeSet<String> = files.iter().flat_map(File::test_modules).collect();
        for file in &mut files {
            file.test = file.test || ancestors(&file.path).any(|part| tests.contains(part));
        }
        Self { files }
    }

    /// A made-up tree for the tests of a check.
    #[cfg(test)]
    pub(crate) fn made_up(files: &[(&str, &str)]) -> Self {
        Self::new(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// The Rust files, with or without those that are all test code.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.rust.is_some())
    }

    /// Rust files that do not lex. Every other check passes over them.
    pub(crate) fn unreadable(&self) -> Vec<Violation> {
        self.files
            .iter()
            .filter_map(|file| match &file.rust {
                Some(Err(error)) => Some(Violation::new(&file.path, 0, format!("cannot be read as Rust: {error}"))),
                Some(Ok(_)) | None => None,
            })
            .collect()
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| tokens::parse(&text));
        let test = path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"));
        Self { path, text, rust, test }
    }

    /// Whether all of this file is test code: under `tests/` or `benches/`, called `tests.rs`, or a module that its
    /// parent declares under `#[cfg(test)]`.
    pub(crate) fn is_test(&self) -> bool {
        self.test
    }

    /// All tokens, tests included.
    pub(crate) fn all(&self) -> &[Token] {
        self.parsed().map_or(&[], |parsed| &parsed.all)
    }

    /// The tokens of what is built into the product: none for a test file, and without items under `#[cfg(test)]`.
    pub(crate) fn product(&self) -> &[Token] {
        if self.test { &[] } else { self.parsed().map_or(&[], |parsed| &parsed.product) }
    }

    fn parsed(&self) -> Option<&tokens::Parsed> {
        self.rust.as_ref().and_then(|parsed| parsed.as_ref().ok())
    }

    /// Path prefixes, without extension, of the modules that this file declares under `#[cfg(test)]`.
    fn test_modules(&self) -> Vec<String> {
        let names = self.parsed().map_or(&[][..], |parsed| &parsed.test_modules);
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let base = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            other => format!("{folder}/{}", other.trim_end_matches(".rs")),
        };
        names.iter().map(|module| format!("{base}/{module}")).collect()
    }
}

/// The path without `.rs`, and each folder above it.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let stem = path.trim_end_matches(".rs");
    std::iter::successors(Some(stem), |part| part.rsplit_once('/').map(|(above, _)| above))
}

fn read_folder(root: &Path, below: &str, found: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let folder = root.join(below);
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read folder {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        let built = name == "target" && folder.join("Cargo.toml").is_file();
        if kind.is_dir() && !built && !SKIPPED.contains(&name.as_str()) {
            read_folder(root, &path, found)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                found.push((path, text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_for_tests_makes_its_files_tests() {
        let tree = Tree::made_up(&[
            ("a/src/lib.rs", "#[cfg(test)]\nmod sim;\nmod real;"),
            ("a/src/sim.rs", "fn f() {}"),
            ("a/src/sim/deep.rs", "fn f() {}"),
            ("a/src/simple.rs", "fn f() {}"),
            ("a/src/real.rs", "#[cfg(test)]\nmod fakes;"),
            ("a/src/real/fakes.rs", "fn f() {}"),
            ("a/tests/it/main.rs", "fn f() {}"),
        ]);
        let tests: Vec<_> = tree.files.iter().filter(|f| f.is_test()).map(|f| f.path.as_str()).collect();
        assert_eq!(tests, ["a/src/real/fakes.rs", "a/src/sim.rs", "a/src/sim/deep.rs", "a/tests/it/main.rs"]);
    }

    #[test]
    fn what_does_not_lex_is_a_violation() {
        let tree = Tree::made_up(&[("a.rs", "fn f( {}"), ("b.rs", "fn f() {}"), ("c.txt", "fn f( {}")]);
        let paths: Vec<_> = tree.unreadable().into_iter().map(|v| v.path).collect();
        assert_eq!(paths, ["a.rs"]);
    }

    #[test]
    fn reading_passes_over_what_tools_make_and_what_is_not_text() {
        let folder = tempfile::tempdir().unwrap();
        for made in ["Cargo.toml", "target/x.rs", "src/.git/x.rs", "src/lib.rs", "src/target/a.rs", ".ci/run"] {
            let path = folder.path().join(made);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "fn f() {}").unwrap();
        }
        fs::write(folder.path().join("src/bytes"), [0xff, 0xfe]).unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        let paths: Vec<_> = tree.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, [".ci/run", "Cargo.toml", "src/lib.rs", "src/target/a.rs"]);
    }
}
