//! The verification itself (docs/audit-format.md §5): one pass over the entries, with the checkpoints beside them, that stops
//! at the first thing that is wrong and works out what was done.

use crate::entry::{self, Entry};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::key::PublicKey;
use crate::note::{self, Checkpoint, Note, Whence};
use crate::source::{Line, ReadError};
use crate::tree::{Hash, Tree};
use std::iter::Peekable;

/// What was verified, when nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many entries there are.
    pub entries: u64,
    /// How many checkpoints vouch for them.
    pub checkpoints: u64,
    /// How many entries, from the first, are under a checkpoint. Those after are protected by the chain alone.
    pub covered: u64,
    /// When the last of these checkpoints was made, in microseconds since 1970-01-01T00:00:00Z.
    pub last_at_us: Option<i64>,
}

/// Verifies a trail against checkpoints and the key that signed them.
///
/// # Errors
/// [`Failure::Found`] with the first thing that is wrong; [`Failure::Unreadable`] when entries cannot be read.
pub fn verify(
    trail: impl IntoIterator<Item = Result<Line, ReadError>>,
    notes: &[Note],
    key: &PublicKey,
) -> Result<Report, Failure> {
    let mut checkpoints = Vec::with_capacity(notes.len());
    for note in notes {
        let checkpoint = note::open(note, key)?;
        check_origin(&checkpoint, checkpoints.first())?;
        checkpoints.push(checkpoint);
    }
    checkpoints.sort_by_key(|checkpoint| checkpoint.size);
    let installation = checkpoints.first().and_then(|first| first.origin.strip_prefix("mayfly/")).map(str::to_owned);
    let walk = Walk { lines: trail.into_iter().peekable(), checkpoints: &checkpoints, installation, at: At::default() };
    walk.run()
}

fn check_origin(checkpoint: &Checkpoint, first: Option<&Checkpoint>) -> Result<(), Finding> {
    match first {
        Some(first) if first.origin != checkpoint.origin => Err(Finding::OtherTrail {
            checkpoint: checkpoint.name.clone(),
            found: checkpoint.origin.clone(),
            expected: first.origin.clone(),
        }),
        _ => Ok(()),
    }
}

/// How far the walk has come.
#[derive(Debug, Clone, Default)]
struct At {
    /// How many entries are in the tree.
    count: u64,
    tree: Tree,
    /// The tree without the last entry.
    before: Tree,
    /// The leaf hash of the last entry; zeros before the first.
    last: Hash,
    /// How many checkpoints fitted.
    fitted: usize,
    /// How many entries they vouch for.
    covered: u64,
    last_at_us: Option<i64>,
}

struct Walk<'a, I: Iterator<Item = Result<Line, ReadError>>> {
    lines: Peekable<I>,
    checkpoints: &'a [Checkpoint],
    installation: Option<String>,
    at: At,
}

