//! Running other programs: to see whether they succeed, or to read what they print.

use std::process::Command;

use anyhow::Context as _;

/// Runs the command with our terminal and says whether it succeeded.
///
/// # Errors
/// When the program cannot be started at all.
pub(crate) fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    Ok(status.success())
}

/// Runs the command quietly: true when it could be started and succeeded.
pub(crate) fn quietly(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs the command without showing what it prints, unless it fails; says whether it succeeded.
///
/// # Errors
/// When the program cannot be started at all.
pub(crate) fn succeeds_quietly(command: &mut Command) -> anyhow::Result<bool> {
    let output = command.output().with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}

/// Runs the command and returns what it printed, whatever its exit code (for programs that answer "no" with one).
///
/// # Errors
/// When the program cannot be started.
pub(crate) fn printed(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", name(command)))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_told_from_a_missing_one() {
        assert!(!succeeds(&mut Command::new("false")).unwrap());
        let error = succeeds(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn what_was_printed_is_returned_even_when_it_failed() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo said; exit 3"]);
        assert_eq!(printed(&mut command).unwrap(), "said\n");
        assert!(!quietly(&mut command));
    }

    #[test]
    fn the_path_is_searched() {
        assert!(on_path("sh"));
        assert!(!on_path("no-such-program-here"));
    }
}
