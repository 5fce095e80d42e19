//! A long stream, such as a backup, sealed under a key of its own that the installation's key seals. It is cut into pieces, each
//! sealed with its number and whether it is the last one (the STREAM construction, <https://eprint.iacr.org/2015/189>), so that none
//! can be altered, left out, moved or cut off unseen.

use crate::aead::{self, KEY, NONCE, TAG};
use crate::error::VaultError;
use crate::key::Fingerprint;
use crate::vault::Vault;
use mayfly_domain::Entropy;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// What a sealed stream begins with.
const MAGIC: &[u8; 16] = b"mayfly sealed 1\n";
/// Clear bytes in a piece.
const PIECE: usize = 64 << 10;
/// The magic, the fingerprint of the installation's key, a nonce, and the sealed key of the stream.
const HEAD: usize = MAGIC.len() + 8 + NONCE + KEY + TAG;

/// Seals what is written to it. Nothing that reads it later takes it for whole before [`SealingWriter::finish`].
pub struct SealingWriter<W> {
    to: W,
    key: Zeroizing<[u8; KEY]>,
    clear: Zeroizing<Vec<u8>>,
    number: u32,
}

/// Opens what a [`SealingWriter`] wrote. Every byte that it gives out was verified; only its end says that it was all.
pub struct OpeningReader<R> {
    from: R,
    key: Zeroizing<[u8; KEY]>,
    clear: Zeroizing<Vec<u8>>,
    given: usize,
    number: u32,
    ended: bool,
}

impl Vault {
    /// Begins a sealed stream, with a key and a nonce from `entropy`.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn seal_stream<W: Write>(&self, mut to: W, entropy: &mut dyn Entropy) -> io::Result<SealingWriter<W>> {
        let (mut key, mut nonce) = (Zeroizing::new([0_u8; KEY]), [0_u8; NONCE]);
        entropy.fill(&mut *key);
        entropy.fill(&mut nonce);
        let named = [MAGIC.as_slice(), &self.fingerprint().0].concat();
        let sealed = aead::seal(self.key().bytes(), &nonce, &named, &*key).map_err(|_| unsealable())?;
        to.write_all(&[named.as_slice(), &nonce, &sealed].concat())?;
        Ok(SealingWriter { to, key, clear: Zeroizing::new(Vec::with_capacity(PIECE)), number: 0 })
    }

    /// Opens a sealed stream.
    ///
    /// # Errors
    /// [`VaultError::NotSealed`] when it is none, [`VaultError::WrongKey`] when another key is needed, [`VaultError::Tampered`].
    pub fn open_stream<R: Read>(&self, mut from: R) -> Result<OpeningReader<R>, VaultError> {
        let mut head = [0_u8; HEAD];
        from.read_exact(&mut head).map_err(|_| VaultError::NotSealed)?;
        let (named, rest) = head.split_at(MAGIC.len() + 8);
        let (nonce, sealed) = rest.split_at(NONCE);
        let (magic, fingerprint) = named.split_at(MAGIC.len());
        let (Ok(fingerprint), Ok(nonce)) = (fingerprint.try_into(), nonce.try_into()) else {
            return Err(VaultError::NotSealed);
        };
        if magic != MAGIC {
            return Err(VaultError::NotSealed);
        }
        let (expected, found) = (Fingerprint(fingerprint), self.fingerprint());
        if expected != found {
            return Err(VaultError::WrongKey { expected, found });
        }
        let opened = aead::open(self.key().bytes(), nonce, named, sealed).map_err(|_| VaultError::Tampered)?;
        let mut key = Zeroizing::new([0_u8; KEY]);
        key.copy_from_slice(opened.get(..KEY).ok_or(VaultError::Tampered)?);
        Ok(OpeningReader { from, key, clear: Zeroizing::default(), given: 0, number: 0, ended: false })
    }
}

fn unsealable() -> io::Error {
    io::Error::other("the stream is too long to be sealed")
}

/// The nonce of a piece: its number, and 1 for the last. The key is the stream's own, so that no nonce is used twice.
fn nonce(number: u32, last: bool) -> [u8; NONCE] {
    let mut nonce = [0_u8; NONCE];
    nonce[NONCE - 5..NONCE - 1].copy_from_slice(&number.to_be_bytes());
    nonce[NONCE - 1] = u8::from(last);
    nonce
}

impl<W: Write> SealingWriter<W> {
    fn piece(&mut self, last: bool) -> io::Result<()> {
        let sealed = aead::seal(&self.key, &nonce(self.number, last), &[], &self.clear).map_err(|_| unsealable())?;
        self.number = self.number.checked_add(1).ok_or_else(unsealable)?;
        self.clear.clear();
        self.to.write_all(&sealed)
    }

