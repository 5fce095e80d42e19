//! Several verifiers at once. The server names salt and iteration count before the client proves anything (RFC 5802, section 5), so
//! those that share both can be told from each other by the proof alone.

use std::num::NonZeroU32;

use super::{Verifier, keys::derive};

/// One or more verifiers, of which a client proves one.
#[derive(Clone)]
pub struct Verifiers {
    first: Verifier,
    others: Vec<Option<Verifier>>,
}

impl From<Verifier> for Verifiers {
    fn from(verifier: Verifier) -> Self {
        Self { first: verifier, others: Vec::new() }
    }
}

impl Verifiers {
    /// The first one and those of the others that have its salt and iteration count; nobody proves the rest, which keep their
    /// numbers all the same.
    pub fn of_one_salt(first: Verifier, others: impl IntoIterator<Item = Verifier>) -> Self {
        let alike = |other: &Verifier| other.salt == first.salt && other.iterations == first.iterations;
        let others = others.into_iter().map(|other| Some(other).filter(alike)).collect();
        Self { first, others }
    }

    /// Which of them is the verifier of a password that a client typed in clear, as [`Verifier::accepts`] has it.
    #[must_use]
    pub fn accepts(&self, password: &[u8]) -> Option<usize> {
        let (client_key, _server_key) = derive(password, self.salt(), self.iterations());
        let stored_key = client_key.stored_key();
        let accepted = self.numbered().filter(|(_, verifier)| verifier.accepts_key(&stored_key, password));
        accepted.map(|(which, _)| which).last()
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.first.salt
    }

    pub(super) fn iterations(&self) -> NonZeroU32 {
        self.first.iterations
    }

    /// Those that can be proved, each with its number.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Verifier)> {
        let others = self.others.iter().enumerate();
        std::iter::once((0, &self.first))
            .chain(others.filter_map(|(number, other)| Some((number + 1, other.as_ref()?))))
    }
}
