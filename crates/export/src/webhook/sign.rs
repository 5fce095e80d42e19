//! Signatures of Standard Webhooks (<https://www.standardwebhooks.com>): HMAC-SHA256 over `id.timestamp.body`, with a key that is
//! written `whsec_` and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mayfly_domain::Secret;
use ring::hmac;

/// What a secret is written with in front.
const PREFIX: &str = "whsec_";
/// What keys of webhooks are derived for, so that the seed can serve other purposes too.
const PURPOSE: &[u8] = b"mayfly webhook v1\0";

/// The key of a webhook.
pub struct Key([u8; 32]);

impl Key {
    /// The key that belongs to `salt`, derived from the installation's seed.
    pub fn derive(seed: &Secret, salt: &[u8]) -> Self {
        let seed = hmac::Key::new(hmac::HMAC_SHA256, seed.expose().as_bytes());
        let tag = hmac::sign(&seed, &[PURPOSE, salt].concat());
        let mut key = [0; 32];
        key.copy_from_slice(&tag.as_ref()[..32]);
        Self(key)
    }

    /// The key as its receiver is given it.
    pub fn written(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(self.0)))
    }

    /// The signature of a message, as it stands in `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let mut key = [0; 32];
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        key[..secret.len()].copy_from_slice(&secret);
        // HMAC fills a short key with zeros, so the longer key signs the same.
        let signed = Key(key).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_salt_has_its_key() {
        let seed = Secret::new("seed".to_owned());
        let written = |salt: &[u8]| Key::derive(&seed, salt).written().expose().to_owned();
        assert_eq!(written(b"a"), written(b"a"));
        assert_ne!(written(b"a"), written(b"b"));
        assert!(written(b"a").starts_with("whsec_") && written(b"a").len() == 50);
    }
}
