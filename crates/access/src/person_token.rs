//! Tokens of people who have signed in: what a person's client gives in place of their password, for what is theirs alone. One is
//! made for a password, shown once, and ends by itself. Only its hash is stored.

use crate::bearer;
use mayfly_domain::authorise::PersonTokenFacts;
use mayfly_domain::{Entropy, PersonName, PersonTokenId, Secret, WallTime};
use std::fmt;
use std::time::Duration;

/// How long a token is valid.
pub const VALID: Duration = Duration::from_secs(8 * 60 * 60);
/// How many of one person are valid at once; the oldest goes for a new one.
pub const MOST: u32 = 16;

/// What every token begins with, so that scanners for secrets find one that was committed or pasted somewhere.
pub const PREFIX: &str = "mayfly_pst_";

/// A token as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonToken {
    /// Which one.
    pub id: PersonTokenId,
    /// Whose.
    pub person: PersonName,
    /// When it was given out, by our wall clock.
    pub issued: WallTime,
    /// From when on it is refused, by our wall clock.
    pub expires: WallTime,
    /// The SHA-256 of the whole token.
    pub hash: [u8; 32],
}

impl fmt::Debug for PersonToken {
    /// Without the hash: it is no token, but a log is no place for it either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonToken({} {} until {})", self.id, self.person, self.expires)
    }
}

impl PersonToken {
    /// Makes a token for a person who has signed in: what is shown once, and what is stored.
    pub fn issue(person: PersonName, now: WallTime, entropy: &mut dyn Entropy) -> (Secret, Self) {
        let id = PersonTokenId::random(entropy);
        let token = bearer::draw(PREFIX, id.as_str().trim_start_matches(PersonTokenId::PREFIX), entropy);
        let hash = bearer::hash(&token);
        (token, Self { id, person, issued: now, expires: now.plus(VALID), hash })
    }

    /// Whether this is the token that was shown, compared in constant time.
    pub fn is(&self, shown: &Secret) -> bool {
        bearer::is(&self.hash, shown)
    }

    /// What a decision needs to know of it; `disabled` says whether the person is switched off or gone.
    pub fn facts(&self, disabled: bool) -> PersonTokenFacts<'_> {
        // Recomputed from the limit, so that a stored end which is too late does not hold.
        let expires = self.expires.min(self.issued.plus(VALID));
        PersonTokenFacts { id: self.id.as_str(), person: &self.person, disabled, issued: self.issued, expires }
    }
}

/// Whether somebody shows a token of a person, whether or not there is such a one.
pub fn is_one(token: &Secret) -> bool {
    token.expose().starts_with(PREFIX)
}

/// The id in a token that somebody shows; `None` when it has not the form of one.
pub fn id_of(token: &Secret) -> Option<PersonTokenId> {
    PersonTokenId::parse(&format!("{}{}", PersonTokenId::PREFIX, bearer::id(PREFIX, token)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(7);
                *byte = self.0;
            }
        }
    }

    #[test]
    fn a_token_is_known_by_its_id_proved_by_all_of_it_and_no_token_of_the_api() {
        let now = WallTime::from_micros(1_800_000_000_000_000);
        let (token, kept) = PersonToken::issue(PersonName::parse("alice").unwrap(), now, &mut Counting(1));
        assert_eq!(id_of(&token), Some(kept.id.clone()));
        assert!(is_one(&token) && kept.is(&token));
        assert_eq!(kept.expires.since(kept.issued), VALID);
        assert!(!kept.is(&Secret::new(token.expose().to_uppercase())));
        assert_eq!(crate::api_token::id_of(&token), None);
        assert!(!format!("{kept:?}").contains(&token.expose()[29..]));
        let late = PersonToken { expires: now.plus(VALID * 2), ..kept };
        assert_eq!(late.facts(false).expires, now.plus(VALID));
    }
}
