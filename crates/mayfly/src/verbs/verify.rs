//! `audit verify`: an auditor's check of the trail, offline, with the verifier that shares no code with the writer.

use super::Context;
use crate::args::Verify;
use crate::failure::{Exit, Failure};
use mayfly_audit_verify::{self as audit, Note, PublicKey, Report, StoreFile};
use mayfly_server::Config;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The name of the store's file in the data directory.
const STORE: &str = "mayfly.db";

/// Verifies the trail and prints what vouches for it.
///
/// # Errors
/// Exit code 11 with the first thing that is wrong; others when something cannot be read.
pub(super) fn run(context: &Context, options: &Verify) -> Result<Exit, Failure> {
    // Everything may be given by hand, so that an auditor needs no installation.
    let config = Config::read(&options.config);
    let known = || config.as_ref().map_err(|error| Failure::usage(error.to_string()));
    let key = match &options.key {
        Some(key) => key.clone(),
        None => {
            mayfly_server::cli::audit_verifier_key(known()?).map_err(|error| Failure::unexpected(error.to_string()))?
        }
    };
    let key = PublicKey::parse(&key).map_err(|error| Failure::usage(format!("--key: {error}")))?;
    let mut notes = match &options.checkpoint {
        Some(path) => notes(path)?,
        None => notes(&known()?.audit.checkpoints)?,
    };
    let outside = notes.len();
    let result = match &options.export {
        Some(path) => {
            let file =
                File::open(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
            audit::verify(audit::export(BufReader::new(file)), &notes, &key)
        }
        None => {
            let store = StoreFile::open(&known()?.data_directory.join(STORE)).map_err(unreadable)?;
            notes.extend(store.notes().map_err(unreadable)?);
            audit::verify(store.entries(), &notes, &key)
        }
    };
    match result {
        Ok(report) => print(context, &report, outside),
        Err(audit::Failure::Found(finding)) => Err(Failure::own(Exit::Verification, finding.to_string())),
        Err(audit::Failure::Unreadable(error)) => Err(unreadable(error)),
    }
}

fn unreadable(error: audit::ReadError) -> Failure {
    Failure::unexpected(error.to_string())
}

fn notes(path: &Path) -> Result<Vec<Note>, Failure> {
    let read = if path.is_dir() { audit::notes_in_directory(path) } else { audit::notes_in_file(path) };
    read.map_err(|error| Failure::usage(error.to_string()))
}

fn print(context: &Context, report: &Report, outside: usize) -> Result<Exit, Failure> {
    let last = report.last_at_us.and_then(|us| jiff::Timestamp::from_microsecond(us).ok()).map(|at| format!("{at:.3}"));
    let json = serde_json::json!({
        "entries": report.entries, "covered": report.covered, "checkpoints": report.checkpoints, "last_checkpoint": last,
    });
    context.output.one(&json, "good", || {
        let when = last.as_deref().map_or_else(String::new, |at| format!(", the last of {at}"));
        let mut text = format!(
            "good: {} entries, {} of them under {} signed checkpoints{when}\n",
            report.entries, report.covered, report.checkpoints
        );
        if outside == 0 {
            text.push_str(
                "! no checkpoint from outside the store was given: a store put back as a whole would not show\n",
            );
        }
        text
    })?;
    Ok(Exit::Done)
}
