//! What modules inside one crate may import from each other.
//!
//! The nodes are the top-level modules of a crate: the files and folders right under its `src/`. An edge goes from A to
//! B when code in A outside tests names `crate::B`, the same with as many `super::`, or an item of B through a
//! re-export in the crate's root. The root (`lib.rs`, `main.rs`) is a node as well: others reach it when they name an
//! item that is written in it, and it reaches what its own code names; `mod` and re-exports are not code.
//!
//! 1. These edges form no cycle.
//! 2. In an *isolated* crate (providers, brokers) a top-level folder imports no other top-level folder, unless that one
//!    is listed as shared; and a shared one imports none that is not shared.
//! 3. No `*` from the crate's root, neither imported nor re-exported, and no `#[path]`: they would hide edges.
//!
//! It is a lower bound: an edge through a method, a trait or a macro's expansion has no path that could be read.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use super::imports::{self, Import};
use super::tokens::Token;
use super::tree::{File, Tree};

/// A crate whose top-level folders do not know each other.
pub(crate) struct Isolated {
    /// Its source folder, such as `crates/providers/src`.
    pub(crate) source: &'static str,
    /// Top-level modules that every folder may import.
    pub(crate) shared: &'static [&'static str],
}

/// The root as a node; no module can be called so.
const ROOT: &str = "the crate's root";

/// Where one module names another first.
type Edges = BTreeMap<(String, String), (String, usize)>;

/// Holds every crate of the tree against the rules.
pub(crate) fn check(tree: &Tree, isolated: &[Isolated]) -> Vec<Violation> {
    let mut sources: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in tree.rust().filter(|file| !file.is_test()) {
        if let Some((source, _)) = split(&file.path) {
            sources.entry(source).or_default().push(file);
        }
    }
    let mut found = Vec::new();
    for (source, files) in sources {
        let edges = edges(source, &files, &mut found);
        found.extend(cycles(source, &edges));
        if let Some(rule) = isolated.iter().find(|rule| rule.source == source) {
            found.extend(siblings(rule, &files, &edges));
        }
    }
    found
}

/// The source folder of a file's crate, and the rest of its path.
fn split(path: &str) -> Option<(&str, &str)> {
    let at = path.find("/src/")?;
    Some((&path[..at + 4], &path[at + 5..]))
}

/// The module path of a file below its source folder; empty for the root.
fn module_path(below: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = below.trim_end_matches(".rs").split('/').collect();
    if matches!(parts.as_slice(), ["lib" | "main"]) || parts.last() == Some(&"mod") {
        parts.pop();
    }
    parts
}

fn edges(source: &str, files: &[&File], found: &mut Vec<Violation>) -> Edges {
    let below = |file: &File| file.path[source.len() + 1..].to_owned();
    let modules: BTreeSet<String> =
        files.iter().filter_map(|file| module_path(&below(file)).first().map(|name| (*name).to_owned())).collect();
    let mut reexports = BTreeMap::new();
    for file in files.iter().filter(|file| module_path(&below(file)).is_empty()) {
        reexports.extend(root_uses(file, &modules, found));
    }
    let mut edges = Edges::new();
    for file in files {
        let path = below(file);
        let own = module_path(&path);
        let from = own.first().map_or(ROOT, |name| name);
        let imports = if own.is_empty() { root_code(file, &modules) } else { imports::imports(file.product(), &own) };
        for Import { name, line } in imports {
            if name == "*" {
                found.push(Violation::new(&file.path, line, "imports * from the crate's root: name what it takes"));
                continue;
            }
            let to = if modules.contains(&name) { &name } else { reexports.get(&name).map_or(ROOT, String::as_str) };
            if to != from {
                edges.entry((from.to_owned(), to.to_owned())).or_insert_with(|| (file.path.clone(), line));
            }
        }
        for line in path_attributes(file.product()) {
            found.push(Violation::new(&file.path, line, "#[path] hides where a module lives"));
        }
    }
    edges
}

/// What the root's `use` lines make available at the root, by name, and the module that it comes from.
fn root_uses(file: &File, modules: &BTreeSet<String>, found: &mut Vec<Violation>) -> BTreeMap<String, String> {
    let tokens = file.product();
    let mut names = BTreeMap::new();
    for start in use_lines(tokens) {
        let mut leaves = Vec::new();
        use_leaves(tokens, start, None, &mut leaves);
        for (first, name, line) in leaves.into_iter().filter(|(first, _, _)| modules.contains(first)) {
            if name == "*" {
                found.push(Violation::new(&file.path, line, "re-exports * of a module: name what it re-exports"));
            }
            names.insert(name, first);
        }
    }
    names
}

