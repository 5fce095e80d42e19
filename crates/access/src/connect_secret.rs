//! Connect secrets: what a person gives to a native client in place of a password. One is made on request, shown once, and
//! bound to a person and a record for at most eight hours. Only its verifiers are stored: that of SCRAM, and for records of MySQL and
//! MariaDB also the hash by which old clients prove it.
//!
//! Several of one person and record are valid side by side, so that one terminal does not disturb another. SCRAM allows it because
//! they have the same salt, which is all that the server says of a verifier before the client proves one of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mayfly_domain::{Entropy, InstallationId, PersonName, RecordName, Secret, WallTime};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest validity.
pub const VALID_LONGEST: Duration = Duration::from_secs(8 * 60 * 60);

/// How many of one person and record are valid at once; the oldest goes for a new one.
pub const MOST: u32 = 8;

/// The random bytes of a secret: 24, which are 192 bits and 32 characters.
const SECRET_BYTES: usize = 24;

/// The id of a connect secret: `cs_` and 32 hexadecimal digits. A name for the trail, never a permission.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectSecretId(String);

/// The text is not the id of a connect secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of a connect secret is `cs_` and 32 lower-case hexadecimal digits")]
pub struct ConnectSecretIdError;

impl ConnectSecretId {
    /// Draws a new id.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(format!("cs_{:032x}", entropy.bits()))
    }

    /// Reads an id back.
    ///
    /// # Errors
    /// [`ConnectSecretIdError`] when the text is none.
    pub fn parse(text: &str) -> Result<Self, ConnectSecretIdError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("cs_") {
            Some(rest) if rest.len() == 32 && rest.bytes().all(digit) => Ok(Self(text.to_owned())),
            _ => Err(ConnectSecretIdError),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectSecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectSecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connect secret as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectSecret {
    /// Which one.
    pub id: ConnectSecretId,
    /// Who may use it.
    pub person: PersonName,
    /// For what alone.
    pub record: RecordName,
    /// When it was given out, by our wall clock.
    pub issued: WallTime,
    /// From when on it is refused, by our wall clock.
    pub expires: WallTime,
    /// The SCRAM-SHA-256 verifier, as the protocol crate makes it of the secret.
    pub verifier: String,
    /// SHA1(SHA1(secret)), which `mysql_native_password` needs: where the record is one of MySQL or MariaDB. A secret of 192 random
    /// bits is not found from it, and who has it alone cannot prove the secret.
    pub native: Option<[u8; 20]>,
    /// How many connections it has opened.
    pub used: u64,
    /// When it opened the last one.
    pub last_used: Option<WallTime>,
}

impl fmt::Debug for ConnectSecret {
    /// Without the verifier: it is no password, but a log is no place for it either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectSecret({} {}~{} until {})", self.id, self.person, self.record, self.expires)
    }
}

/// Why a connect secret does not open what is asked. The client is told the same in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectSecretRefusal {
    /// Its time is over.
    #[error("the connect secret has expired: get a new one with `mayfly connect`")]
    Expired,
    /// Its issuing lies in the future: the clock was set back, so its end cannot be trusted.
    #[error("the connect secret was issued in the future: the server's clock was set back; get a new one")]
    NotYetValid,
    /// It belongs to another person or record.
    #[error("the connect secret is for another person or record")]
    NotForThis,
    /// The person was switched off since.
    #[error("the person is disabled")]
    Disabled,
}

/// The salt of every verifier of this person and record, whether there is such a pair or not. It is drawn of nothing and no secret:
/// what it is for, that one guess fits one verifier only, matters for passwords, and a connect secret has 192 random bits.
pub fn salt(installation: &InstallationId, person: &PersonName, record: &RecordName) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in ["mayfly connect secret", installation.as_str(), person.as_str(), record.as_str()] {
        // No part holds a NUL.
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut salt = [0; 16];
    salt.copy_from_slice(digest.finalize().get(..16).unwrap_or_default());
    salt
}

/// Draws the secret itself: 32 characters of `A-Z a-z 0-9 - _` that carry 192 random bits. It is shown once and kept nowhere.
pub fn draw(entropy: &mut dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
    entropy.fill(&mut *bytes);
    let mut encoded = Zeroizing::new([0_u8; 32]);
    let length = URL_SAFE_NO_PAD.encode_slice(bytes.as_slice(), &mut *encoded).unwrap_or(0);
    // The capacity is exact, so that no half-filled copy stays behind in freed memory.
    let mut text = String::with_capacity(32);
    text.extend(encoded.iter().take(length).map(|byte| char::from(*byte)));
    Secret::new(text)
}

