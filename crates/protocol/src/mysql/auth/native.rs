//! `mysql_native_password`: the answer is SHA1(password) ⊕ SHA1(nonce ‖ SHA1(SHA1(password))).

use ring::digest::SHA1_FOR_LEGACY_USE_ONLY as SHA1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Nonce, hash, verifier, xor};

/// The length of SHA-1's output, in bytes.
const LEN: usize = 20;

verifier! {
    /// What a server keeps: SHA1(SHA1(password)). It has neither salt nor cost, so that it is good only for passwords
    /// that nobody can guess.
    NativeVerifier, LEN
}

impl NativeVerifier {
    /// The verifier of a password.
    #[must_use]
    pub fn from_password(password: &[u8]) -> Self {
        Self(hash(&SHA1, &[&*stage1(password)]))
    }

    /// The form in which it stands in SQL, as in `IDENTIFIED VIA mysql_native_password USING '…'` or `IDENTIFIED WITH
    /// mysql_native_password AS '…'`: an asterisk and 40 hexadecimal digits.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = String::with_capacity(1 + 2 * LEN);
        text.push('*');
        for byte in self.0 {
            for digit in [byte >> 4, byte & 0x0f] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default().to_ascii_uppercase());
            }
        }
        Zeroizing::new(text)
    }

    /// Whether the answer proves the password. Never for an empty one, which stands for the empty password.
    #[must_use]
    pub fn accepts(&self, nonce: &Nonce, response: &[u8]) -> bool {
        let Ok(response) = <[u8; LEN]>::try_from(response) else { return false };
        let stage1 = Zeroizing::new(xor(response, &mask(nonce, &self.0)));
        let stage2: [u8; LEN] = hash(&SHA1, &[&*stage1]);
        stage2.as_slice().ct_eq(&self.0).into()
    }
}

/// The answer of a client that knows the password.
pub(super) fn respond(password: &[u8], nonce: &Nonce) -> [u8; LEN] {
    let stage1 = stage1(password);
    let stage2 = Zeroizing::new(hash::<LEN>(&SHA1, &[&*stage1]));
    xor(*stage1, &mask(nonce, &stage2))
}

fn stage1(password: &[u8]) -> Zeroizing<[u8; LEN]> {
    Zeroizing::new(hash(&SHA1, &[password]))
}

/// What hides the first hash on the wire.
fn mask(nonce: &Nonce, stage2: &[u8; LEN]) -> [u8; LEN] {
    hash(&SHA1, &[nonce.as_bytes(), stage2])
}
