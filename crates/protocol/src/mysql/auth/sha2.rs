//! `caching_sha2_password`: the answer is SHA256(password) ⊕ SHA256(SHA256(SHA256(password)) ‖ nonce).

use ring::digest::SHA256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Nonce, Salt, clear, crypt::sha256_crypt, hash, verifier, xor};
use crate::mysql::EncodeError;

/// The length of SHA-256's output, in bytes.
const LEN: usize = 32;

/// How many thousand rounds a stored password has: the least that MySQL takes, which is enough for a password of 256 random
/// bits.
const THOUSAND_ROUNDS: u32 = 5;

/// How long a stored password is, in bytes.
const TEXT_LEN: usize = 70;

verifier! {
    /// What a server has of users that it knows: SHA256(SHA256(password)). It has neither salt nor cost, so that it is
    /// good only for passwords that nobody can guess.
    CachingSha2Verifier, LEN
}

impl CachingSha2Verifier {
    /// The verifier of a password.
    #[must_use]
    pub fn from_password(password: &[u8]) -> Self {
        Self(hash(&SHA256, &[&*stage1(password)]))
    }

    /// Whether the answer proves the password. Never for an empty one, which stands for the empty password.
    #[must_use]
    pub fn accepts(&self, nonce: &Nonce, response: &[u8]) -> bool {
        let Ok(response) = <[u8; LEN]>::try_from(response) else { return false };
        let stage1 = Zeroizing::new(xor(response, &mask(nonce, &self.0)));
        let stage2: [u8; LEN] = hash(&SHA256, &[&*stage1]);
        stage2.as_slice().ct_eq(&self.0).into()
    }
}

/// What MySQL keeps of a password, as it stands in `IDENTIFIED WITH caching_sha2_password AS '…'`: `$A$005$`, the salt, and
/// 43 characters of SHA-256 crypt. All characters are safe within a quoted literal, and none is `$` behind the prefix.
/// MySQL may also be given it as a hexadecimal literal. It takes a millisecond.
///
/// # Errors
/// [`EncodeError::Nul`] or [`EncodeError::TooLong`] for a password that no client could send in clear.
pub fn authentication_string(password: &[u8], salt: &Salt) -> Result<Zeroizing<String>, EncodeError> {
    clear::check(password)?;
    let characters = sha256_crypt(password, &salt.0, 1000 * THOUSAND_ROUNDS);
    // Long enough from the beginning, so that no copy is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN));
    text.push_str(&format!("$A${THOUSAND_ROUNDS:03X}$"));
    // Everything is ASCII, so that each byte is a character.
    text.extend(salt.0.iter().chain(&*characters).copied().map(char::from));
    Ok(text)
}

/// The answer of a client that knows the password.
pub(super) fn respond(password: &[u8], nonce: &Nonce) -> [u8; LEN] {
    let stage1 = stage1(password);
    let stage2 = Zeroizing::new(hash::<LEN>(&SHA256, &[&*stage1]));
    xor(*stage1, &mask(nonce, &stage2))
}

fn stage1(password: &[u8]) -> Zeroizing<[u8; LEN]> {
    Zeroizing::new(hash(&SHA256, &[password]))
}

/// What hides the first hash on the wire.
fn mask(nonce: &Nonce, stage2: &[u8; LEN]) -> [u8; LEN] {
    hash(&SHA256, &[stage2, nonce.as_bytes()])
}
