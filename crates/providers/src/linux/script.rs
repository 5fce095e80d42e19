//! The scripts that run on a host, and how they get there: a command that every log-in shell takes as it is, and on its standard
//! input the values, a line each, an empty line, and the text. Where the helper is installed, it has the text, and gets the name of
//! the script before the values.

use mayfly_domain::{Failure, FailureClass};
use sha2::{Digest as _, Sha256};

/// Reads values into the shell's parameters and then runs the rest of its input. Nothing in it is special to any shell between
/// single quotes: sh, bash, zsh, fish, csh.
const READER: &str =
    r#"/bin/sh -c 'set --; while IFS= read -r L && test -n "$L"; do set -- "$@" "$L"; done; eval "$(cat)"'"#;
/// What no script may exceed on the host, in seconds; one that removes a large home goes on where it was.
const SECONDS_MOST: u32 = 120;

const PRELUDE: &str = include_str!("sh/prelude.sh");
const CENSUS: &str = include_str!("sh/census.sh");
const STATES: &str = include_str!("sh/states.sh");
const SWEEP: &str = include_str!("sh/sweep.sh");
const TRUST: &str = include_str!("sh/trust.sh");
const HELLO_PART: &str = include_str!("sh/hello.sh");
/// Where the helper is on a host.
pub(super) const HELPER: &str = "/usr/local/sbin/mayfly-helper";

/// A script: what the helper on a host calls it, and its parts, in their order.
pub(super) struct Script {
    operation: &'static str,
    parts: &'static [&'static str],
}

macro_rules! scripts {
    ($($name:ident = $operation:literal: [$($shared:ident),*];)*) => {
        $(pub(super) const $name: Script = Script {
            operation: $operation,
            parts: &[PRELUDE, $($shared,)* include_str!(concat!("sh/", $operation, ".sh"))],
        };)*

        /// Everything that is ever run as root, by its name and with its own part.
        const OPERATIONS: &[(&str, &str)] = &[$(($operation, include_str!(concat!("sh/", $operation, ".sh"))),)*];
    };
}

scripts! {
    SURVEY = "survey": [STATES, TRUST];
    CHECK = "check": [TRUST];
    OPEN_ACCOUNT = "open_account": [];
    FREE_IDS = "free_ids": [];
    LOOK_ACCOUNT = "look_account": [CENSUS, SWEEP];
    DISABLE_ACCOUNT = "disable_account": [];
    END_ACCOUNT = "end_account": [CENSUS];
    HAND_OVER_ACCOUNT = "hand_over_account": [SWEEP];
    REMOVE_ACCOUNT = "remove_account": [CENSUS, SWEEP, STATES];
    OPEN_MEMBERSHIP = "open_membership": [];
    LOOK_MEMBERSHIP = "look_membership": [CENSUS];
    END_SOME = "end_some": [CENSUS];
    WITHDRAW = "withdraw": [STATES];
    OPEN_COMPANION = "open_companion": [];
    LOOK_COMPANION = "look_companion": [];
    SCAN = "scan": [CENSUS, TRUST];
    HOLDERS = "holders": [];
}

/// Run as the administrative account itself, where it has a shell; a helper that answers in its stead knows the name.
pub(super) const HELLO: Script = Script { operation: "hello", parts: &[HELLO_PART, include_str!("sh/hello_shell.sh")] };

/// How the scripts of this build and the helper on a host understand each other. Raised with every change of what an operation
/// takes, does or answers; the helper on every host has to be installed again then.
pub(super) const HELPER_VERSION: u32 = 2;

/// The helper: one program that has every operation in it and asks its configuration before each.
pub(super) fn helper() -> String {
    let mut text = format!(
        "#!/bin/sh\n# Mayfly's helper, version {HELPER_VERSION}: printed by `mayfly record install-helpers`.\n"
    );
    for part in [PRELUDE, CENSUS, STATES, SWEEP, TRUST, HELLO_PART, include_str!("sh/helper.sh")] {
        text.push_str(part);
    }
    text.push_str(&format!("version={HELPER_VERSION} self={HELPER}\n"));
    for (operation, part) in OPERATIONS {
        text.push_str(&format!("operation_{operation}() {{\n{part}}}\n"));
    }
    text.push_str(include_str!("sh/helper_main.sh"));
    text
}

/// The operations named, each a function, with everything that they share.
pub(super) fn functions(operations: &[&str]) -> String {
    let mut text = String::new();
    for part in [PRELUDE, CENSUS, STATES, SWEEP] {
        text.push_str(part);
    }
    for (operation, part) in OPERATIONS.iter().filter(|(operation, _)| operations.contains(operation)) {
        text.push_str(&format!("operation_{operation}() {{\n{part}}}\n"));
    }
    text
}

