//! Randomness as an argument, so that the code that needs it can be run again from a seed.

/// A source of random bytes fit for secrets. The real one is the operating system's; tests pass a seeded one.
pub trait Entropy {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);

    /// 128 random bits.
    fn bits(&mut self) -> u128 {
        let mut bytes = [0_u8; 16];
        self.fill(&mut bytes);
        u128::from_be_bytes(bytes)
    }
}
