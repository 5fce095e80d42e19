//! The recovery key: 160 random bits that people write down, with which a lost key of the installation is opened again. Its
//! text form is made to be read aloud and typed: nine groups of four characters, the last of which is a checksum.

use crate::envelope::Sealed;
use crate::error::VaultError;
use crate::key::{Fingerprint, InstallationKey, KeyText, KeyTextError};
use crate::slot::Slot;
use crate::vault::Vault;
use mayfly_domain::{Entropy, Secret, crockford};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of the key, characters that carry them, and characters of the checksum.
const KEY: usize = 20;
const CHARACTERS: usize = 32;
const CHECK: usize = 4;

/// What stands in front of the key when the checksum is taken, and when the key that seals is.
const CHECK_DOMAIN: &[u8] = b"mayfly recovery key checksum v1\0";
const KEY_DOMAIN: &[u8] = b"mayfly recovery key v1\0";

/// The recovery key. It has no printable form but [`RecoveryKey::to_text`], and is wiped from memory when it is dropped.
pub struct RecoveryKey(Zeroizing<[u8; KEY]>);

/// What was typed is no recovery key. What was typed is not repeated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryTextError {
    /// It is too short or too long.
    #[error("a recovery key is nine groups of four characters, {CHARACTERS} and {CHECK} together: this has {0}")]
    Length(usize),
    /// It has a character that none has.
    #[error("a recovery key has only digits and letters, and no u: character {0} is another one")]
    Character(usize),
    /// The last group does not go with those before it.
    #[error("the last group does not go with the others: a character is mistyped, or two changed places")]
    Checksum,
}

impl RecoveryKey {
    /// Makes a new key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; KEY]);
        entropy.fill(&mut *bytes);
        Self(bytes)
    }

    /// Reads what somebody typed: groups may be separated by anything of spaces and `-`, letters may be capital, and `o`, `i`
    /// and `l` are taken for the digits that they look like.
    ///
    /// # Errors
    /// [`RecoveryTextError`] that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RecoveryTextError> {
        let typed = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        let typed: Zeroizing<Vec<char>> = Zeroizing::new(typed.take(4 * CHARACTERS).collect());
        if typed.len() != CHARACTERS + CHECK {
            return Err(RecoveryTextError::Length(typed.len()));
        }
        let mut key = Zeroizing::new([0_u8; KEY]);
        let mut check = 0_u32;
        let mut bits = Zeroizing::new(0_u64);
        for (place, letter) in typed.iter().enumerate() {
            let digit = crockford::digit(*letter).ok_or(RecoveryTextError::Character(place + 1))?;
            if place >= CHARACTERS {
                check = check << 5 | u32::from(digit);
                continue;
            }
            *bits = *bits << 5 | u64::from(digit);
            // Eight characters are five bytes.
            if place % 8 == 7 {
                let at = place / 8 * 5;
                key.iter_mut().skip(at).zip(bits.to_be_bytes().iter().skip(3)).for_each(|(to, from)| *to = *from);
                *bits = 0;
            }
        }
        let key = Self(key);
        if key.check() == check { Ok(key) } else { Err(RecoveryTextError::Checksum) }
    }

    /// The key as people write it down: nine groups of four characters.
    pub fn to_text(&self) -> Secret {
        let mut text = String::with_capacity(CHARACTERS + CHECK + 8);
        for chunk in self.0.chunks_exact(5) {
            let bits = chunk.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
            let letters = Zeroizing::new(crockford::encode(bits, 8));
            text.extend(letters.chars().take(4));
            text.push('-');
            text.extend(letters.chars().skip(4));
            text.push('-');
        }
        text.push_str(&crockford::encode(u128::from(self.check()), 4));
        Secret::new(text)
    }

    /// The name of this key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.sealing().fingerprint()
    }

    /// Seals what is to be recovered with this key.
    ///
    /// # Errors
    /// [`VaultError::TooLong`] above 64 KiB.
    pub fn seal(&self, slot: &Slot<'_>, secret: &Secret, entropy: &mut dyn Entropy) -> Result<Sealed, VaultError> {
        Vault::new(self.sealing()).seal(slot, secret, entropy)
    }

    /// Opens what was sealed with this key.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] with both names when another recovery key sealed it, and whatever else the vault says.
    pub fn open(&self, slot: &Slot<'_>, sealed: &Sealed) -> Result<Secret, VaultError> {
        Vault::new(self.sealing()).open(slot, sealed)
    }

    /// The first 20 bits of a hash of the key.
    fn check(&self) -> u32 {
        let digest = hash(CHECK_DOMAIN, &self.0);
        digest.iter().take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) >> 4
    }

    /// The key of the cipher. 160 random bits need no stretching.
    fn sealing(&self) -> InstallationKey {
        InstallationKey::of_bytes(hash(KEY_DOMAIN, &self.0))
    }
}

