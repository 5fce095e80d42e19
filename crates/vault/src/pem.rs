//! A private key of somebody else's making, such as that of a TLS certificate, read with the same care as our own keys.

use crate::key::{KeyText, KeyTextError};
use mayfly_domain::Secret;

/// A private key as PEM (RFC 7468). What kind of key it is, whoever uses it finds out.
#[derive(Debug)]
pub struct PrivatePem(Secret);

impl PrivatePem {
    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl KeyText for PrivatePem {
    fn parse(text: &str) -> Result<Self, KeyTextError> {
        let label = |line: &str| line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----");
        if text.lines().any(|line| label(line.trim_end())) {
            return Ok(Self(Secret::new(text.to_owned())));
        }
        Err(KeyTextError::NotPem)
    }

    fn to_text(&self) -> Secret {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_private_key_is_taken_for_one() {
        for kind in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
            assert!(PrivatePem::parse(&format!("-----BEGIN {kind}-----\nAA==\n-----END {kind}-----\n")).is_ok());
        }
        for bad in ["", "secret", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"] {
            assert!(PrivatePem::parse(bad).is_err(), "{bad}");
        }
    }
}
