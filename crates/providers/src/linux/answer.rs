//! What a script answers: lines `key value` between a greeting and `done`, or `fail` and the reason. A host may answer anything,
//! so whatever is not of that form is no answer.

use super::trouble::Trouble;
use mayfly_dial::ssh::Ran;
use mayfly_domain::WallTime;
use std::collections::BTreeMap;

/// The first line of every answer.
const GREETING: &str = "mayfly 1";

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    lines: Vec<(String, String)>,
}

impl Answer {
    /// Reads what a script left.
    ///
    /// # Errors
    /// [`Trouble::NotBegun`] without a greeting, [`Trouble::Said`] for a reason, [`Trouble::Garbled`] for anything else.
    pub(super) fn read(ran: &Ran) -> Result<Self, Trouble> {
        let text = std::str::from_utf8(&ran.stdout).map_err(|_| Trouble::Garbled)?;
        let mut lines = text.lines();
        match lines.next() {
            Some(GREETING) => {}
            None => return Err(Trouble::NotBegun),
            // Something that the account's shell prints before anything else.
            Some(_) if !text.lines().any(|line| line == GREETING) => return Err(Trouble::NotBegun),
            Some(_) => return Err(Trouble::Garbled),
        }
        let mut answer = Self::default();
        for line in lines.by_ref() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            match key {
                "done" if value.is_empty() => {
                    return if lines.next().is_none() { Ok(answer) } else { Err(Trouble::Garbled) };
                }
                "fail" => return Err(Trouble::Said(value.to_owned())),
                _ => answer.lines.push((key.to_owned(), value.to_owned())),
            }
        }
        Err(Trouble::Garbled)
    }

    /// The value of a key that may be missing.
    pub(super) fn maybe(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The value of a key.
    pub(super) fn text(&self, key: &str) -> Result<&str, Trouble> {
        self.maybe(key).ok_or(Trouble::Garbled)
    }

    /// The number that stands behind a key.
    pub(super) fn number<N: std::str::FromStr>(&self, key: &str) -> Result<N, Trouble> {
        self.text(key)?.parse().map_err(|_| Trouble::Garbled)
    }

    /// Whether a key says yes; one that is missing does not.
    pub(super) fn yes(&self, key: &str) -> bool {
        self.maybe(key) == Some("yes")
    }

    /// The host's clock when it answered.
    pub(super) fn now(&self) -> Result<WallTime, Trouble> {
        self.number("now").map(WallTime::from_micros)
    }

    /// The digests that a script took of what only root can change, by kind.
    pub(super) fn states(&self) -> Result<BTreeMap<String, String>, Trouble> {
        let pair = |line: &str| {
            let (kind, digest) = line.split_once(' ')?;
            let hex = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            hex.then(|| (kind.to_owned(), digest.to_owned()))
        };
        self.all("state").map(|line| pair(line).ok_or(Trouble::Garbled)).collect()
    }

    /// Every value of a key, in order.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stdout: &[u8]) -> Result<Answer, Trouble> {
        Answer::read(&Ran { status: Some(0), stdout: stdout.to_vec(), stderr: Vec::new() })
    }

    #[test]
    fn a_complete_answer_is_read() {
        let answer = read(b"mayfly 1\nuid 65536\nkept /tmp/a b\nkept /tmp/c\nnow 5\ndone\n").unwrap();
        assert_eq!(answer.number::<u32>("uid").unwrap(), 65_536);
        assert_eq!(answer.all("kept").collect::<Vec<_>>(), ["/tmp/a b", "/tmp/c"]);
        assert_eq!(answer.now().unwrap(), WallTime::from_micros(5));
        assert!(!answer.yes("left"));
    }

    #[test]
    fn anything_else_is_no_answer() {
        assert_eq!(read(b"").unwrap_err(), Trouble::NotBegun);
        assert_eq!(read(b"Welcome!\n").unwrap_err(), Trouble::NotBegun);
        assert_eq!(read(b"Welcome!\nmayfly 1\ndone\n").unwrap_err(), Trouble::Garbled);
        assert_eq!(read(b"mayfly 1\nuid 1\n").unwrap_err(), Trouble::Garbled);
        assert_eq!(read(b"mayfly 1\ndone\nmore\n").unwrap_err(), Trouble::Garbled);
        assert_eq!(read(b"mayfly 1\n\xff\ndone\n").unwrap_err(), Trouble::Garbled);
        assert_eq!(read(b"mayfly 1\nfail late\n").unwrap_err(), Trouble::Said("late".to_owned()));
        assert_eq!(read(b"mayfly 1\nuid x\ndone\n").unwrap().number::<u32>("uid").unwrap_err(), Trouble::Garbled);
    }
}
