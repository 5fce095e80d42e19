//! What is asked at the terminal. Passwords and secrets: asked for at the terminal without echo, or read from a file or standard input; never from an
//! argument, which every process of the machine can read, and never from the environment.

use crate::failure::Failure;
use std::fs::File;
use std::io::{BufRead as _, IsTerminal as _, Read, Write as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The longest secret that is read, in bytes: a private key fits.
const SECRET_MOST: u64 = 64 * 1024;

/// The longest line that is typed, in bytes.
const LINE_MOST: u64 = 1024;

/// Gets a secret: from `file` where one is named (`-` is standard input), otherwise by asking at the terminal. `option` is
/// how the file is named on the command line, for the message that leads there.
///
/// # Errors
/// When there is nobody to ask or asking is forbidden, when the file cannot be read, or when the secret is empty.
pub(crate) fn secret(
    prompt: &str,
    file: Option<&Path>,
    option: &str,
    no_input: bool,
) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(path) => from_file(path),
        None if no_input => Err(Failure::usage(format!(
            "{prompt} is needed, and --no-input forbids asking: give it with {option} FILE"
        ))),
        None => unseen(prompt, option),
    }
}

/// A new password: typed twice at a terminal, or one line of standard input where that is no terminal.
///
/// # Errors
/// When the two differ, or as [`secret`] does.
pub(crate) fn new_password(no_input: bool) -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return from_reader(std::io::stdin(), "standard input");
    }
    if no_input {
        return Err(Failure::usage("--no-input forbids asking: give the password on standard input"));
    }
    let first = unseen("new password", "standard input, not")?;
    let second = unseen("the same again", "standard input, not")?;
    if first != second {
        return Err(Failure::usage("the two passwords differ: nothing was done"));
    }
    Ok(first)
}

/// Asks a question at the terminal that only `y` or `yes` answers. `option` is what to give instead.
///
/// # Errors
/// When there is nobody to ask, when asking is forbidden, or when the answer is anything else.
pub(crate) fn yes(question: &str, option: &str, no_input: bool) -> Result<(), Failure> {
    if no_input || !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{question} There is nobody to ask: give {option}")));
    }
    let mut line = String::new();
    let asked = write!(std::io::stderr(), "{question} [y/N] ").and_then(|()| std::io::stdin().read_line(&mut line));
    asked.map_err(|error| Failure::usage(format!("the answer cannot be read: {error}")))?;
    if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::usage("not confirmed: nothing was done"))
}

/// Asks for a text at the terminal, for which `default` stands where nothing is typed or nobody can be asked.
///
/// # Errors
/// When the terminal cannot be read.
pub(crate) fn with_default(question: &str, default: &str, no_input: bool) -> Result<String, Failure> {
    if no_input || !std::io::stdin().is_terminal() {
        return Ok(default.to_owned());
    }
    let mut line = String::new();
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    let asked = write!(std::io::stderr(), "{question}{shown}: ").and_then(|()| std::io::stdin().read_line(&mut line));
    asked.map_err(|error| Failure::usage(format!("the answer cannot be read: {error}")))?;
    let typed = line.trim();
    Ok(if typed.is_empty() { default.to_owned() } else { typed.to_owned() })
}

/// Whether somebody is at a terminal to answer.
pub(crate) fn at_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a line at the terminal, which shows what is typed: for what is too long to be typed unseen.
///
/// # Errors
/// A sentence, when there is nobody to answer.
pub(crate) fn line(prompt: &str) -> Result<Zeroizing<String>, String> {
    let mut typed = Zeroizing::new(String::with_capacity(1024));
    let asked = write!(std::io::stderr(), "{prompt}: ");
    let read = asked.and_then(|()| std::io::stdin().lock().take(LINE_MOST).read_line(&mut typed));
    match read {
        Ok(0) => Err(format!("{prompt}: nothing was typed")),
        Ok(_) => Ok(typed),
        Err(error) => Err(format!("{prompt}: what was typed cannot be read: {error}")),
    }
}

fn unseen(prompt: &str, option: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(format!("{prompt}: "));
    let typed = typed.map(Zeroizing::new).map_err(|error| {
        Failure::usage(format!(
            "{prompt} is needed, and there is no terminal to ask at ({error}): give it with {option} FILE"
        ))
    })?;
    if typed.is_empty() { Err(Failure::usage(format!("{prompt}: nothing was typed"))) } else { Ok(typed) }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    if path == Path::new("-") {
        return from_reader(std::io::stdin(), "standard input");
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    from_reader(file, &name)
}

/// Reads a secret to the end; one line end at its end is not part of it.
fn from_reader(reader: impl Read, name: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = reader.take(SECRET_MOST + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("cannot read a secret from {name}: {error}")))?;
    if text.len() as u64 > SECRET_MOST {
        return Err(Failure::usage(format!("{name} has more than {SECRET_MOST} bytes, which is no secret")));
    }
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(Failure::usage(format!("{name} is empty, where a secret was expected")));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, Failure> {
        from_reader(bytes, "x").map(|secret| secret.to_string())
    }

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        assert_eq!(read(b"s3cret\n").unwrap(), "s3cret");
        assert_eq!(read(b"s3cret\r\n").unwrap(), "s3cret");
        assert_eq!(read(b" s3cret \n\n").unwrap(), " s3cret \n");
        assert_eq!(read(b"s3cret").unwrap(), "s3cret");
    }

    #[test]
    fn nothing_too_much_and_no_text_are_refused() {
        assert!(read(b"").is_err());
        assert!(read(b"\n").is_err());
        assert!(read(&[0xff, 0xfe]).is_err());
        assert!(read(&vec![b'a'; SECRET_MOST as usize]).is_ok());
        assert!(read(&vec![b'a'; SECRET_MOST as usize + 1]).is_err());
    }
}
