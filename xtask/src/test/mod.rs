//! `cargo xtask test`: every check and every test, in one run, with one sum at the end.
//!
//! The stages run in order, each whatever became of the ones before it; only the tests themselves are not run when they
//! do not build. A stage that is no test run counts as one test. The last line is always `N passed, N failed`; the one before
//! says how many were skipped, if any were.

mod runs;
mod servers;
mod sum;

use std::fmt;
use std::time::{Duration, Instant};

use crate::signals::Interrupted;
use crate::{deny, packages, process, tidy, workspace};
use sum::Sum;

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The long setting: more seeds and more rounds.
    #[arg(long)]
    long: bool,
    /// Only this stage.
    #[arg(long, value_enum)]
    only: Option<Stage>,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Stage {
    /// Formatting.
    Fmt,
    /// Lints, every warning an error.
    Clippy,
    /// The rules of the house.
    Tidy,
    /// Licences, bans and sources of dependencies.
    Deny,
    /// Unit, integration and end-to-end tests.
    Test,
}

const STAGES: [Stage; 5] = [Stage::Fmt, Stage::Clippy, Stage::Tidy, Stage::Deny, Stage::Test];

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Tidy => "tidy",
            Self::Deny => "deny",
            Self::Test => "test",
        })
    }
}

/// How one stage went.
struct Outcome {
    name: String,
    took: Duration,
    sum: Sum,
}

/// Runs the stages and prints the sum; true when something ran and nothing failed.
///
/// # Errors
/// When signals cannot be caught. Everything later is a failure that is counted.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let interrupted = Interrupted::watch()?;
    let chosen = STAGES.into_iter().filter(|stage| options.only.is_none_or(|only| only == *stage));
    let mut outcomes = Vec::new();
    if options.only.is_none_or(|only| only == Stage::Test) {
        // Not a test of anything, so it counts only when it fails.
        let packages =
            timed("packages", || Ok(Sum { passed: 0, ..one(packages::install(&interrupted).map(|()| true)?) }));
        outcomes.push(packages);
    }
    for stage in chosen {
        if interrupted.now() {
            outcomes.push(Outcome { name: "interrupted".into(), took: Duration::ZERO, sum: Sum::failure() });
            break;
        }
        println!("\n── {stage} ──");
        outcomes.push(timed(&stage.to_string(), || stage_sum(stage, options.long, &interrupted)));
    }
    Ok(report(&outcomes))
}

fn stage_sum(stage: Stage, long: bool, interrupted: &Interrupted) -> anyhow::Result<Sum> {
    match stage {
        Stage::Fmt => cargo(&["fmt", "--all", "--", "--check"]),
        Stage::Clippy => cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
        Stage::Tidy => tidy::run().map(one),
        Stage::Deny => deny::run().map(one),
        Stage::Test => runs::run(long, interrupted),
    }
}

fn cargo(arguments: &[&str]) -> anyhow::Result<Sum> {
    process::succeeds(workspace::cargo().args(arguments)).map(one)
}

/// A stage that is one test.
fn one(passed: bool) -> Sum {
    if passed { Sum { passed: 1, ..Sum::default() } } else { Sum::failure() }
}

/// Runs a stage. An error of the stage itself is printed and counts as one failure.
fn timed(name: &str, stage: impl FnOnce() -> anyhow::Result<Sum>) -> Outcome {
    let start = Instant::now();
    let sum = stage().unwrap_or_else(|error| {
        println!("error: {error:#}");
        Sum::failure()
    });
    Outcome { name: name.to_owned(), took: start.elapsed(), sum }
}

fn report(outcomes: &[Outcome]) -> bool {
    println!("\n{:<12} {:>8}  {:>7}  {:>7}", "stage", "seconds", "passed", "failed");
    for Outcome { name, took, sum } in outcomes {
        println!("{name:<12} {:>8.1}  {:>7}  {:>7}", took.as_secs_f64(), sum.passed, sum.failed);
    }
    let total = outcomes.iter().fold(Sum::default(), |total, outcome| total + outcome.sum);
    if total.skipped > 0 {
        println!("{} SKIPPED, which is not passed: each said above why", total.skipped);
    }
    println!("{total}");
    total.is_success()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(sum: Sum) -> Outcome {
        Outcome { name: "x".into(), took: Duration::ZERO, sum }
    }

    #[test]
    fn one_failure_fails_the_run_and_so_does_nothing() {
        assert!(report(&[outcome(Sum { passed: 3, ..Sum::default() })]));
        assert!(!report(&[outcome(Sum { passed: 3, ..Sum::default() }), outcome(Sum::failure())]));
        assert!(!report(&[]));
        assert!(!report(&[outcome(Sum::default())]));
    }

    #[test]
    fn a_stage_that_cannot_run_is_a_failure() {
        assert_eq!(timed("x", || anyhow::bail!("broken")).sum, Sum::failure());
        assert_eq!(timed("x", || Ok(one(true))).sum, Sum { passed: 1, ..Sum::default() });
        assert_eq!(timed("x", || Ok(one(false))).sum, Sum::failure());
    }

    #[test]
    fn every_stage_runs_without_only() {
        use clap::ValueEnum as _;
        assert_eq!(Stage::value_variants(), STAGES);
    }
}
