//! The memory of a running process, looked through from outside as whoever stole it would.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;

/// How much is read at once, and how much of it is looked at twice, so that nothing hides across an edge.
const CHUNK: usize = 1 << 20;
const OVERLAP: usize = 4096;

/// Gives every writable piece of the memory of the process `pid` to `look`. What is unmapped meanwhile is left out.
///
/// # Errors
/// When there is no such process, or this one may not look into it.
pub fn scan(pid: u32, mut look: impl FnMut(&[u8])) -> Result<()> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut buffer = vec![0; CHUNK];
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().context("a range")?, fields.next().context("rights")?);
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').context("a range")?;
        let (mut at, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        while at < to {
            let wanted = usize::try_from(to - at)?.min(CHUNK);
            let read = match memory.read_at(&mut buffer[..wanted], at) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error.into()),
                Err(_) => break,
            };
            look(&buffer[..read]);
            at += if read > OVERLAP { read - OVERLAP } else { read } as u64;
            if read <= OVERLAP || at + OVERLAP as u64 >= to {
                break;
            }
        }
    }
    Ok(())
}

/// How often any of these stands in the memory of a process, counting what stands across the edge of two reads once or twice.
///
/// # Errors
/// As [`scan`].
pub fn count(pid: u32, needles: &[Vec<u8>]) -> Result<usize> {
    let mut found = 0;
    scan(pid, |bytes| found += needles.iter().map(|needle| occurrences(bytes, needle)).sum::<usize>())?;
    Ok(found)
}

/// How often `needle` stands in `bytes`.
pub fn occurrences(bytes: &[u8], needle: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, needle).count()
}

/// Everything in the memory of a process that has the form of an account's password (`Secret::password`): three kinds of characters
/// and 64 lower-case hexadecimal digits.
///
/// # Errors
/// As [`scan`].
pub fn passwords(pid: u32) -> Result<BTreeSet<String>> {
    const KINDS: &[u8] = b"Mf1";
    const DIGITS: usize = 64;
    let mut found = BTreeSet::new();
    scan(pid, |bytes| {
        for at in memchr::memmem::find_iter(bytes, KINDS) {
            let Some(text) = bytes.get(at..at + KINDS.len() + DIGITS) else { continue };
            if text[KINDS.len()..].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                found.insert(String::from_utf8_lossy(text).into_owned());
            }
        }
    })?;
    Ok(found)
}
