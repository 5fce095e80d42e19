//! Counting what cargo's test run says: the `test result:` lines of libtest, test binaries that died without one, and tests
//! that say that they were skipped, which libtest counts as passed.

use std::fmt;
use std::ops::Add;

/// What the line of a skipped test holds (`mayfly_testbed::mysql::skip`).
const SKIPPED: &str = "SKIPPED: ";

/// How many tests passed and failed, and how many could not be run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Passed.
    pub(super) passed: u64,
    /// Failed.
    pub(super) failed: u64,
    /// Skipped; not among those that passed.
    pub(super) skipped: u64,
}

impl Sum {
    /// One failure.
    pub(super) const fn failure() -> Self {
        Self { passed: 0, failed: 1, skipped: 0 }
    }

    /// True when something ran and nothing failed.
    pub(super) fn is_success(self) -> bool {
        self.passed > 0 && self.failed == 0
    }
}

impl Add for Sum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Reads the output of `cargo test`, both streams in the order in which they were written.
#[derive(Default)]
pub(super) struct Reader {
    sum: Sum,
    /// A test binary was started and has not given its result.
    open: bool,
}

impl Reader {
    /// Takes one line.
    pub(super) fn line(&mut self, line: &str) {
        let text = line.trim_start();
        // It comes past libtest, perhaps behind a line of its own that is not ended yet.
        self.sum.skipped += u64::from(line.contains(SKIPPED));
        if line.starts_with("     Running ") || line.starts_with("   Doc-tests ") {
            self.close();
            self.open = true;
        } else if let Some(result) = text.strip_prefix("test result: ").and_then(parse) {
            self.sum = self.sum + result;
            self.open = false;
        }
    }

    /// The sum, when the run has ended. `succeeded` is cargo's own exit: a failure that no line accounts for counts as
    /// one too.
    pub(super) fn finish(mut self, succeeded: bool) -> Sum {
        self.close();
        self.sum.passed = self.sum.passed.saturating_sub(self.sum.skipped);
        if !succeeded && self.sum.failed == 0 { self.sum + Sum::failure() } else { self.sum }
    }

    /// A binary without a result has died.
    fn close(&mut self) {
        if self.open {
            self.sum = self.sum + Sum::failure();
        }
        self.open = false;
    }
}

/// `ok. 3 passed; 0 failed; …` or `FAILED. 3 passed; 1 failed; …`.
fn parse(result: &str) -> Option<Sum> {
    let (_, counts) = result.split_once(". ")?;
    let count = |word: &str| {
        counts.split("; ").find_map(|part| part.strip_suffix(word)).and_then(|number| number.trim().parse().ok())
    };
    Some(Sum { passed: count(" passed")?, failed: count(" failed")?, skipped: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, succeeded: bool) -> Sum {
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.line(line));
        reader.finish(succeeded)
    }

    const OK: &str = "     Running unittests src/lib.rs (target/debug/deps/a-0)\n\nrunning 3 tests\n...\n\
        test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
    const BAD: &str = "     Running tests/it/main.rs (target/debug/deps/it-0)\n\
        test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
    const DEAD: &str = "     Running unittests src/lib.rs (target/debug/deps/b-0)\n\nrunning 9 tests\n\
        error: test failed, to rerun pass `-p b --lib`\n";
    const DOC: &str = "   Doc-tests a\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn results_are_summed() {
        assert_eq!(read(&[OK, DOC].concat(), true), Sum { passed: 4, ..Sum::default() });
        assert_eq!(read(&[OK, BAD, DOC].concat(), false), Sum { passed: 9, failed: 2, skipped: 0 });
    }

    #[test]
    fn a_binary_that_dies_counts_as_one_failure_wherever_it_stands() {
        assert_eq!(read(&[DEAD, OK].concat(), false), Sum { passed: 3, failed: 1, skipped: 0 });
        assert_eq!(read(&[OK, DEAD].concat(), false), Sum { passed: 3, failed: 1, skipped: 0 });
        assert_eq!(read(&[DEAD, DEAD].concat(), false), Sum { passed: 0, failed: 2, skipped: 0 });
    }

    #[test]
    fn a_failure_without_a_line_is_counted_once() {
        assert_eq!(read(OK, false), Sum { passed: 3, failed: 1, skipped: 0 });
        assert_eq!(read("", false), Sum::failure());
        assert_eq!(read(BAD, false), Sum { passed: 5, failed: 2, skipped: 0 });
    }

    #[test]
    fn what_says_that_it_was_skipped_has_not_passed() {
        let skipped = OK.replace("...\n", "SKIPPED: it::on_mysql needs MySQL: no mirror\n...\n");
        assert_eq!(read(&[&skipped, OK].concat(), true), Sum { passed: 5, failed: 0, skipped: 1 });
    }

    #[test]
    fn nothing_is_no_success() {
        assert!(!read("", true).is_success());
        assert_eq!(Sum { passed: 2, failed: 1, skipped: 0 }.to_string(), "2 passed, 1 failed");
    }
}
