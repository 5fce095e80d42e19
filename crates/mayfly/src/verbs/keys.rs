//! `server recover-key` and `server rotate-key`, and how a new recovery key gets to whoever keeps it.

use super::{Context, facts};
use crate::args::{NewRecoveryKey, RecoverKey, RotateKey};
use crate::ask;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_server::cli::{RecoveryKey, Secret, write_new};
use mayfly_server::commands::{self, RecoverError, RotateError, RotateOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a recovery key may be typed wrong.
const TRIES: u32 = 3;

/// Gives a new recovery key to whoever keeps it: into a file, or onto the terminal, where it has to be typed back.
///
/// # Errors
/// A sentence, when the file cannot be written, when there is no terminal, or when nobody types it.
pub(super) fn keep(context: &Context, to: &NewRecoveryKey, key: &RecoveryKey) -> Result<(), String> {
    if let Some(path) = &to.recovery_key_file {
        return write_new(key, path).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("the recovery key cannot be written to {}: {cause}", path.display()),
            None => error.to_string(),
        });
    }
    if context.no_input || !ask::at_terminal() {
        let none = "there is no terminal at which to show the recovery key and have it typed back";
        return Err(format!("{none}: name a new file for it with --recovery-key-file"));
    }
    let shown = format!(
        "The recovery key {} is shown once and kept nowhere. Write it down, and keep it away from this machine:\n\n    {}\n\n",
        key.fingerprint(),
        key.to_text().expose()
    );
    std::io::stderr()
        .write_all(shown.as_bytes())
        .map_err(|error| format!("the terminal cannot be written: {error}"))?;
    for left in (0..TRIES).rev() {
        let typed = ask::line("type it back, to show that you have it")?;
        let wrong = match RecoveryKey::parse(&typed) {
            Ok(typed) if typed.fingerprint() == key.fingerprint() => return Ok(()),
            Ok(_) => "that is another recovery key".to_owned(),
            Err(error) => error.to_string(),
        };
        let again = if left == 0 { "" } else { "; try again" };
        // Where the terminal is gone the next answer cannot be read either.
        let _ = writeln!(std::io::stderr(), "{wrong}{again}");
    }
    Err("nobody has shown that they have the recovery key: nothing was done".to_owned())
}

/// Writes keys that were lost again.
///
/// # Errors
/// When the recovery key is not the right one, or nothing is lost.
pub(super) fn recover(context: &Context, options: &RecoverKey) -> Result<Exit, Failure> {
    let file = options.recovery_key_file.as_deref();
    let typed = match file {
        None if !context.no_input && ask::at_terminal() => ask::line("recovery key").map_err(Failure::usage)?,
        None | Some(_) => ask::secret("recovery key", file, "--recovery-key-file", context.no_input)?,
    };
    let directory = options.directory.as_deref();
    let recovered = commands::recover(&options.settings.config, directory, &Secret::new(typed.to_string()));
    let report = recovered.map_err(|error| match error {
        RecoverError::Typed(_) | RecoverError::Wrong { .. } | RecoverError::NotAFile(_) => {
            Failure::usage(error.to_string())
        }
        RecoverError::Nothing(..) => Failure::own(Exit::Conflict, error.to_string()),
        other => Failure::unexpected(other.to_string()),
    })?;
    let names = |paths: &[std::path::PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let (written, kept) = (names(&report.written), names(&report.kept));
    let json = serde_json::json!({"written": written, "kept": kept, "key_fingerprint": report.fingerprint});
    context.output.one(&json, &report.fingerprint, || {
        facts(&[
            ("key fingerprint", &report.fingerprint),
            ("written", &written.join(", ")),
            ("was there already", &kept.join(", ")),
        ])
    })?;
    Ok(Exit::Done)
}

/// Exchanges the installation's key.
///
/// # Errors
/// When the server runs, when nobody has the new recovery key, or when something does not open.
pub(super) async fn rotate(context: &Context, options: RotateKey) -> Result<Exit, Failure> {
    let kept = AtomicBool::new(false);
    let mut confirm = |key: &RecoveryKey| {
        keep(context, &options.recovery, key)?;
        kept.store(true, Ordering::Relaxed);
        Ok(())
    };
    let mut progress =
        |done, total| context.output.remark(&format!("{done} of {total} secrets are sealed by the new key"));
    let asked = RotateOptions { config: options.settings.config.clone(), new_key: options.new_key.clone() };
    let rotated = commands::rotate(&asked, &mut confirm, &mut progress).await;
    let report = rotated.map_err(|error| match error {
        RotateError::NotConfirmed(text) => Failure::usage(text),
        RotateError::NotAFile | RotateError::Another(_) => Failure::usage(error.to_string()),
        other => Failure::unexpected(other.to_string()),
    })?;
    if !kept.load(Ordering::Relaxed) {
        context.output.remark("this went on with an exchange that was cut short; its recovery key was shown then");
    }
    let key = report.key.display().to_string();
    let json = serde_json::json!({"from": report.from, "to": report.to, "key": key, "in_place": report.in_place});
    context.output.one(&json, &report.to, || {
        let mut text = facts(&[("key before", &report.from), ("key in force", &report.to), ("key file", &key)]);
        if !report.in_place {
            let key = escape::line(&key);
            text.push_str(&format!(
                "\nPut {key} where `keys.master` is read from: no other key opens the store now.\n"
            ));
        }
        text + "\nCopies of the store made before need the key before, or its recovery key.\n"
    })?;
    Ok(Exit::Done)
}

/// Refuses at once where a recovery key could not be kept, before anything is asked or made.
///
/// # Errors
/// When the file is there already.
pub(super) fn check(to: &NewRecoveryKey) -> Result<(), Failure> {
    let exists = |path: &&Path| std::fs::symlink_metadata(path).is_ok();
    match to.recovery_key_file.as_deref().filter(exists) {
        Some(path) => Err(Failure::usage(format!("{} exists: name a new file for the recovery key", path.display()))),
        None => Ok(()),
    }
}
