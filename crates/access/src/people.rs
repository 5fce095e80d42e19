//! Passwords of people: the policy, and their Argon2id hashes. Everything here computes and nothing waits: one hash costs
//! 19 MiB and about 20 ms of a core, so the caller bounds how many run at once.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use mayfly_domain::{Entropy, Secret};
use std::fmt;

/// The shortest password, in characters (NIST SP 800-63B-4 §3.1.1.2: 15 where it is the only factor).
pub const PASSWORD_LEAST: usize = 15;

/// The longest password, in bytes; bounded because it is hashed before anybody has proven anything.
pub const PASSWORD_MOST: usize = 1024;

/// Memory in KiB, passes and lanes of a hash: OWASP's recommendation for Argon2id
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The limits within which a hash that somebody else made is taken: not weaker than OWASP's smallest, and not so costly
/// that a sign-in is a way to stop the server.
const MEMORY_KIB_LEAST: u32 = 7 * 1024;
const MEMORY_KIB_MOST: u32 = 64 * 1024;
const PASSES_MOST: u32 = 10;
const LANES_MOST: u32 = 4;

/// How many blocks are asked of the allocator for a hash that is checked, whatever it costs: 33 MiB. What glibc is asked for
/// above 32 MiB it gives back to the system as soon as it is freed; less than that it comes to keep, a heap for each thread
/// that ever hashed (mallopt(3), `M_MMAP_THRESHOLD`). Memory that is never touched is never there.
const BLOCKS_LEAST: usize = 33 * 1024 * 1024 / Block::SIZE;

/// Checked in place of the hash of a person who does not exist or has none, so that the answer takes as long
/// (SECURITY-CASES 57). It has the parameters above; its output is an arbitrary text whose password nobody knows.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWF5Zmx5IGR1bW15IHNhbA$DUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUM";

/// Why a password or a hash is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Fewer characters than the policy asks for.
    #[error("a password has at least {PASSWORD_LEAST} characters: a few words make a good one")]
    TooShort,
    /// More bytes than are hashed.
    #[error("a password has at most {PASSWORD_MOST} bytes")]
    TooLong,
    /// The text is not an Argon2id hash within the limits.
    #[error(
        "has to be an Argon2id hash (`$argon2id$v=19$…`) with m from {MEMORY_KIB_LEAST} to {MEMORY_KIB_MOST}, t from 1 to {PASSES_MOST} and p from 1 to {LANES_MOST}: make it with `mayfly user passwd`"
    )]
    NotAHash,
    /// The hash function refused its own parameters.
    #[error("the password could not be hashed")]
    Hashing,
}

/// The hash of a password as a PHC string, checked (<https://github.com/P-H-C/phc-string-format>).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

impl PasswordHash {
    /// Takes a PHC string as a hash.
    ///
    /// # Errors
    /// [`PasswordError::NotAHash`] when it is not Argon2id of version 19 with salt and output, or its cost is out of limits.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let hash = phc::PasswordHash::new(text).map_err(|_| PasswordError::NotAHash)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError::NotAHash)?;
        let fits = hash.algorithm.as_str() == "argon2id"
            && hash.version == Some(Version::V0x13.into())
            && hash.salt.is_some()
            && hash.hash.as_ref().is_some_and(|output| output.len() >= 32)
            && (MEMORY_KIB_LEAST..=MEMORY_KIB_MOST).contains(&params.m_cost())
            && (1..=PASSES_MOST).contains(&params.t_cost())
            && (1..=LANES_MOST).contains(&params.p_cost());
        if fits { Ok(Self(text.to_owned())) } else { Err(PasswordError::NotAHash) }
    }

    /// Hashes a new password under a random salt of 128 bits, after the policy.
    ///
    /// # Errors
    /// [`PasswordError::TooShort`] or [`PasswordError::TooLong`].
    pub fn make(password: &Secret, entropy: &mut dyn Entropy) -> Result<Self, PasswordError> {
        check_policy(password)?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Hashing)?;
        let mut salt = [0_u8; 16];
        entropy.fill(&mut salt);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map(|hash| Self(hash.to_string()))
            .map_err(|_| PasswordError::Hashing)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a password may be set: at least 15 characters and at most 1024 bytes. No rule about kinds of characters, as NIST
/// SP 800-63B-4 demands.
///
/// # Errors
/// [`PasswordError::TooShort`] or [`PasswordError::TooLong`].
pub fn check_policy(password: &Secret) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.len() > PASSWORD_MOST {
        return Err(PasswordError::TooLong);
    }
    if text.chars().take(PASSWORD_LEAST).count() < PASSWORD_LEAST {
        return Err(PasswordError::TooShort);
    }
    Ok(())
}

