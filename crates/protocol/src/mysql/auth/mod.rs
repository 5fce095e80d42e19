//! Proving a password: `mysql_native_password` and `caching_sha2_password`, both sides (MySQL source documentation, page
//! "Authentication Methods"; MariaDB documentation, pages of the plugins).
//!
//! Both hide a hash of the password behind a hash of the server's nonce, and a server keeps the hash of that hash. Who
//! has heard one exchange and read the server's hash can log in, so that both belong inside TLS. Neither proves the
//! server to the client: only TLS does.
//!
//! `caching_sha2_password` of a real server keeps a slow hash, and knows the fast one only of users that have logged in
//! before. Of all others it asks for the password in clear, which [`Client`] gives away only through TLS. A [`Server`] can
//! do the same, for callers that keep a hash of their own.

mod clear;
mod client;
mod crypt;
mod error;
mod native;
mod nonce;
mod server;
mod sha2;

pub use clear::MAX_PASSWORD_LEN;
pub use client::{Client, ClientStep};
pub use error::AuthError;
pub use native::NativeVerifier;
pub use nonce::{Nonce, Salt};
pub use server::{Expected, Server, ServerStep};
pub use sha2::{CachingSha2Verifier, authentication_string};

/// The longest name of a plugin, in bytes.
pub const MAX_PLUGIN_LEN: usize = 64;

/// The plugins that are spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPlugin {
    /// `mysql_native_password`: SHA-1. What MariaDB has, and MySQL up to 8.4; the client of MySQL 9 cannot do it any more.
    NativePassword,
    /// `caching_sha2_password`: SHA-256. What MySQL has, and the clients of MariaDB have too.
    CachingSha2Password,
}

impl AuthPlugin {
    /// The name on the wire and in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NativePassword => "mysql_native_password",
            Self::CachingSha2Password => "caching_sha2_password",
        }
    }

    /// The plugin with this name. The empty name stands for the plugin of servers and clients that name none.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"" | b"mysql_native_password" => Some(Self::NativePassword),
            b"caching_sha2_password" => Some(Self::CachingSha2Password),
            _ => None,
        }
    }

    /// What a client with this password answers to this nonce. Empty for the empty password.
    #[must_use]
    pub fn respond(self, password: &[u8], nonce: &Nonce) -> Vec<u8> {
        match self {
            _ if password.is_empty() => Vec::new(),
            Self::NativePassword => native::respond(password, nonce).to_vec(),
            Self::CachingSha2Password => sha2::respond(password, nonce).to_vec(),
        }
    }
}

/// Whether the connection goes through TLS, without which no password is sent or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// It does.
    Tls,
    /// It does not.
    Clear,
}

/// The bitwise difference: how a mask hides a hash, and how it is taken off again.
fn xor<const N: usize>(mut a: [u8; N], b: &[u8; N]) -> [u8; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
    a
}

/// The hash of the parts, one behind the other. `N` is the length of the algorithm's output.
fn hash<const N: usize>(algorithm: &'static ring::digest::Algorithm, parts: &[&[u8]]) -> [u8; N] {
    let mut context = ring::digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    let mut array = [0; N];
    array.copy_from_slice(context.finish().as_ref());
    array
}

/// Makes one type of stored hash: wiped when dropped, compared in constant time, without readable `Debug`.
macro_rules! verifier {
    ($(#[$doc:meta])* $name:ident, $len:ident) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The verifier with these bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The verifier's bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other.0.as_slice()).into()
            }
        }

        impl Eq for $name {}

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}
use verifier;

#[cfg(test)]
mod tests;
