//! Which crate of ours may depend on which.
//!
//! The rule: a normal or build dependency on a crate of ours stands in the table, or the crate is a development crate,
//! which may use what it needs. A development dependency stands there too, or in the short table of test edges, or is on
//! a development crate; nothing else depends on a development crate. Every crate of ours is either in the table or a
//! development crate, the table names no crate that does not exist, and every test edge is used.

use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

use super::Violation;

/// One row of the table: a crate, and the crates of ours that it may use.
pub(crate) struct Edges {
    /// The crate's package name.
    pub(crate) from: &'static str,
    /// Package names.
    pub(crate) to: &'static [&'static str],
}

/// A crate of ours as cargo describes it.
#[derive(Deserialize)]
pub(crate) struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
    /// Set for a dependency on a folder, which is what all of ours are.
    path: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The workspace's packages, from `cargo metadata`.
///
/// # Errors
/// When cargo fails, or prints what is not its format version 1.
pub(crate) fn packages(cargo: &mut Command) -> anyhow::Result<Vec<Package>> {
    let output =
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]).output().context("cannot start cargo")?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cargo metadata is not format version 1")?;
    Ok(metadata.packages)
}

/// Holds the packages against the tables.
pub(crate) fn check(packages: &[Package], edges: &[Edges], tests: &[Edges], development: &[&str]) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| !development.contains(&package.name.as_str())) {
        let Some(row) = edges.iter().find(|row| row.from == package.name) else {
            found.push(Violation::new(&package.name, 0, "the crate is not in the table of allowed edges"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let to = dependency.name.as_str();
            let listed = tests.iter().any(|row| row.from == package.name && row.to.contains(&to));
            let for_tests = dependency.kind.as_deref() == Some("dev") && (listed || development.contains(&to));
            if !row.to.contains(&to) && !for_tests {
                let kind = dependency.kind.as_deref().unwrap_or("normal");
                found.push(Violation::new(&package.name, 0, format!("the {kind} dependency on {to} is not allowed")));
            }
        }
    }
    for row in edges {
        if !packages.iter().any(|package| package.name == row.from) {
            found.push(Violation::new(row.from, 0, "the table of allowed edges names a crate that does not exist"));
        }
    }
    for (row, to) in tests.iter().flat_map(|row| row.to.iter().map(move |to| (row, to))) {
        let uses = |package: &Package| package.dependencies.iter().any(|dependency| dependency.name == **to);
        if !packages.iter().any(|package| package.name == row.from && uses(package)) {
            found.push(Violation::new(row.from, 0, format!("needs no test edge to {to} any more")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: &[Edges] = &[Edges { from: "core", to: &[] }, Edges { from: "shell", to: &["core"] }];
    const TESTS: &[Edges] = &[Edges { from: "core", to: &["shell"] }];
    const DEVELOPMENT: &[&str] = &["bed"];

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
                path: (*name != "serde").then(|| "somewhere".to_owned()),
            })
            .collect();
        Package { name: name.to_owned(), dependencies }
    }

    fn messages(core: &[(&str, Option<&str>)], shell: &[(&str, Option<&str>)]) -> Vec<String> {
        let packages = [package("core", core), package("shell", shell), package("bed", &[("shell", None)])];
        check(&packages, EDGES, &[], DEVELOPMENT).into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn allowed_edges_and_crates_of_others_pass() {
        let none: [&str; 0] = [];
        assert_eq!(messages(&[("serde", None)], &[("core", None), ("core", Some("dev"))]), none);
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_fails_whatever_its_kind() {
        assert_eq!(messages(&[("shell", None)], &[]), ["core: the normal dependency on shell is not allowed"]);
        assert_eq!(messages(&[("shell", Some("dev"))], &[]), ["core: the dev dependency on shell is not allowed"]);
        assert_eq!(messages(&[("shell", Some("build"))], &[]), ["core: the build dependency on shell is not allowed"]);
    }

    #[test]
    fn a_development_crate_is_for_tests_only() {
        assert!(messages(&[("bed", Some("dev"))], &[]).is_empty());
        assert_eq!(messages(&[("bed", None)], &[]), ["core: the normal dependency on bed is not allowed"]);
    }

    #[test]
    fn table_and_workspace_name_the_same_crates() {
        let found = check(&[package("core", &[]), package("stray", &[])], EDGES, &[], DEVELOPMENT);
        let found: Vec<_> = found.into_iter().map(|v| v.path).collect();
        assert_eq!(found, ["stray", "shell"]);
    }

    #[test]
    fn a_test_edge_is_for_tests_only_and_must_be_needed() {
        let found = |kind| {
            let packages = [package("core", &[("shell", kind)]), package("shell", &[])];
            check(&packages, EDGES, TESTS, DEVELOPMENT).len()
        };
        assert_eq!((found(Some("dev")), found(None)), (0, 1));
        let unused = check(&[package("core", &[]), package("shell", &[])], EDGES, TESTS, DEVELOPMENT);
        assert_eq!(unused[0].to_string(), "core: needs no test edge to shell any more");
    }
}
