//! The password in clear, as `caching_sha2_password` sends it through TLS: its bytes and a zero byte.

use zeroize::Zeroizing;

use crate::mysql::{DecodeError, EncodeError, read::Reader};

/// The longest password, in bytes: MySQL's own limit for this plugin.
pub const MAX_PASSWORD_LEN: usize = 256;

/// Whether a client could send this password.
pub(super) fn check(password: &[u8]) -> Result<(), EncodeError> {
    if password.contains(&0) {
        Err(EncodeError::Nul)
    } else if password.len() > MAX_PASSWORD_LEN {
        Err(EncodeError::TooLong)
    } else {
        Ok(())
    }
}

/// The payload with the password.
pub(super) fn encode(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut payload = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    payload.extend_from_slice(password);
    payload.push(0);
    payload
}

/// The password of a payload.
pub(super) fn decode(payload: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let mut reader = Reader::new(payload);
    let password = reader.cstr(MAX_PASSWORD_LEN)?;
    reader.end()?;
    Ok(Zeroizing::new(password.to_vec()))
}
