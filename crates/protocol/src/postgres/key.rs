//! The secret with which a query can be cancelled from another connection.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{DecodeError, ProtocolVersion};

/// A cancel key of 4 to 256 bytes. Protocol 3.0 knows only keys of 4 bytes. Wiped when dropped, compared in constant
/// time, and without readable `Debug`: whoever has it can cancel that session's queries.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CancelKey(Vec<u8>);

impl CancelKey {
    /// The shortest key, in bytes, and the only length in protocol 3.0.
    pub const MIN_LEN: usize = 4;
    /// The longest key, in bytes (protocol 3.2).
    pub const MAX_LEN: usize = 256;

    /// A key of these bytes.
    ///
    /// # Errors
    /// [`DecodeError::CancelKey`] if there are fewer than 4 or more than 256.
    pub fn new(bytes: &[u8]) -> Result<Self, DecodeError> {
        if (Self::MIN_LEN..=Self::MAX_LEN).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(DecodeError::CancelKey(bytes.len()))
        }
    }

    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a key of this length exists in that protocol version.
    #[must_use]
    pub fn fits(&self, version: ProtocolVersion) -> bool {
        self.0.len() == Self::MIN_LEN || version.has_long_cancel_keys()
    }
}

impl PartialEq for CancelKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CancelKey {}

impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_limited_and_content_hidden() {
        for len in [0, 3, 257, 10_000] {
            assert_eq!(CancelKey::new(&vec![7; len]), Err(DecodeError::CancelKey(len)));
        }
        let long = CancelKey::new(&[77; 256]).unwrap();
        assert!(long.fits(ProtocolVersion::V3_2) && !long.fits(ProtocolVersion::V3_0));
        assert!(!format!("{long:?}").contains("77"));
        assert_ne!(long, CancelKey::new(&[77; 255]).unwrap());
    }
}