/// Whether `password` is the one that was hashed. `stored` is the person's hash; `None` for a person who does not exist, is
/// disabled or has none: the answer is then `false`, after the same work.
///
/// A text that is no hash is treated as none. A password that is too long is cut for the work and never right.
pub fn verify(password: &Secret, stored: Option<&str>) -> bool {
    let hash = stored.and_then(|text| PasswordHash::parse(text).ok());
    let known = hash.is_some();
    let bytes = password.expose().as_bytes();
    let cut = bytes.get(..PASSWORD_MOST).unwrap_or(bytes);
    let phc = hash.as_ref().map_or(DUMMY, PasswordHash::as_str);
    let right = phc::PasswordHash::new(phc).is_ok_and(|phc| is_of(&phc, cut));
    right & known & (bytes.len() <= PASSWORD_MOST)
}

/// Whether a hash within the limits is of this password; outputs are compared in constant time.
fn is_of(phc: &phc::PasswordHash, password: &[u8]) -> bool {
    let (Ok(params), Some(salt), Some(expected)) = (Params::try_from(phc), &phc.salt, &phc.hash) else { return false };
    let mut output = [0; phc::Output::MAX_LENGTH];
    let Some(output) = output.get_mut(..expected.len()) else { return false };
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks.max(BLOCKS_LEAST));
    memory.resize(blocks, Block::default());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, output, memory)
        .is_ok_and(|()| phc::Output::new(output).is_ok_and(|output| output == *expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(7);
                *byte = self.0;
            }
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn the_right_password_alone_is_right() {
        let hash = PasswordHash::make(&secret("correct horse battery"), &mut Counting(1)).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(verify(&secret("correct horse battery"), Some(hash.as_str())));
        assert!(!verify(&secret("correct horse batterz"), Some(hash.as_str())));
        assert!(!verify(&secret(""), Some(hash.as_str())));
        assert!(!verify(&secret("correct horse battery"), None));
        assert!(!verify(&secret("correct horse battery"), Some("")));
        assert_eq!(PasswordHash::parse(hash.as_str()), Ok(hash));
    }

    /// SECURITY-CASES 57: the dummy is a hash of the same cost as a real one, and nobody's.
    #[test]
    fn an_unknown_person_costs_the_same_work() {
        let dummy = phc::PasswordHash::new(DUMMY).unwrap();
        let params = Params::try_from(&dummy).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert!(PasswordHash::parse(DUMMY).is_ok(), "a dummy that does not parse would cost nothing");
        // Even a password that fits the dummy by chance is refused for an unknown person.
        assert!(!verify(&secret(""), None));
    }

    #[test]
    fn the_policy_counts_characters_and_bounds_bytes() {
        assert_eq!(check_policy(&secret(&"a".repeat(14))), Err(PasswordError::TooShort));
        assert_eq!(check_policy(&secret(&"é".repeat(14))), Err(PasswordError::TooShort));
        assert_eq!(check_policy(&secret(&"é".repeat(15))), Ok(()));
        assert_eq!(check_policy(&secret(&"a".repeat(1024))), Ok(()));
        assert_eq!(check_policy(&secret(&"a".repeat(1025))), Err(PasswordError::TooLong));
    }

    #[test]
    fn a_password_that_is_too_long_is_not_cut_into_the_right_one() {
        let hash = PasswordHash::make(&secret(&"a".repeat(1024)), &mut Counting(1)).unwrap();
        assert!(verify(&secret(&"a".repeat(1024)), Some(hash.as_str())));
        assert!(!verify(&secret(&"a".repeat(1025)), Some(hash.as_str())));
    }

    #[test]
    fn weak_costly_and_foreign_hashes_are_refused() {
        let good = PasswordHash::make(&secret("correct horse battery"), &mut Counting(1)).unwrap();
        let good = good.as_str();
        for bad in [
            "",
            "secret",
            "$2b$12$abcdefghijklmnopqrstuv",
            &good.replace("argon2id", "argon2i"),
            &good.replace("v=19", "v=16"),
            &good.replace("m=19456", "m=64"),
            &good.replace("m=19456", "m=4194304"),
            &good.replace("t=2", "t=1000"),
            &good.replace("p=1", "p=64"),
            &good[..good.len() - 30],
        ] {
            assert_eq!(PasswordHash::parse(bad), Err(PasswordError::NotAHash), "{bad}");
        }
    }
}
