//! Tokens of the API: what a program gives to administer this server from afar. One is made on request, shown once, named,
//! scoped, and ends by itself. Only its hash is stored.

use crate::bearer;
use mayfly_domain::authorise::TokenFacts;
use mayfly_domain::{ApiTokenId, Entropy, RecordName, Scope, Secret, WallTime};
use std::fmt;
use std::time::Duration;

/// How long a token is valid unless said otherwise.
pub const VALID_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest validity. There is no token without an end.
pub const VALID_LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What every token begins with, so that scanners for secrets find one that was committed or pasted somewhere.
pub const PREFIX: &str = "mayfly_pat_";

/// A token as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Which one.
    pub id: ApiTokenId,
    /// What it is called; another one of this name can be made once it is gone or has expired.
    pub name: RecordName,
    /// What it may be used for, ordered, each once.
    pub scopes: Vec<Scope>,
    /// When it was given out, by our wall clock.
    pub issued: WallTime,
    /// From when on it is refused, by our wall clock.
    pub expires: WallTime,
    /// Who made it, as the trail names them.
    pub made_by: String,
    /// The SHA-256 of the whole token.
    pub hash: [u8; 32],
}

impl fmt::Debug for ApiToken {
    /// Without the hash: it is no token, but a log is no place for it either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiToken({} {} until {})", self.id, self.name, self.expires)
    }
}

/// What is wanted of a new token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is called.
    pub name: RecordName,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// For how long.
    pub valid: Duration,
    /// Who makes it, as the trail names them.
    pub made_by: String,
}

/// Why a token cannot be made as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NewTokenError {
    /// It would be good for nothing.
    #[error("a token needs at least one scope: {all}", all = Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "))]
    NoScope,
    /// Its time is none, or has no end that we accept.
    #[error("a token is valid for one second to 366 days; 24 hours if nothing is said")]
    Validity,
}

impl ApiToken {
    /// Makes a token: what is shown once, and what is stored.
    ///
    /// # Errors
    /// [`NewTokenError`] when it cannot be as wanted.
    pub fn issue(wanted: NewToken, now: WallTime, entropy: &mut dyn Entropy) -> Result<(Secret, Self), NewTokenError> {
        if wanted.scopes.is_empty() {
            return Err(NewTokenError::NoScope);
        }
        if wanted.valid.is_zero() || wanted.valid > VALID_LONGEST {
            return Err(NewTokenError::Validity);
        }
        let mut scopes = wanted.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let id = ApiTokenId::random(entropy);
        let token = bearer::draw(PREFIX, id.as_str().trim_start_matches(ApiTokenId::PREFIX), entropy);
        let kept = Self {
            id,
            name: wanted.name,
            scopes,
            issued: now,
            expires: now.plus(wanted.valid),
            made_by: wanted.made_by,
            hash: bearer::hash(&token),
        };
        Ok((token, kept))
    }

    /// Whether this is the token that was shown, compared in constant time.
    pub fn is(&self, shown: &Secret) -> bool {
        bearer::is(&self.hash, shown)
    }

    /// What a decision needs to know of it.
    pub fn facts(&self) -> TokenFacts<'_> {
        TokenFacts { id: self.id.as_str(), scopes: &self.scopes, issued: self.issued, expires: self.expires }
    }
}

/// The id in a token that somebody shows; `None` when it has not the form of one.
pub fn id_of(token: &Secret) -> Option<ApiTokenId> {
    ApiTokenId::parse(&format!("{}{}", ApiTokenId::PREFIX, bearer::id(PREFIX, token)?)).ok()
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

    fn wanted(scopes: &[Scope], valid: Duration) -> NewToken {
        let name = RecordName::parse("ci").unwrap();
        NewToken { name, scopes: scopes.to_vec(), valid, made_by: "uid:0".to_owned() }
    }

    const NOW: WallTime = WallTime::from_micros(1_800_000_000_000_000);

    #[test]
    fn a_token_is_known_by_its_id_and_proved_by_all_of_it() {
        let wanted = wanted(&[Scope::Audit, Scope::Read, Scope::Audit], VALID_DEFAULT);
        let (token, kept) = ApiToken::issue(wanted, NOW, &mut Counting(1)).unwrap();
        let text = token.expose();
        assert_eq!((text.len(), &text[..11]), (92, "mayfly_pat_"));
        assert_eq!(id_of(&token), Some(kept.id.clone()));
        assert_eq!(kept.scopes, [Scope::Read, Scope::Audit]);
        assert_eq!(kept.expires.since(kept.issued), VALID_DEFAULT);
        assert!(kept.is(&token));
        let other = Secret::new(format!("{}0", &text[..91]));
        assert!(!kept.is(&other) || text.ends_with('0'));
        assert!(!kept.is(&Secret::new(String::new())));
        assert!(!format!("{kept:?}").contains(&text[29..]));
    }

    #[test]
    fn a_token_without_scope_or_end_is_not_made() {
        let issue = |scopes: &[Scope], valid| ApiToken::issue(wanted(scopes, valid), NOW, &mut Counting(1)).err();
        assert_eq!(issue(&[], VALID_DEFAULT), Some(NewTokenError::NoScope));
        assert_eq!(issue(&[Scope::Read], Duration::ZERO), Some(NewTokenError::Validity));
        assert_eq!(issue(&[Scope::Read], VALID_LONGEST + Duration::from_secs(1)), Some(NewTokenError::Validity));
        assert_eq!(issue(&[Scope::Read], VALID_LONGEST), None);
    }

    #[test]
    fn what_has_not_the_form_of_a_token_has_no_id() {
        let good = format!("{PREFIX}{}_{}", "0".repeat(16), "a".repeat(64));
        assert!(id_of(&Secret::new(good.clone())).is_some());
        for bad in [
            String::new(),
            PREFIX.to_owned(),
            good.to_uppercase(),
            format!("{good}a"),
            good[..good.len() - 1].to_owned(),
            good.replace("pat", "pet"),
            good.replacen('_', "-", 3),
        ] {
            assert_eq!(id_of(&Secret::new(bad.clone())), None, "{bad}");
        }
    }
}
