//! Checkpoints (docs/audit-format.md §3): signed notes, read and held against the key.

use crate::finding::Finding;
use crate::key::PublicKey;
use crate::tree::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Where a checkpoint was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// In the store itself: it says nothing about a store that was put back as a whole.
    Store,
    /// In the directory outside, or wherever that was shipped to.
    Outside,
}

/// A signed note as it was found, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The whole note: text, empty line, signature lines.
    pub text: String,
    /// What to call it in a finding, for example `checkpoints-2026-11-24.txt, note 3`.
    pub name: String,
    /// Where it was found.
    pub whence: Whence,
}

/// A checkpoint whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) at_us: i64,
    pub(crate) name: String,
    pub(crate) whence: Whence,
}

/// Believes a note if the key signed it.
///
/// # Errors
/// [`Finding::Forged`] when it did not, or when what it signed is no checkpoint.
pub(crate) fn open(note: &Note, key: &PublicKey) -> Result<Checkpoint, Finding> {
    let forged = |why: &str| Finding::Forged { checkpoint: note.name.clone(), why: why.to_owned() };
    let split = note.text.rfind("\n\n").ok_or_else(|| forged("it is no signed note"))?;
    let (text, signatures) = (&note.text[..=split], &note.text[split + 2..]);
    check_signature(text, signatures, key).map_err(forged)?;
    let mut lines = text.lines();
    let mut line = |what: &str| lines.next().ok_or_else(|| forged(&format!("it has no {what}")));
    let origin = line("origin")?.to_owned();
    let size = line("size")?;
    let size = decimal(size).ok_or_else(|| forged("its size is no number"))?;
    let root = STANDARD.decode(line("root")?).ok().and_then(|bytes| bytes.try_into().ok());
    let root = root.ok_or_else(|| forged("its root is no hash"))?;
    let time = line("time")?.strip_prefix("at_us ").and_then(|time| time.parse().ok());
    let at_us = time.ok_or_else(|| forged("its time is no number"))?;
    Ok(Checkpoint { origin, size, root, at_us, name: note.name.clone(), whence: note.whence })
}

/// A number as checkpoints write it: decimal, no sign, no leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// The first line that names our key decides; lines of other keys (of witnesses) say nothing here.
fn check_signature(text: &str, signatures: &str, key: &PublicKey) -> Result<(), &'static str> {
    for line in signatures.lines() {
        let (name, encoded) = line
            .strip_prefix("\u{2014} ")
            .and_then(|line| line.split_once(' '))
            .ok_or("one of its signature lines is malformed")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "one of its signature lines is malformed")?;
        let Some((hash, signature)) = bytes.split_first_chunk::<4>() else {
            return Err("one of its signature lines is malformed");
        };
        if *hash == key.hash(name) {
            let signature = signature.try_into().map_err(|_| "its signature has a wrong length")?;
            return if key.signed(text.as_bytes(), signature) { Ok(()) } else { Err("its signature is wrong") };
        }
    }
    Err("it is signed by another key")
}

/// Splits a file of notes, each followed by an empty line. A note torn at the end is left out.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut notes = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_first(rest) {
        let (note, after) = rest.split_at(end);
        notes.push(note);
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    notes
}

fn end_of_first(text: &str) -> Option<usize> {
    let signatures = text.find("\n\n")? + 2;
    Some(signatures + text[signatures..].find("\n\n")? + 1)
}