    /// Seals the last piece, and gives back what was written to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.piece(true)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece is sealed only when more follows: the last one, full or not, is sealed as the last.
        if self.clear.len() == PIECE {
            self.piece(false)?;
        }
        let taken = bytes.len().min(PIECE - self.clear.len());
        self.clear.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<R: Read> OpeningReader<R> {
    fn piece(&mut self) -> io::Result<()> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("piece {}: {what}", self.number));
        let mut sealed = Vec::with_capacity(PIECE + TAG);
        self.from.by_ref().take((PIECE + TAG) as u64).read_to_end(&mut sealed)?;
        if sealed.is_empty() {
            return Err(broken("the end is missing"));
        }
        // Only the last piece is shorter, and it may be full too: what is not the one has to be the other.
        let opened = aead::open(&self.key, &nonce(self.number, false), &[], &sealed);
        self.clear = match opened {
            Ok(clear) => clear,
            Err(_) => {
                let clear = aead::open(&self.key, &nonce(self.number, true), &[], &sealed);
                self.ended = true;
                clear.map_err(|_| broken("it was altered, or something is missing before it"))?
            }
        };
        if self.ended && self.from.by_ref().take(1).read_to_end(&mut Vec::new())? > 0 {
            return Err(broken("something follows the end"));
        }
        (self.given, self.number) = (0, self.number.checked_add(1).ok_or_else(unsealable)?);
        Ok(())
    }
}

impl<R: Read> Read for OpeningReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.clear.len() {
            if self.ended {
                return Ok(0);
            }
            self.piece()?;
        }
        let given = bytes.len().min(self.clear.len() - self.given);
        bytes[..given].copy_from_slice(&self.clear[self.given..self.given + given]);
        self.given += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::InstallationKey;

    /// Counts up, so that a failing test can be run again.
    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(17);
                *byte = self.0;
            }
        }
    }

    fn vault(seed: u8) -> Vault {
        Vault::new(InstallationKey::generate(&mut Counting(seed)))
    }

    fn sealed(clear: &[u8]) -> Vec<u8> {
        let mut writer = vault(1).seal_stream(Vec::new(), &mut Counting(9)).unwrap();
        writer.write_all(clear).unwrap();
        writer.finish().unwrap()
    }

    fn opened(sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut clear = Vec::new();
        vault(1).open_stream(sealed).map_err(io::Error::other)?.read_to_end(&mut clear)?;
        Ok(clear)
    }

    #[test]
    fn what_is_sealed_opens_whatever_its_length() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let clear: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let sealed = sealed(&clear);
            assert_eq!(opened(&sealed).unwrap(), clear, "{length}");
            assert!(length < 32 || !sealed.windows(32).any(|window| clear.starts_with(window)));
        }
    }

    #[test]
    fn nothing_can_be_altered_left_out_moved_or_cut_off() {
        let whole = sealed(&vec![7; 2 * PIECE + 100]);
        for at in [0, MAGIC.len(), MAGIC.len() + 9, HEAD - 1, HEAD, HEAD + PIECE + TAG, whole.len() - 1] {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            assert!(opened(&altered).is_err(), "byte {at}");
        }
        let piece = HEAD..HEAD + PIECE + TAG;
        let without = [&whole[..piece.start], &whole[piece.end..]].concat();
        let swapped = [
            &whole[..HEAD],
            &whole[piece.end..piece.end + piece.len()],
            &whole[piece.clone()],
            &whole[piece.end + piece.len()..],
        ];
        let longer = [whole.as_slice(), b"x"].concat();
        let cut = [&whole[..HEAD], &whole[..whole.len() - 1], &whole[..piece.end], &whole[..piece.end + piece.len()]];
        let others = [without, swapped.concat(), longer];
        for wrong in others.iter().map(Vec::as_slice).chain(cut) {
            assert!(opened(wrong).is_err(), "{} bytes", wrong.len());
        }
    }

    #[test]
    fn another_key_is_named() {
        let sealed = sealed(b"clear");
        let (expected, found) = (vault(1).fingerprint(), vault(2).fingerprint());
        assert_eq!(vault(2).open_stream(&sealed[..]).err(), Some(VaultError::WrongKey { expected, found }));
        assert_eq!(vault(1).open_stream(&b"SQLite format 3"[..]).err(), Some(VaultError::NotSealed));
    }
}
