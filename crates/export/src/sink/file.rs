//! A file to which entries are appended, a line each. It is opened anew for each batch, so that whoever rotates it only has to
//! move it away; and what a crash left half written at its end is taken off first.

use super::{Sink, SinkError};
use crate::encode::Encoding;
use crate::entry::Entry;
use async_trait::async_trait;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How much is read at a time to find the end of the last whole line.
const STEP: u64 = 64 * 1024;

/// A file that entries are appended to.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    encoding: Encoding,
}

impl FileSink {
    /// The file at `path`, made with mode 0600 when it is not there. Nothing is opened yet.
    pub fn new(path: PathBuf, encoding: Encoding) -> Self {
        Self { path, encoding }
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn deliver(&self, entries: &[Entry]) -> Result<(), SinkError> {
        let lines: String = entries.iter().map(|entry| self.encoding.line(entry) + "\n").collect();
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || append(&path, lines.as_bytes())).await;
        match written {
            Ok(written) => written.map_err(|source| SinkError::File { path: self.path.clone(), source }),
            Err(error) => Err(SinkError::File { path: self.path.clone(), source: io::Error::other(error) }),
        }
    }
}

/// Appends lines and makes them durable. What was written of them when that fails is taken off again.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let end = end_of_last_line(&mut file)?;
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    let written = file.write_all(lines).and_then(|()| file.sync_data());
    if written.is_err() {
        // Where even that fails the next attempt does it.
        let _ = file.set_len(end);
    }
    written
}

/// The length of the file up to the end of its last whole line.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        let mut part = Vec::new();
        Read::by_ref(&mut *file).take(end - start).read_to_end(&mut part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::example::{entry, full};
    use mayfly_domain::audit::EventKind;

    #[tokio::test]
    async fn lines_are_appended_to_whatever_is_at_the_path_then() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let sink = FileSink::new(path.clone(), Encoding::Json);
        let one = |number| vec![entry(number, &full(EventKind::AccountCreated))];
        sink.deliver(&one(0)).await.unwrap();
        sink.deliver(&one(1)).await.unwrap();
        let rotated = directory.path().join("audit.jsonl.1");
        std::fs::rename(&path, &rotated).unwrap();
        sink.deliver(&one(2)).await.unwrap();
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(text(&rotated), format!("{}\n{}\n", one(0)[0].text(), one(1)[0].text()));
        assert_eq!(text(&path), format!("{}\n", one(2)[0].text()));
        // What a crash left half written goes.
        std::fs::write(&path, format!("{}\n{{\"half", one(2)[0].text())).unwrap();
        sink.deliver(&one(3)).await.unwrap();
        assert_eq!(text(&path), format!("{}\n{}\n", one(2)[0].text(), one(3)[0].text()));
    }

    #[test]
    fn the_last_whole_line_is_found_however_long_the_rest_is() {
        let mut file = tempfile::tempfile().unwrap();
        for (content, expected) in
            [(String::new(), 0), ("x".repeat(200_000), 0), (format!("a\n{}", "x".repeat(200_000)), 2)]
        {
            file.set_len(0).unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            assert_eq!(end_of_last_line(&mut file).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_named() {
        let sink = FileSink::new(PathBuf::from("/nonexistent/audit.jsonl"), Encoding::Json);
        let error = sink.deliver(&[]).await.unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/audit.jsonl: "), "{error}");
    }
}
