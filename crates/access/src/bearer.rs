//! What tokens have in common: a prefix by which scanners for secrets find one that was pasted somewhere, the characters of their id,
//! and 256 random bits, of which the hash alone is stored.

use mayfly_domain::{Entropy, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The hexadecimal digits of the random part.
const SECRET_DIGITS: usize = 64;

/// Draws a token. `id` is that of the token without what every id of its kind begins with.
pub(crate) fn draw(prefix: &str, id: &str, entropy: &mut dyn Entropy) -> Secret {
    let secret = Secret::random(entropy);
    // The capacity is exact, so that no half-filled copy stays behind in freed memory.
    let mut text = String::with_capacity(prefix.len() + id.len() + 1 + SECRET_DIGITS);
    text.push_str(prefix);
    text.push_str(id);
    text.push('_');
    text.push_str(secret.expose());
    Secret::new(text)
}

/// The id in a token that somebody shows, without what every id of its kind begins with; `None` when it has not the form of one.
pub(crate) fn id<'a>(prefix: &str, token: &'a Secret) -> Option<&'a str> {
    let (id, secret) = token.expose().strip_prefix(prefix)?.split_once('_')?;
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (secret.len() == SECRET_DIGITS && secret.bytes().all(digit)).then_some(id)
}

/// The hash of a token. It has 256 random bits, so that it needs neither salt nor stretching.
pub(crate) fn hash(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.expose().as_bytes()).into()
}

/// Whether this is the token of that hash, compared in constant time.
pub(crate) fn is(hashed: &[u8; 32], shown: &Secret) -> bool {
    bool::from(hashed.ct_eq(&hash(shown)))
}
