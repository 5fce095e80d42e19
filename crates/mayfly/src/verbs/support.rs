//! `support bundle`: what somebody who helps from afar needs to know, as one file. The server tells most of it; where none answers, the
//! files of the installation do. What this machine's own programs say of the log and the clock is added.

use super::{Context, program};
use crate::args::Support;
use crate::client::Way;
use crate::failure::{Exit, Failure};
use flate2::Compression;
use flate2::write::GzEncoder;
use mayfly_server::cli::{Clock, OsClock, WallTime};
use mayfly_server::commands;
use mayfly_wire::paths;
use mayfly_wire::support::{SupportAnswer, SupportFile};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// How many lines of the log are taken.
const LOG_LINES: &str = "2000";

/// What stands above the list of files.
const INTRODUCTION: &str = "A support bundle of Mayfly. Everything in it is text or JSON.\n\n\
    No secret, no key and nothing that one is checked against is in it. Names of people, records, accounts, hosts and files are:\n\
    look through it before you hand it to somebody who is not to know them.\n\n";

/// Writes the bundle to a new file, which only its owner can read.
///
/// # Errors
/// When the server says no, or the file is there or cannot be written.
pub(super) async fn run(context: &Context, verb: Support) -> Result<Exit, Failure> {
    let Support::Bundle { file: to, settings } = verb;
    let now = OsClock::default().wall();
    let name = format!("mayfly-support-{}", stamp(now));
    let to = to.unwrap_or_else(|| PathBuf::from(format!("{name}.tar.gz")));
    let shown = to.display().to_string();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::own(Exit::Conflict, format!("{shown} exists: a bundle is never written over a file"))
        }
        _ => Failure::unexpected(format!("{shown}: {error}")),
    };
    // Made first, so that nobody waits for what then cannot be written.
    let file = File::options().write(true).create_new(true).mode(0o600).open(&to).map_err(failed)?;
    let gathered = gather(context, &settings.config, now).await;
    let written = gathered.and_then(|files| pack(&name, &files, now, file).map_err(failed).map(|()| files));
    let files = written.inspect_err(|_| drop(std::fs::remove_file(&to)))?;
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let json = serde_json::json!({ "file": shown, "files": names });
    context.output.one(&json, &shown, || {
        format!(
            "{}\nNo secret and no key is in it; names of people, records, accounts and hosts are: look through it before you send it\n\
             (README.txt in it says what is what).\n",
            super::facts(&[("bundle", &shown), ("holds", &names.join(" "))])
        )
    })?;
    Ok(Exit::Done)
}

/// A moment as part of a file's name: `20261130T070500Z`.
fn stamp(now: WallTime) -> String {
    let text = now.to_string();
    let seconds = text.split('.').next().unwrap_or_default().trim_end_matches('Z');
    seconds.chars().filter(char::is_ascii_alphanumeric).collect::<String>() + "Z"
}

/// Everything that goes into it. A refusal is one; a server that is not there, or does not know the question, is what help is sought for.
async fn gather(context: &Context, config: &Path, now: WallTime) -> Result<Vec<SupportFile>, Failure> {
    let local = matches!(context.client.way(), Way::Socket(_));
    let asked = context.client.get::<SupportAnswer>(paths::SUPPORT).await;
    let mut files = match asked {
        Ok(answer) => answer.files,
        Err(failure) if local && !matches!(failure.exit(), Exit::NotPermitted | Exit::SignIn) => {
            context.output.remark(&format!("{}\nthe bundle is made of the installation's files", failure.detail()));
            let mut files = commands::support_offline(config, now);
            files.push(file("unanswered.txt", "why the server could not be asked", format!("{}\n", failure.detail())));
            files
        }
        Err(failure) => return Err(failure),
    };
    if local {
        let log = ["--unit=mayfly", "--lines", LOG_LINES, "--no-pager", "--output=short-iso"];
        files.push(file(
            "log.txt",
            "the end of the server's log, where systemd keeps it",
            said("journalctl", &log).await,
        ));
        let clock = said("timedatectl", &["show", "--property=NTP,NTPSynchronized,TimeUSec,Timezone"]).await;
        files.push(file("clock.txt", "whether the machine's clock is set by others", clock));
    }
    Ok(files)
}

fn file(name: &str, about: &str, text: String) -> SupportFile {
    SupportFile { name: name.to_owned(), about: about.to_owned(), text }
}

/// What a program of this machine says, or why it says nothing.
async fn said(name: &str, arguments: &[&str]) -> String {
    let Ok(found) = program::find(name, "", &[]) else {
        return format!("left out: {name} is not installed\n");
    };
    match program::command(found).args(arguments).output().await {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => format!("left out: {name}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => format!("left out: {name}: {error}\n"),
    }
}

/// Packs the files, each in the folder `name`, after a list of them.
fn pack(name: &str, files: &[SupportFile], now: WallTime, to: File) -> io::Result<()> {
    let mut archive = Builder::new(GzEncoder::new(to, Compression::default()));
    let width = files.iter().map(|file| file.name.len()).max().unwrap_or_default();
    let list: String = files.iter().map(|file| format!("{:width$}  {}\n", file.name, file.about)).collect();
    let readme = format!("{INTRODUCTION}{list}");
    let all = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
    for (file, text) in std::iter::once(("README.txt", readme.as_str())).chain(all) {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now.micros() / 1_000_000).unwrap_or_default());
        // The name comes from a server, which must not decide where it is unpacked to.
        let plain = Path::new(file).file_name().ok_or(io::ErrorKind::InvalidData)?;
        archive.append_data(&mut header, Path::new(name).join(plain), text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_unpacked_into_one_folder_with_a_list_in_front() {
        let to = tempfile::NamedTempFile::new().unwrap();
        let files = [file("a.txt", "an a", "A\n".to_owned()), file("../../b.txt", "a b", "B\n".to_owned())];
        let now = WallTime::from_micros(1_800_000_000_123_456);
        pack("mayfly-support-x", &files, now, to.reopen().unwrap()).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(to.path()).unwrap()));
        let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        let folder = |name| format!("mayfly-support-x/{name}");
        assert_eq!(names.collect::<Vec<_>>(), ["README.txt", "a.txt", "b.txt"].map(folder));
        assert_eq!(stamp(now), "20270115T080000Z");
    }
}