impl ConnectSecret {
    /// What is stored of a secret that was just drawn, given its verifier. `valid` is cut to [`VALID_LONGEST`].
    pub fn issue(
        person: PersonName,
        record: RecordName,
        verifier: String,
        valid: Duration,
        now: WallTime,
        entropy: &mut dyn Entropy,
    ) -> Self {
        Self {
            id: ConnectSecretId::random(entropy),
            person,
            record,
            issued: now,
            expires: now.plus(valid.min(VALID_LONGEST)),
            verifier,
            native: None,
            used: 0,
            last_used: None,
        }
    }

    /// Whether it may open `record` for `person` at `now`. The proof over the verifier is the protocol's business and comes
    /// beside this, never instead.
    ///
    /// # Errors
    /// [`ConnectSecretRefusal`] with the reason, for the trail.
    pub fn admits(
        &self,
        person: &PersonName,
        disabled: bool,
        record: &RecordName,
        now: WallTime,
    ) -> Result<(), ConnectSecretRefusal> {
        if *person != self.person || *record != self.record {
            return Err(ConnectSecretRefusal::NotForThis);
        }
        if disabled {
            return Err(ConnectSecretRefusal::Disabled);
        }
        if now < self.issued {
            return Err(ConnectSecretRefusal::NotYetValid);
        }
        // Recomputed from the limit, so that a stored end which is too late does not hold.
        if now >= self.expires.min(self.issued.plus(VALID_LONGEST)) {
            return Err(ConnectSecretRefusal::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(7);
                *byte = self.0;
            }
        }
    }

    fn issued(valid: Duration, now: i64) -> ConnectSecret {
        let (person, record) = (PersonName::parse("alice").unwrap(), RecordName::parse("orders").unwrap());
        let now = WallTime::from_micros(now);
        ConnectSecret::issue(person, record, "SCRAM-SHA-256$x".to_owned(), valid, now, &mut Counting(1))
    }

    #[test]
    fn a_secret_has_32_characters_that_no_uri_escapes() {
        let secret = draw(&mut Counting(3));
        assert_eq!(secret.expose().len(), 32);
        assert!(secret.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_ne!(secret.expose(), draw(&mut Counting(4)).expose());
    }

    #[test]
    fn a_salt_is_of_one_installation_person_and_record() {
        let salt = |installation: char, person: &str, record: &str| {
            let installation = InstallationId::parse(&format!("ins_{}", installation.to_string().repeat(16))).unwrap();
            super::salt(&installation, &PersonName::parse(person).unwrap(), &RecordName::parse(record).unwrap())
        };
        let one = salt('0', "alice", "orders");
        assert_eq!(one, salt('0', "alice", "orders"));
        let others = [salt('1', "alice", "orders"), salt('0', "bob", "orders"), salt('0', "aliceo", "rders")];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn it_opens_one_record_for_one_active_person() {
        let secret = issued(Duration::from_secs(60), 0);
        let (alice, bob) = (PersonName::parse("alice").unwrap(), PersonName::parse("bob").unwrap());
        let (orders, other) = (RecordName::parse("orders").unwrap(), RecordName::parse("other").unwrap());
        let now = WallTime::from_micros(1);
        assert_eq!(secret.admits(&alice, false, &orders, now), Ok(()));
        assert_eq!(secret.admits(&bob, false, &orders, now), Err(ConnectSecretRefusal::NotForThis));
        assert_eq!(secret.admits(&alice, false, &other, now), Err(ConnectSecretRefusal::NotForThis));
        assert_eq!(secret.admits(&alice, true, &orders, now), Err(ConnectSecretRefusal::Disabled));
        assert!(!format!("{secret:?}").contains("SCRAM"));
        assert_eq!(ConnectSecretId::parse(secret.id.as_str()), Ok(secret.id.clone()));
        assert!(ConnectSecretId::parse("cs_ABC").is_err());
    }

    proptest! {
        // SECURITY-CASES 38: no length asked for and no step of the clock passes the cap.
        #[test]
        fn never_longer_than_eight_hours(asked in 0_u64..200_000, start in 0_i64..1_000_000, step in -100_000_000_000_i64..100_000_000_000, stretched: bool) {
            let mut secret = issued(Duration::from_secs(asked), start);
            if stretched {
                secret.expires = WallTime::from_micros(i64::MAX);
            }
            let now = WallTime::from_micros(start + step);
            let admitted = secret.admits(&secret.person, false, &secret.record, now).is_ok();
            let limit = if stretched { 28_800 } else { asked.min(28_800) };
            prop_assert_eq!(admitted, step >= 0 && step < i64::try_from(limit).unwrap() * 1_000_000);
        }
    }
}