/// The SHA-256 of the helper in hexadecimal, as `sha256sum` prints it.
pub(super) fn helper_digest() -> String {
    Sha256::digest(helper()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Script {
    /// What is written to the standard input of a shell: the values, and the text. The name of a script that a helper may answer
    /// comes first.
    ///
    /// # Errors
    /// [`FailureClass::Conflict`] when a value has a line break or a NUL, which no name on a host has.
    pub(super) fn input(&self, values: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut input = lines(values)?;
        for part in self.parts {
            input.push_str(part);
        }
        Ok(input.into_bytes())
    }

    /// What is written to the standard input of the helper, which has the text.
    ///
    /// # Errors
    /// As [`Script::input`].
    pub(super) fn helper_input(&self, values: &[&str]) -> Result<Vec<u8>, Failure> {
        Ok(lines(&[&[self.operation], values].concat())?.into_bytes())
    }
}

/// What finds out, in one way for both, whether a shell or the helper answers.
///
/// # Errors
/// As [`Script::input`].
pub(super) fn hello_input() -> Result<Vec<u8>, Failure> {
    HELLO.input(&[HELLO.operation])
}

/// Values, a line each with a sign in front, so that an empty one is no empty line; and an empty line.
fn lines(values: &[&str]) -> Result<String, Failure> {
    let mut input = String::new();
    for value in values {
        if value.contains(['\n', '\0']) {
            return Err(Failure::new(FailureClass::Conflict, "a name for a Linux host cannot have a line break in it"));
        }
        input.push('=');
        input.push_str(value);
        input.push('\n');
    }
    input.push('\n');
    Ok(input)
}

/// The command that runs a script as the administrative account itself, as root where that account is root.
pub(super) fn as_self() -> String {
    format!("timeout -s KILL {SECONDS_MOST} {READER}")
}

/// The command that runs a script as root through sudo.
pub(super) fn through_sudo() -> String {
    format!("sudo -n -- {}", as_self())
}

/// The command that runs the helper as root through sudo. Where the helper is all that the key may run, sshd does not look at it.
pub(super) fn helper_through_sudo() -> String {
    format!("sudo -n -- {HELPER}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn values_are_lines_and_nothing_else() {
        let input = HELLO.input(&["", "$(id) 'x' \"y\" \\"]).unwrap();
        let text = String::from_utf8(input).unwrap();
        assert!(text.starts_with("=\n=$(id) 'x' \"y\" \\\n\n"), "{text}");
        for bad in ["a\nb", "a\0b"] {
            assert_eq!(HELLO.input(&[bad]).unwrap_err().class, FailureClass::Conflict);
        }
    }

    /// Whoever changes what the helper does has to think of the hosts that have it: unless nothing of how it is understood has
    /// changed (a comment, a fault mended), the version goes up with the digest.
    #[test]
    fn the_version_is_that_of_this_text() {
        assert_eq!(
            (HELPER_VERSION, helper_digest().as_str()),
            (2, "2836a7dc52f1da86eaf525f4c6f63aef7f453d6cedd424ed9ce00bfdacf13cce")
        );
    }

    /// Each operation's values are described, and each description is of kinds that are checked.
    #[test]
    fn every_value_of_every_operation_is_checked() {
        let table = include_str!("sh/helper.sh");
        let described = &table[table.find("kinds_of() {").unwrap()..table.find("check_values() {").unwrap()];
        for (operation, _) in OPERATIONS {
            assert!(described.contains(&format!("    {operation})")), "{operation}");
        }
        let kinds = described.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.contains('#'));
        let mut seen = 0;
        for kind in kinds.flat_map(|(_, kinds)| kinds.split(['\'', '"', ' '])) {
            let kind = kind.trim_end_matches('?');
            if kind.is_empty() || kind.starts_with(['$', ';']) {
                continue;
            }
            seen += 1;
            assert!(table.contains(&format!("\ncheck_{kind}() {{")), "{kind}");
        }
        assert!(seen > 60, "{seen}");
    }

    /// Any POSIX shell reads it; these are here.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test runs the shells that hosts have")]
    fn shells_read_the_helper() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("helper");
        std::fs::write(&file, helper()).unwrap();
        for shell in [&["sh"][..], &["bash", "--posix"]] {
            let output = Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(&file).output().unwrap();
            assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// FAILURES 38: what stands in a value stays a value, in the shell that is here too.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test runs the shell that hosts have")]
    fn a_shell_gets_the_values_as_they_are() {
        const SHOW: Script = Script { operation: "show", parts: &["printf '%s|' \"$@\""] };
        let values = ["", "$(echo gone)", "`id`", "a 'b' \"c\" \\ * ;", "-n"];
        let mut shell =
            Command::new("sh").args(["-c", &as_self()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(&SHOW.input(&values).unwrap()).unwrap();
        let output = shell.wait_with_output().unwrap();
        let expected: String = values.iter().map(|value| format!("={value}|")).collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