/// Where the paths of `use` lines begin.
fn use_lines(tokens: &[Token]) -> Vec<usize> {
    let begins = |at: usize| at == 0 || matches!(tokens[at - 1].text.as_str(), ";" | "}" | "]" | "pub" | ")" | "{");
    (0..tokens.len()).filter(|at| tokens[*at].text == "use" && begins(*at)).map(|at| at + 1).collect()
}

/// The leaves of one use tree: its first segment, the name it binds, and the line.
fn use_leaves(tokens: &[Token], start: usize, first: Option<&str>, leaves: &mut Vec<(String, String, usize)>) {
    let mut at = start;
    let mut first = first.map(str::to_owned);
    let mut last = String::new();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                for item in imports::group_items(tokens, at) {
                    use_leaves(tokens, item, first.as_deref(), leaves);
                }
                return;
            }
            ";" | "," | "}" => break,
            ":" | "as" => {}
            "self" | "crate" if first.is_none() => {}
            segment => {
                first.get_or_insert_with(|| segment.to_owned());
                if segment != "self" {
                    segment.clone_into(&mut last);
                }
            }
        }
        at += 1;
    }
    if let (Some(first), Some(token)) = (first, tokens.get(start)) {
        leaves.push((first, last, token.line));
    }
}

/// What the root's own code names: paths that begin with a module, outside `use` lines.
fn root_code(file: &File, modules: &BTreeSet<String>) -> Vec<Import> {
    let tokens = file.product();
    let mut skipped = vec![false; tokens.len()];
    for start in use_lines(tokens) {
        for at in start..tokens.len() {
            skipped[at] = true;
            if tokens[at].text == ";" {
                break;
            }
        }
    }
    let first = |at: usize| at < 2 || !imports::is_path_separator(tokens, at - 2);
    (0..tokens.len())
        .filter(|at| !skipped[*at] && imports::is_path_separator(tokens, at + 1) && first(*at))
        .filter(|at| modules.contains(&tokens[*at].text))
        .map(|at| Import { name: tokens[at].text.clone(), line: tokens[at].line })
        .collect()
}

fn path_attributes(tokens: &[Token]) -> Vec<usize> {
    let texts = |at: usize| tokens[at..].iter().take(4).map(|token| token.text.as_str()).collect::<Vec<_>>();
    (0..tokens.len()).filter(|at| texts(*at) == ["#", "[", "path", "="]).map(|at| tokens[at].line).collect()
}

/// One violation for each set of modules that reach each other.
fn cycles(source: &str, edges: &Edges) -> Vec<Violation> {
    let nodes: BTreeSet<&str> = edges.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    let reach: BTreeMap<&str, BTreeSet<&str>> = nodes.iter().map(|node| (*node, reachable(node, edges))).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for node in nodes {
        let knot: BTreeSet<&str> = reach[node].iter().copied().filter(|other| reach[other].contains(node)).collect();
        if knot.is_empty() || !seen.insert(node) {
            continue;
        }
        seen.extend(&knot);
        let within: Vec<String> = edges
            .iter()
            .filter(|((from, to), _)| knot.contains(from.as_str()) && knot.contains(to.as_str()))
            .map(|((from, to), (path, line))| format!("{from} → {to} at {path}:{line}"))
            .collect();
        found.push(Violation::new(source, 0, format!("modules import each other in a cycle: {}", within.join("; "))));
    }
    found
}

fn reachable<'a>(from: &str, edges: &'a Edges) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(node) = waiting.pop() {
        for (_, to) in edges.keys().filter(|(from, _)| from == node) {
            if reached.insert(to.as_str()) {
                waiting.push(to);
            }
        }
    }
    reached
}

