//! Randomness from the operating system.

use mayfly_domain::Entropy;

/// The operating system's generator, the only source of secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(
        clippy::expect_used,
        reason = "a machine that cannot give random bytes cannot be trusted with a single secret"
    )]
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