fn hash(domain: &[u8], key: &[u8; KEY]) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(domain);
    hash.update(key);
    Zeroizing::new(hash.finalize().into())
}

impl KeyText for RecoveryKey {
    fn parse(text: &str) -> Result<Self, KeyTextError> {
        Self::parse(text).map_err(|error| KeyTextError::NotRecovery(error.to_string()))
    }

    fn to_text(&self) -> Secret {
        self.to_text()
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0;
                self.0 = self.0.wrapping_mul(31).wrapping_add(17);
            }
        }
    }

    /// Golden: a change would make every recovery key that was written down worthless.
    #[test]
    fn the_text_of_a_key_is_this_and_reads_back() {
        let key = RecoveryKey::generate(&mut Counting(1));
        let text = key.to_text();
        assert_eq!(text.expose(), "04re-2m61-e2gs-10dg-c784-3w11-200k-1rag-1qmg");
        assert_eq!(RecoveryKey::parse(text.expose()).unwrap().fingerprint(), key.fingerprint());
        let typed =
            format!("  {}\n", text.expose().to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l"));
        assert_eq!(RecoveryKey::parse(&typed).unwrap().fingerprint(), key.fingerprint());
        assert!(!format!("{key:?}").contains(&text.expose()[..4]));
    }

    #[test]
    fn every_single_slip_is_noticed() {
        let text = RecoveryKey::generate(&mut Counting(1)).to_text();
        let letters: Vec<char> = text.expose().chars().filter(|letter| *letter != '-').collect();
        let refused = |letters: &[char]| RecoveryKey::parse(&letters.iter().collect::<String>()).unwrap_err();
        for place in 0..letters.len() {
            let mut wrong = letters.clone();
            wrong[place] = if wrong[place] == '7' { '8' } else { '7' };
            assert_eq!(refused(&wrong), RecoveryTextError::Checksum, "{place}");
            let mut swapped = letters.clone();
            let other = (place + 1) % letters.len();
            swapped.swap(place, other);
            if swapped != letters {
                assert_eq!(refused(&swapped), RecoveryTextError::Checksum, "{place}");
            }
        }
        assert_eq!(refused(&letters[1..]), RecoveryTextError::Length(35));
        assert_eq!(refused(&['0'; 400]), RecoveryTextError::Length(128));
        let mut wrong = letters.clone();
        wrong[3] = 'u';
        assert_eq!(refused(&wrong), RecoveryTextError::Character(4));
    }

    #[test]
    fn what_it_seals_opens_with_it_alone() {
        let slot = Slot { table: "recovery", row: "ins", column: "keys", destination: None, owner: None };
        let (key, other) = (RecoveryKey::generate(&mut Counting(1)), RecoveryKey::generate(&mut Counting(2)));
        let sealed = key.seal(&slot, &Secret::new("s".to_owned()), &mut Counting(3)).unwrap();
        assert_eq!(key.open(&slot, &sealed).unwrap().expose(), "s");
        let (expected, found) = (key.fingerprint(), other.fingerprint());
        assert_eq!(other.open(&slot, &sealed).unwrap_err(), VaultError::WrongKey { expected, found });
    }
}
