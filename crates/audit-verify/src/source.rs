//! Where entries and checkpoints are read from: an export with one entry in each line, a store's file opened only for
//! reading, a file or a directory of checkpoints.

use crate::note::{self, Note, Whence};
use crate::tree::Hash;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

/// The longest entry that is read.
const ENTRY_MOST: u64 = 16 << 20;
/// The largest file of checkpoints that is read.
const FILE_MOST: u64 = 96 << 20;
/// Rows that are read from a store at once.
const ROWS: i64 = 512;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The export.
    #[error("the export cannot be read")]
    Export(#[from] io::Error),
    /// The store's file.
    #[error("the store's file cannot be read")]
    Store(#[from] rusqlite::Error),
}

/// An entry as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The leaf hash that the store keeps beside it; an export has none.
    pub leaf: Option<[u8; 32]>,
}

/// The entries of an export: one in each line.
pub fn export(mut reader: impl BufRead) -> impl Iterator<Item = Result<Line, ReadError>> {
    std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        match reader.by_ref().take(ENTRY_MOST + 1).read_until(b'\n', &mut bytes) {
            Err(error) => return Some(Err(error.into())),
            Ok(0) => return None,
            Ok(_) => {}
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() as u64 > ENTRY_MOST {
            return Some(Err(io::Error::other("a line is longer than an entry can be").into()));
        }
        Some(Ok(Line { bytes, leaf: None }))
    })
}

/// A store's file, opened only for reading. A server may be running on it.
pub struct StoreFile {
    connection: Connection,
}

impl StoreFile {
    /// Opens `mayfly.db`.
    ///
    /// # Errors
    /// [`ReadError`] when it is not there or no database.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // One snapshot for everything that is read, so that a running server does not look like a fault.
        connection.execute_batch("BEGIN")?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { connection })
    }

    /// The entries, in the order of the store's numbers.
    pub fn entries(&self) -> impl Iterator<Item = Result<Line, ReadError>> {
        let (mut from, mut rows, mut over) = (i64::MIN, VecDeque::new(), false);
        std::iter::from_fn(move || {
            if rows.is_empty() && !over {
                match self.page(from) {
                    Ok(page) => rows = page,
                    Err(error) => {
                        over = true;
                        return Some(Err(error));
                    }
                }
                over = rows.len() < ROWS as usize;
            }
            let (sequence, line): (i64, Line) = rows.pop_front()?;
            from = sequence.saturating_add(1);
            Some(Ok(line))
        })
    }

    fn page(&self, from: i64) -> Result<VecDeque<(i64, Line)>, ReadError> {
        let sql = "SELECT sequence, bytes, leaf FROM trail WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![from, ROWS], |row| {
            // What is of another type or length was put there by somebody else, and fits no entry.
            let leaf: Hash = bytes(row, 2).try_into().unwrap_or([0; 32]);
            Ok((row.get(0)?, Line { bytes: bytes(row, 1), leaf: Some(leaf) }))
        })?;
        rows.map(|row| row.map_err(ReadError::from)).collect()
    }

    /// The store's own checkpoints, in the order in which they were made.
    ///
    /// # Errors
    /// [`ReadError`] when the table cannot be read.
    pub fn notes(&self) -> Result<Vec<Note>, ReadError> {
        let mut statement = self.connection.prepare("SELECT id, note FROM checkpoint ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            let name = format!("the store's checkpoint {}", row.get::<_, i64>(0)?);
            Ok(Note { text: row.get(1)?, name, whence: Whence::Store })
        })?;
        rows.map(|row| row.map_err(ReadError::from)).collect()
    }
}

/// A column as bytes, whatever its type.
fn bytes(row: &Row<'_>, column: usize) -> Vec<u8> {
    row.get_ref(column).ok().and_then(|value| value.as_bytes().ok()).unwrap_or_default().to_vec()
}

/// The checkpoints of one file.
///
/// # Errors
/// [`ReadError`] when it cannot be read, holds no text, or is larger than a day's checkpoints can be.
pub fn notes_in_file(path: &Path) -> Result<Vec<Note>, ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_MOST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > FILE_MOST {
        return Err(failed(io::Error::other("it is larger than a day's checkpoints can be")));
    }
    // A note torn at the end may be torn within a letter; one that is not text further up will not verify.
    let text = String::from_utf8_lossy(&bytes);
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let notes = (1_u32..).zip(note::split(&text));
    Ok(notes
        .map(|(number, text)| Note {
            text: text.to_owned(),
            name: format!("{file}, note {number}"),
            whence: Whence::Outside,
        })
        .collect())
}

/// The checkpoints of all files `checkpoints-….txt` of a directory, oldest first.
///
/// # Errors
/// [`ReadError`] when the directory or one of the files cannot be read.
pub fn notes_in_directory(path: &Path) -> Result<Vec<Note>, ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("checkpoints-") && name.ends_with(".txt")) {
            files.push(entry.path());
        }
    }
    files.sort();
    let mut notes = Vec::new();
    for file in files {
        notes.extend(notes_in_file(&file)?);
    }
    Ok(notes)
}
