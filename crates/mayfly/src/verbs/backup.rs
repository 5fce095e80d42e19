//! `server backup` and `server restore`: the store as one sealed file, and back.

use super::{Context, facts};
use crate::args::Restore;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_server::DEFAULT_PATH;
use mayfly_server::commands::{self, RestoreError};
use mayfly_wire::paths;
use mayfly_wire::status::{BACKUP_ABOUT, BackupAbout};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes a backup to a new file, which only its owner can read. Nothing stands under its name before it is whole.
///
/// # Errors
/// When there is such a file, it cannot be written, or as the server's answer says.
pub(super) async fn backup(context: &Context, to: &Path) -> Result<Exit, Failure> {
    let shown = to.display().to_string();
    let failed = |error: std::io::Error| Failure::unexpected(format!("{shown}: {error}"));
    if to.exists() {
        return Err(Failure::own(Exit::Conflict, format!("{shown} exists: a backup is never written over a file")));
    }
    let Some(name) = to.file_name() else { return Err(Failure::usage(format!("{shown} names no file"))) };
    let partial = to.with_file_name(format!("{}.partial", name.to_string_lossy()));
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&partial).map_err(failed)?;
    let saved = context.client.save(paths::BACKUP, BACKUP_ABOUT, &mut file).await;
    let moved = saved.and_then(|about| {
        file.sync_all().and_then(|()| std::fs::rename(&partial, to)).map_err(failed)?;
        Ok(about)
    });
    let about = moved.inspect_err(|_| drop(std::fs::remove_file(&partial)))?;
    let about: BackupAbout = about.and_then(|text| serde_json::from_str(&text).ok()).ok_or_else(|| {
        Failure::unexpected(format!("{shown} was written, and the server does not say what is in it"))
    })?;
    context.output.one(&about, &shown, || {
        format!(
            "{}\nSealed: without the installation's key, which is not in it, nothing of it can be read. Keep the settings and the keys\n\
             (/etc/mayfly) elsewhere too.\n",
            contents(&shown, &about)
        )
    })?;
    Ok(Exit::Done)
}

/// Restores a backup where there is no store.
///
/// # Errors
/// When something is there, the key is another one, or the backup is not whole.
pub(super) fn restore(context: &Context, options: &Restore) -> Result<Exit, Failure> {
    let (user, owner) =
        super::server::owner(options.user.as_deref(), options.config == Path::new(DEFAULT_PATH))?.unzip();
    let about = commands::restore(&options.config, &options.file, owner).map_err(|error| match error {
        RestoreError::Exists(_) => Failure::own(Exit::Conflict, error.to_string()),
        other => Failure::unexpected(other.to_string()),
    })?;
    let shown = options.file.display().to_string();
    context.output.one(&about, &about.installation, || {
        let given = user.map_or_else(String::new, |user| format!("Given to {}. ", escape::line(&user)));
        format!(
            "{}\n{given}It is only observed at first: start the server, look with `mayfly status`, `sessions ls` and `cleanup ls`,\n\
             and say that this copy lives on with:\n  mayfly server activate --reason \"restored\"\n",
            contents(&shown, &about)
        )
    })?;
    Ok(Exit::Done)
}

/// What is in a backup, for people.
fn contents(file: &str, about: &BackupAbout) -> String {
    facts(&[
        ("backup", file),
        ("installation", &about.installation),
        ("made", &about.made),
        ("by version", &about.version),
        ("schema", &about.schema.to_string()),
        ("epoch", &about.epoch.to_string()),
        ("trail", &format!("{} entries", about.entries)),
        ("sessions", &format!("{} not over", about.sessions)),
        ("changes", &format!("{} not withdrawn", about.changes)),
        ("key needed", &about.key),
    ])
}