/// Rule 2: edges between the folders of an isolated crate.
fn siblings(rule: &Isolated, files: &[&File], edges: &Edges) -> Vec<Violation> {
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path[rule.source.len() + 1..].split_once('/').map(|(folder, _)| folder))
        .collect();
    let mut found: Vec<Violation> = edges
        .iter()
        .filter(|((from, _), _)| folders.contains(from.as_str()) || rule.shared.contains(&from.as_str()))
        .filter(|((_, to), _)| folders.contains(to.as_str()) && !rule.shared.contains(&to.as_str()))
        .map(|((from, to), (path, line))| {
            Violation::new(path, *line, format!("folder {from} imports its sibling {to}: share through a third"))
        })
        .collect();
    for shared in rule.shared.iter().filter(|shared| !files.iter().any(|file| is_module(rule, file, shared))) {
        found.push(Violation::new(rule.source, 0, format!("the shared module {shared} does not exist")));
    }
    found
}

fn is_module(rule: &Isolated, file: &File, name: &str) -> bool {
    module_path(&file.path[rule.source.len() + 1..]).first() == Some(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISOLATED: &[Isolated] = &[Isolated { source: "crates/p/src", shared: &["common"] }];

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::made_up(files), ISOLATED).into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn one_direction_passes_and_tests_do_not_count() {
        let none: [&str; 0] = [];
        let files = [
            ("crates/a/src/lib.rs", "mod x; mod y;\npub use x::X;"),
            ("crates/a/src/x.rs", "use crate::y::Y;"),
            ("crates/a/src/y.rs", "#[cfg(test)]\nmod tests { use crate::x::X; }"),
            ("crates/a/tests/it/main.rs", "use crate::x;"),
        ];
        assert_eq!(messages(&files), none);
    }

    #[test]
    fn a_cycle_fails_also_through_a_third() {
        let files = [
            ("crates/a/src/lib.rs", "mod x; mod y; mod z;"),
            ("crates/a/src/x.rs", "use crate::y::Y;"),
            ("crates/a/src/y/mod.rs", "mod deep;"),
            ("crates/a/src/y/deep.rs", "fn f() { super::super::z::g() }"),
            ("crates/a/src/z.rs", "\nuse super::x::X;"),
        ];
        assert_eq!(
            messages(&files),
            ["crates/a/src: modules import each other in a cycle: x → y at crates/a/src/x.rs:1; \
              y → z at crates/a/src/y/deep.rs:1; z → x at crates/a/src/z.rs:2"]
        );
    }

    #[test]
    fn a_re_export_does_not_hide_an_edge() {
        let files = [
            ("crates/a/src/lib.rs", "mod x; mod y;\npub use x::{inner::X, Z as Other};"),
            ("crates/a/src/x.rs", "use crate::y::Y;"),
            ("crates/a/src/y.rs", "use crate::Other;"),
        ];
        assert_eq!(messages(&files).len(), 1);
    }

    #[test]
    fn the_root_is_a_node_when_it_holds_code() {
        let root = "mod x;\npub struct Config;\nfn start() { x::run() }";
        assert_eq!(messages(&[("crates/a/src/lib.rs", root), ("crates/a/src/x.rs", "use crate::Config;")]).len(), 1);
        assert_eq!(messages(&[("crates/a/src/lib.rs", root), ("crates/a/src/x.rs", "")]).len(), 0);
    }

    #[test]
    fn stars_and_path_attributes_fail() {
        let files = [
            ("crates/a/src/lib.rs", "mod x;\npub use x::*;\n#[path = \"z.rs\"]\nmod y;"),
            ("crates/a/src/x.rs", "use super::*;"),
        ];
        let found = messages(&files);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn folders_of_an_isolated_crate_do_not_know_each_other() {
        let files = |from: &'static str| {
            [
                ("crates/p/src/lib.rs", "mod one; mod two; mod common; mod registry;"),
                ("crates/p/src/one/mod.rs", from),
                ("crates/p/src/two/mod.rs", ""),
                ("crates/p/src/common/mod.rs", ""),
                ("crates/p/src/registry.rs", "use crate::{one, two};"),
            ]
        };
        assert!(messages(&files("use crate::common::Shared;")).is_empty());
        assert_eq!(
            messages(&files("use crate::two::Thing;")),
            ["crates/p/src/one/mod.rs:1: folder one imports its sibling two: share through a third"]
        );
    }

    #[test]
    fn a_shared_module_knows_no_folder_and_exists() {
        let files = [
            ("crates/p/src/lib.rs", "mod one; mod common;"),
            ("crates/p/src/one/mod.rs", ""),
            ("crates/p/src/common.rs", "use crate::one::Thing;"),
        ];
        assert_eq!(messages(&files).len(), 1);
        assert_eq!(messages(&files[..2]), ["crates/p/src: the shared module common does not exist"]);
    }
}
