//! The vault from outside, as SECURITY-CASES §4 demands.

mod key_files;
mod sealing;

use mayfly_domain::{Destination, Endpoint, Entropy, Trust};
use mayfly_vault::{InstallationKey, Slot, Vault};

/// A seeded generator (SplitMix64): different bytes at every call, the same in every run.
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A vault whose key comes of a seed.
pub(crate) fn vault(seed: u64) -> Vault {
    Vault::new(InstallationKey::generate(&mut Seeded(seed)))
}

/// The destination of the examples.
pub(crate) fn destination() -> Destination {
    let endpoint = Endpoint { host: "db1.example.com".to_owned(), port: 5432 };
    Destination { endpoint, trust: Trust::VerifyFull { ca_pem: "ca".to_owned() } }
}

/// The slot of the examples.
pub(crate) fn slot<'a>(row: &'a str, destination: &'a Destination) -> Slot<'a> {
    Slot { table: "user_secrets", row, column: "sealed", destination: Some(destination), owner: None }
}
