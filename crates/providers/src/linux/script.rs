//! The scripts that run on a host, and how they get there: a command that every log-in shell takes as it is, and on its standard
//! input the values, a line each, an empty line, and the text.

use mayfly_domain::{Failure, FailureClass};

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

/// A script: its parts, in their order.
pub(super) struct Script(&'static [&'static str]);

/// Run as the administrative account itself.
pub(super) const HELLO: Script = Script(&[include_str!("sh/hello.sh")]);
pub(super) const SURVEY: Script = Script(&[PRELUDE, STATES, TRUST, include_str!("sh/survey.sh")]);
pub(super) const CHECK: Script = Script(&[PRELUDE, TRUST, include_str!("sh/check.sh")]);
pub(super) const OPEN_ACCOUNT: Script = Script(&[PRELUDE, include_str!("sh/open_account.sh")]);
pub(super) const LOOK_ACCOUNT: Script = Script(&[PRELUDE, CENSUS, SWEEP, include_str!("sh/look_account.sh")]);
pub(super) const DISABLE_ACCOUNT: Script = Script(&[PRELUDE, include_str!("sh/disable_account.sh")]);
pub(super) const END_ACCOUNT: Script = Script(&[PRELUDE, CENSUS, include_str!("sh/end_account.sh")]);
pub(super) const HAND_OVER_ACCOUNT: Script = Script(&[PRELUDE, SWEEP, include_str!("sh/hand_over_account.sh")]);
pub(super) const REMOVE_ACCOUNT: Script =
    Script(&[PRELUDE, CENSUS, SWEEP, STATES, include_str!("sh/remove_account.sh")]);
pub(super) const OPEN_MEMBERSHIP: Script = Script(&[PRELUDE, include_str!("sh/open_membership.sh")]);
pub(super) const LOOK_MEMBERSHIP: Script = Script(&[PRELUDE, CENSUS, include_str!("sh/look_membership.sh")]);
pub(super) const END_SOME: Script = Script(&[PRELUDE, CENSUS, include_str!("sh/end_some.sh")]);
pub(super) const WITHDRAW: Script = Script(&[PRELUDE, STATES, include_str!("sh/withdraw.sh")]);
pub(super) const OPEN_COMPANION: Script = Script(&[PRELUDE, include_str!("sh/open_companion.sh")]);
pub(super) const LOOK_COMPANION: Script = Script(&[PRELUDE, include_str!("sh/look_companion.sh")]);

impl Script {
    /// What is written to the command's standard input.
    ///
    /// # Errors
    /// [`FailureClass::Conflict`] when a value has a line break or a NUL, which no name on a host has.
    pub(super) fn input(&self, values: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut input = String::new();
        for value in values {
            if value.contains(['\n', '\0']) {
                return Err(Failure::new(
                    FailureClass::Conflict,
                    "a name for a Linux host cannot have a line break in it",
                ));
            }
            // In front stands a sign, so that an empty value is no empty line.
            input.push('=');
            input.push_str(value);
            input.push('\n');
        }
        input.push('\n');
        for part in self.0 {
            input.push_str(part);
        }
        Ok(input.into_bytes())
    }
}

/// The command that runs a script as the administrative account itself, as root where that account is root.
pub(super) fn as_self() -> String {
    format!("timeout -s KILL {SECONDS_MOST} {READER}")
}

/// The command that runs a script as root through sudo.
pub(super) fn through_sudo() -> String {
    format!("sudo -n -- {}", as_self())
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

    /// FAILURES 38: what stands in a value stays a value, in the shell that is here too.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test runs the shell that hosts have")]
    fn a_shell_gets_the_values_as_they_are() {
        const SHOW: Script = Script(&["printf '%s|' \"$@\""]);
        let values = ["", "$(echo gone)", "`id`", "a 'b' \"c\" \\ * ;", "-n"];
        let mut shell =
            Command::new("sh").args(["-c", &as_self()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(&SHOW.input(&values).unwrap()).unwrap();
        let output = shell.wait_with_output().unwrap();
        let expected: String = values.iter().map(|value| format!("={value}|")).collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