impl<I: Iterator<Item = Result<Line, ReadError>>> Walk<'_, I> {
    fn run(mut self) -> Result<Report, Failure> {
        self.check_root()?;
        while let Some(line) = self.lines.next() {
            let entry = self.read(&line?)?;
            if entry.sequence != self.at.count {
                return Err(self.wrong_number(&entry)?.into());
            }
            if entry.previous != self.at.last {
                return Err(self.wrong_link(&entry)?.into());
            }
            self.at.before = self.at.tree.clone();
            self.at.tree.push(entry.leaf);
            self.at.last = entry.leaf;
            self.at.count += 1;
            self.check_root()?;
        }
        if let Some(missed) = self.checkpoints.get(self.at.fitted) {
            return Err(self.cut(missed).into());
        }
        Ok(Report {
            entries: self.at.count,
            checkpoints: self.at.fitted as u64,
            covered: self.at.covered,
            last_at_us: self.at.last_at_us,
        })
    }

    /// Reads an entry and checks what it says by itself.
    fn read(&mut self, line: &Line) -> Result<Entry, Finding> {
        let edited = |why: String| Finding::Edited { sequence: self.at.count, why };
        let entry = entry::parse(&line.bytes).map_err(edited)?;
        if line.leaf.is_some_and(|leaf| leaf != entry.leaf) {
            return Err(edited("it does not have the hash that the store keeps beside it".to_owned()));
        }
        let installation = self.installation.get_or_insert_with(|| entry.installation.clone());
        if *installation != entry.installation {
            return Err(edited(format!("it is of {}, and the trail is of {installation}", entry.installation)));
        }
        Ok(entry)
    }

    /// Holds the tree against the checkpoints of its size.
    fn check_root(&mut self) -> Result<(), Failure> {
        while let Some(checkpoint) = self.checkpoints.get(self.at.fitted) {
            if checkpoint.size != self.at.count {
                return Ok(());
            }
            if checkpoint.root != self.at.tree.root() {
                return Err(self.wrong_root(checkpoint.size, checkpoint.name.clone())?.into());
            }
            self.at.fitted += 1;
            self.at.covered = checkpoint.size;
            self.at.last_at_us = Some(checkpoint.at_us);
        }
        Ok(())
    }

    /// The next entry, if there is one that can be read, without taking it.
    fn next_entry(&mut self) -> Option<Entry> {
        let line = self.lines.peek()?.as_ref().ok()?;
        entry::parse(&line.bytes).ok()
    }

    /// An entry gives itself another number than its place. Whether it was edited, or others were deleted, moved or
    /// doubled, shows in what it follows and in what follows it.
    fn wrong_number(&mut self, entry: &Entry) -> Result<Finding, ReadError> {
        let (place, found) = (self.at.count, entry.sequence);
        if entry.previous == self.at.last {
            let why = format!("it follows the entry before it, but calls itself number {found}");
            return Ok(Finding::Edited { sequence: place, why });
        }
        let mut later = false;
        for line in self.lines.by_ref() {
            later |= entry::parse(&line?.bytes).is_ok_and(|entry| entry.sequence == place);
        }
        Ok(match (found < place, later) {
            (true, _) => Finding::Duplicated { place, sequence: found },
            (false, true) => Finding::Moved { place, found },
            (false, false) => Finding::Deleted { from: place, next: found },
        })
    }

    /// An entry does not have the hash of the one before it: one of the two was edited.
    fn wrong_link(&mut self, entry: &Entry) -> Result<Finding, ReadError> {
        let place = self.at.count;
        let this = |why: &str| Finding::Edited { sequence: place, why: why.to_owned() };
        let Some(before) = place.checked_sub(1) else {
            return Ok(this("it is the first and follows another"));
        };
        let that = |why: &str| Finding::Edited { sequence: before, why: why.to_owned() };
        if self.at.covered == place {
            return Ok(this("it does not have the hash of the entry before, for which a checkpoint vouches"));
        }
        if let Some(next) = self.next_entry() {
            return Ok(if next.previous == entry.leaf {
                that("the entry after it has another hash of it")
            } else {
                this("it fits neither the entry before nor the one after")
            });
        }
        // It is the last: a checkpoint that ends with it tells, once the link is taken as it stands.
        let Some(end) = self.checkpoints.iter().find(|checkpoint| checkpoint.size == place + 1) else {
            return Ok(Finding::OneOfTwoEdited { first: before });
        };
        let mut as_linked = self.at.before.clone();
        as_linked.push(entry.previous);
        as_linked.push(entry.leaf);
        Ok(if as_linked.root() == end.root {
            that("the entry after it has another hash of it, and a checkpoint vouches for that one")
        } else {
            this("it does not have the hash of the entry before")
        })
    }

    /// The entries read so far are not those of a checkpoint, although they are a chain.
    fn wrong_root(&mut self, size: u64, checkpoint: String) -> Result<Finding, ReadError> {
        let from = self.at.covered;
        let rewritten = Finding::Rewritten { checkpoint, size, from };
        let (Some(last), Some(next)) = (size.checked_sub(1), self.next_entry()) else { return Ok(rewritten) };
        if next.sequence != size || next.previous == self.at.last {
            return Ok(rewritten);
        }
        // The next entry remembers another last one; if that fits the checkpoint, only the last one was touched.
        let mut as_linked = self.at.before.clone();
        as_linked.push(next.previous);
        Ok(match self.checkpoints.get(self.at.fitted) {
            Some(checkpoint) if checkpoint.root == as_linked.root() => Finding::Edited {
                sequence: last,
                why: "the entry after it has another hash of it, and a checkpoint vouches for that one".to_owned(),
            },
            _ => rewritten,
        })
    }

    /// There are fewer entries than a checkpoint says. The largest of each kind tells what was done.
    fn cut(&self, missed: &Checkpoint) -> Finding {
        let entries = self.at.count;
        let beyond = &self.checkpoints[self.at.fitted..];
        match beyond.iter().rev().find(|checkpoint| checkpoint.whence == Whence::Store) {
            Some(own) => Finding::Cut { entries, checkpoint: own.name.clone(), size: own.size },
            None => {
                let largest = beyond.last().unwrap_or(missed);
                Finding::RolledBack { entries, checkpoint: largest.name.clone(), size: largest.size }
            }
        }
    }
}
