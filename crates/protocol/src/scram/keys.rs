//! The keys of RFC 5802, section 3, and how they come from a password.

use std::{fmt, num::NonZeroU32};

use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::prepare_password;

/// The length of every key, proof and signature, in bytes.
pub(super) const KEY_LEN: usize = 32;

/// Makes one type of key: wiped when dropped, compared in constant time, without readable `Debug`.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; KEY_LEN]);

        impl $name {
            /// The key with these bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
                Self(bytes)
            }

            /// The key's bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

key! {
    /// What a client proves to have. As good as the password for logging in.
    ClientKey
}
key! {
    /// What a server proves to have. With it alone one can pose as the server.
    ServerKey
}
key! {
    /// The hash of the client key, by which a server knows it.
    StoredKey
}

impl ClientKey {
    /// The stored key that belongs to this client key.
    #[must_use]
    pub fn stored_key(&self) -> StoredKey {
        let hash = digest::digest(&digest::SHA256, &self.0);
        StoredKey(array(hash.as_ref()))
    }
}

/// Derives the keys of a password, prepared first as [`prepare_password`] says. Takes time in proportion to
/// `iterations`.
pub(super) fn derive(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> (ClientKey, ServerKey) {
    let password = prepare_password(password);
    let mut salted = Zeroizing::new([0; KEY_LEN]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, &password, &mut *salted);
    (ClientKey(mac(&*salted, &[b"Client Key"])), ServerKey(mac(&*salted, &[b"Server Key"])))
}

/// HMAC-SHA-256 of the parts, one behind the other.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; KEY_LEN] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    array(context.sign().as_ref())
}

/// The bitwise difference of two values: how a proof hides a key, and how it is taken out again.
pub(super) fn xor(mut a: [u8; KEY_LEN], b: &[u8; KEY_LEN]) -> [u8; KEY_LEN] {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
    a
}

/// The bytes of a SHA-256 value as an array.
fn array(bytes: &[u8]) -> [u8; KEY_LEN] {
    let mut array = [0; KEY_LEN];
    array.copy_from_slice(bytes);
    array
}
