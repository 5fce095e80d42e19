//! The cipher: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), whose 192-bit nonces may be drawn at random. Buffers that
//! hold clear text are wiped and never grow while they do.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use zeroize::Zeroizing;

/// Bytes of a key, a nonce and a tag.
pub(crate) const KEY: usize = 32;
pub(crate) const NONCE: usize = 24;
pub(crate) const TAG: usize = 16;

/// The bytes were not sealed with this key, nonce and associated data, or are too long for the cipher.
#[derive(Debug)]
pub(crate) struct Refused;

/// Seals `clear`; the result is as long, and a tag.
pub(crate) fn seal(key: &[u8; KEY], nonce: &[u8; NONCE], associated: &[u8], clear: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::with_capacity(clear.len() + TAG);
    bytes.extend_from_slice(clear);
    XChaCha20Poly1305::new(key.into()).encrypt_in_place(nonce.into(), associated, &mut bytes).map_err(|_| Refused)?;
    Ok(bytes)
}

/// Opens what [`seal`] made.
pub(crate) fn open(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let mut bytes = Zeroizing::new(sealed.to_vec());
    XChaCha20Poly1305::new(key.into()).decrypt_in_place(nonce.into(), associated, &mut *bytes).map_err(|_| Refused)?;
    Ok(bytes)
}
