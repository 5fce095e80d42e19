//! The one decision: may this person open this record now, and for how long? The answer is a value that opening demands
//! and that nothing else can construct, so that what was decided and what is dialled cannot differ.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::lockdown::Lockdown;
use crate::names::{PersonName, RecordName};
use crate::scope::Scope;
use crate::time::WallTime;
use std::time::Duration;

/// What the decision needs to know of the person.
#[derive(Debug, Clone, Copy)]
pub struct PersonFacts<'a> {
    /// The person who signed in.
    pub name: &'a PersonName,
    /// Whether an administrator has disabled them.
    pub disabled: bool,
    /// The records that they may open.
    pub may_launch: &'a [RecordName],
}

/// What the decision needs to know of the record.
#[derive(Debug, Clone, Copy)]
pub struct RecordFacts<'a> {
    /// The record asked for.
    pub name: &'a RecordName,
    /// The granted length of a session of it.
    pub duration: Duration,
}

/// Why the answer is no. A person without access and a record that does not exist are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The person is disabled.
    #[error("this person is disabled: ask an administrator")]
    Disabled,
    /// Nothing says that this person may open this record.
    #[error("no such record, or you may not open it: an administrator can add it to your `may_launch`")]
    NotAllowed,
    /// An administrator has locked access down.
    #[error("access is locked down for now: ask an administrator")]
    LockedDown,
    /// The record grants no time.
    #[error("the record grants no time: its session duration is zero")]
    NoTime,
}

/// The proof that `person` may open `record` for `duration`. Only [`authorise`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorised {
    person: PersonName,
    record: RecordName,
    duration: Duration,
    at: WallTime,
}

impl Authorised {
    /// Who may.
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    /// What they may open.
    pub fn record(&self) -> &RecordName {
        &self.record
    }

    /// For how long from the launch.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// When this was decided, by our wall clock.
    pub fn at(&self) -> WallTime {
        self.at
    }
}

/// Decides whether the person may open the record at `at`, while these lockdowns hold.
///
/// # Errors
/// [`Refusal`] when not. An empty `may_launch` allows nothing.
pub fn authorise(
    person: PersonFacts<'_>,
    record: RecordFacts<'_>,
    lockdowns: &[Lockdown],
    at: WallTime,
) -> Result<Authorised, Refusal> {
    if person.disabled {
        return Err(Refusal::Disabled);
    }
    if !person.may_launch.contains(record.name) {
        return Err(Refusal::NotAllowed);
    }
    if lockdowns.iter().any(|lockdown| lockdown.concerns(person.name, record.name)) {
        return Err(Refusal::LockedDown);
    }
    if record.duration.is_zero() {
        return Err(Refusal::NoTime);
    }
    Ok(Authorised { person: person.name.clone(), record: record.name.clone(), duration: record.duration, at })
}

/// No session by which a record is tried out is granted more.
pub const EXERCISE_MOST: Duration = Duration::from_secs(300);

/// Decides whether an administrator may have a record tried out on its target at `at`, while these lockdowns hold: by a session
/// like any other, which nobody is let into. It goes by the name of `exercise.` and who asked.
///
/// # Errors
/// [`Refusal`] when not.
pub fn authorise_exercise(
    by: &Administration,
    record: RecordFacts<'_>,
    lockdowns: &[Lockdown],
    at: WallTime,
) -> Result<Authorised, Refusal> {
    // Who administers by a token is named by its id alone, which says that it is one.
    let who: String = by.by().strip_prefix("token:").unwrap_or(&by.by).replace(':', "-");
    let name = PersonName::parse(&format!("exercise.{who}")).map_err(|_| Refusal::NotAllowed)?;
    let facts = PersonFacts { name: &name, disabled: false, may_launch: std::slice::from_ref(record.name) };
    authorise(facts, RecordFacts { duration: record.duration.min(EXERCISE_MOST), ..record }, lockdowns, at)
}

/// The proof that somebody may administer this server, all of it or what a token is for. Only [`authorise_administration`] and
/// [`authorise_token`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    by: String,
    login: Option<u32>,
}

impl Administration {
    /// Who administers, as the audit trail names them, for example `uid:0`.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The same, of somebody of whom the kernel also knows as whom they logged in to this machine, before they became another user.
    #[must_use]
    pub fn logged_in_as(self, login: Option<u32>) -> Self {
        Self { login, ..self }
    }

    /// As which user of this machine they logged in, where the kernel knows.
    pub const fn login(&self) -> Option<u32> {
        self.login
    }

    /// Who administers, with the user as whom they logged in where that is another, for example `uid:0, logged in as uid:1000`. For what
    /// names a person for ever: with sudo everybody is `uid:0`.
    pub fn in_full(&self) -> String {
        match self.login.map(|login| format!("uid:{login}")) {
            Some(login) if login != self.by => format!("{}, logged in as {login}", self.by),
            _ => self.by.clone(),
        }
    }
}

/// Decides whether a process at the other end of the local socket may administer: root, or the user whom the server runs as.
///
/// # Errors
/// [`Refusal::NotAllowed`] for everybody else.
pub fn authorise_administration(peer_uid: u32, server_uid: u32) -> Result<Administration, Refusal> {
    if peer_uid == 0 || peer_uid == server_uid {
        Ok(Administration { by: format!("uid:{peer_uid}"), login: None })
    } else {
        Err(Refusal::NotAllowed)
    }
}

/// What the server itself asks targets on a schedule that an administrator has set: it looks and changes nothing.
pub fn authorise_schedule() -> Administration {
    Administration { by: "server".to_owned(), login: None }
}

/// What the decision needs to know of a token of the API whose bearer has proved to have it.
#[derive(Debug, Clone, Copy)]
pub struct TokenFacts<'a> {
    /// Its id, as the trail names it.
    pub id: &'a str,
    /// What it may be used for.
    pub scopes: &'a [Scope],
    /// When it was given out, by our wall clock.
    pub issued: WallTime,
    /// From when on it is refused, by our wall clock.
    pub expires: WallTime,
}

/// Why a token of the API does not allow what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Its time is over.
    #[error("the token has expired: an administrator makes another with `mayfly token create`")]
    Expired,
    /// It was issued in the future: the clock was set back, so its end cannot be trusted.
    #[error("the token was issued in the future: the server's clock was set back; make another token")]
    NotYetValid,
    /// It is for other things.
    #[error("the token has no scope `{0}`: make one that has it with `mayfly token create`")]
    NotInScope(Scope),
}

/// Decides whether the bearer of a token may do what `wanted` stands for at `at`.
///
/// # Errors
/// [`TokenRefusal`] when not.
pub fn authorise_token(token: TokenFacts<'_>, wanted: Scope, at: WallTime) -> Result<Administration, TokenRefusal> {
    if at >= token.expires {
        return Err(TokenRefusal::Expired);
    }
    if at < token.issued {
        return Err(TokenRefusal::NotYetValid);
    }
    if !token.scopes.contains(&wanted) {
        return Err(TokenRefusal::NotInScope(wanted));
    }
    Ok(Administration { by: format!("token:{}", token.id), login: None })
}

/// The proof that a person has signed in and asks for themself. Only [`authorise_oneself`] makes one. It administers nothing, and
/// whether the person may open something is decided by [`authorise`] each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oneself {
    person: PersonName,
    token: String,
    until: WallTime,
}

impl Oneself {
    /// Who.
    pub fn person(&self) -> &PersonName {
        &self.person
    }

    /// The id of the token that proved it.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// When the sign-in ends, by our wall clock.
    pub fn until(&self) -> WallTime {
        self.until
    }
}

/// What the decision needs to know of a person's token whose bearer has proved to have it.
#[derive(Debug, Clone, Copy)]
pub struct PersonTokenFacts<'a> {
    /// Its id, as the trail names it.
    pub id: &'a str,
    /// Whose it is.
    pub person: &'a PersonName,
    /// Whether the person is switched off or gone.
    pub disabled: bool,
    /// When it was given out, by our wall clock.
    pub issued: WallTime,
    /// From when on it is refused, by our wall clock.
    pub expires: WallTime,
}

/// Why a person's token proves nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonTokenRefusal {
    /// Its time is over.
    #[error("the sign-in has ended: sign in again")]
    Expired,
    /// It was issued in the future: the clock was set back, so its end cannot be trusted.
    #[error("the sign-in lies in the future: the server's clock was set back; sign in again")]
    NotYetValid,
    /// The person is disabled or gone, or is locked down.
    #[error("the sign-in is void: ask an administrator")]
    Void,
}

/// Decides whether the bearer of a person's token is that person at `at`, while these lockdowns hold. One of a record locks nobody out.
///
/// # Errors
/// [`PersonTokenRefusal`] when not.
pub fn authorise_oneself(
    token: PersonTokenFacts<'_>,
    lockdowns: &[Lockdown],
    at: WallTime,
) -> Result<Oneself, PersonTokenRefusal> {
    if at >= token.expires {
        return Err(PersonTokenRefusal::Expired);
    }
    if at < token.issued {
        return Err(PersonTokenRefusal::NotYetValid);
    }
    if token.disabled || lockdowns.iter().any(|lockdown| lockdown.locks_out(token.person)) {
        return Err(PersonTokenRefusal::Void);
    }
    Ok(Oneself { person: token.person.clone(), token: token.id.to_owned(), until: token.expires })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn person(name: &str) -> PersonName {
        PersonName::parse(name).unwrap()
    }

    fn record(name: &str) -> RecordName {
        RecordName::parse(name).unwrap()
    }

    #[test]
    fn who_used_sudo_is_known_where_the_kernel_knows() {
        let root = || authorise_administration(0, 1000).unwrap();
        assert_eq!(root().in_full(), "uid:0");
        assert_eq!(root().logged_in_as(Some(0)).in_full(), "uid:0");
        let alice = root().logged_in_as(Some(1001));
        assert_eq!((alice.by(), alice.in_full().as_str()), ("uid:0", "uid:0, logged in as uid:1001"));
    }

    #[test]
    fn an_exercise_is_short_and_named_after_who_asks() {
        let (orders, at) = (record("orders"), WallTime::from_micros(7));
        let facts = |seconds| RecordFacts { name: &orders, duration: Duration::from_secs(seconds) };
        let root = authorise_administration(0, 1000).unwrap();
        let proof = authorise_exercise(&root, facts(3600), &[], at).unwrap();
        assert_eq!((proof.person().as_str(), proof.record()), ("exercise.uid-0", &orders));
        assert_eq!((proof.duration(), proof.at()), (EXERCISE_MOST, at));
        assert_eq!(authorise_exercise(&root, facts(60), &[], at).unwrap().duration(), Duration::from_secs(60));
        let token = Administration { by: "token:tok_0123456789abcdef".to_owned(), login: None };
        let proof = authorise_exercise(&token, facts(60), &[], at).unwrap();
        assert_eq!(proof.person().as_str(), "exercise.tok_0123456789abcdef");
        for (seconds, lockdowns, refusal) in [
            (0, vec![], Refusal::NoTime),
            (60, vec![Lockdown::Record(orders.clone())], Refusal::LockedDown),
            (60, vec![Lockdown::All], Refusal::LockedDown),
        ] {
            assert_eq!(authorise_exercise(&root, facts(seconds), &lockdowns, at), Err(refusal));
        }
    }

    #[test]
    fn the_proof_says_what_was_decided() {
        let (alice, orders) = (person("alice"), record("orders"));
        let facts = PersonFacts { name: &alice, disabled: false, may_launch: std::slice::from_ref(&orders) };
        let target = RecordFacts { name: &orders, duration: Duration::from_secs(60) };
        let proof = authorise(facts, target, &[], WallTime::from_micros(7)).unwrap();
        assert_eq!((proof.person(), proof.record()), (&alice, &orders));
        assert_eq!((proof.duration(), proof.at()), (Duration::from_secs(60), WallTime::from_micros(7)));
    }

    // SECURITY-CASES 20, 21: only an active person, only a listed record, and an empty list allows nothing.
    proptest! {
        #[test]
        fn allowed_exactly_when_active_listed_timed_and_not_locked_down(disabled: bool, locked in proptest::option::of("[a-c]"), listed in proptest::collection::vec("[a-c]", 0..4), asked in "[a-c]", seconds in 0_u64..2) {
            let may_launch: Vec<_> = listed.iter().map(|name| record(name)).collect();
            let (alice, asked) = (person("alice"), record(&asked));
            let locked: Vec<_> = locked.iter().map(|name| Lockdown::Record(record(name))).collect();
            let answer = authorise(
                PersonFacts { name: &alice, disabled, may_launch: &may_launch },
                RecordFacts { name: &asked, duration: Duration::from_secs(seconds) },
                &locked,
                WallTime::from_micros(0),
            );
            let is_locked = locked.contains(&Lockdown::Record(asked.clone()));
            prop_assert_eq!(answer.is_ok(), !disabled && may_launch.contains(&asked) && seconds > 0 && !is_locked);
        }
    }

    #[test]
    fn only_root_and_the_server_itself_administer() {
        assert!(authorise_administration(0, 998).is_ok());
        assert_eq!(authorise_administration(998, 998).unwrap().by(), "uid:998");
        assert_eq!(authorise_administration(1000, 998), Err(Refusal::NotAllowed));
    }

    #[test]
    fn a_token_allows_its_scopes_and_only_in_its_time() {
        let (issued, expires) = (WallTime::from_micros(10), WallTime::from_micros(20));
        let token = TokenFacts { id: "tok_1", scopes: &[Scope::Read, Scope::Audit], issued, expires };
        let ask = |scope, at| authorise_token(token, scope, WallTime::from_micros(at));
        assert_eq!(ask(Scope::Audit, 10).unwrap().by(), "token:tok_1");
        assert_eq!(ask(Scope::Objects, 10), Err(TokenRefusal::NotInScope(Scope::Objects)));
        assert_eq!(ask(Scope::Read, 20), Err(TokenRefusal::Expired));
        assert_eq!(ask(Scope::Read, 9), Err(TokenRefusal::NotYetValid));
        let none = TokenFacts { scopes: &[], ..token };
        assert!(Scope::ALL.iter().all(|scope| authorise_token(none, *scope, issued).is_err()));
    }

    #[test]
    fn a_sign_in_is_of_one_person_and_ends_with_its_time_the_person_or_a_lockdown() {
        let (alice, issued, expires) = (person("alice"), WallTime::from_micros(10), WallTime::from_micros(20));
        let token = PersonTokenFacts { id: "sgn_1", person: &alice, disabled: false, issued, expires };
        let ask = |lockdowns: &[Lockdown], at| authorise_oneself(token, lockdowns, WallTime::from_micros(at));
        let proof = ask(&[], 10).unwrap();
        assert_eq!((proof.person(), proof.token(), proof.until()), (&alice, "sgn_1", expires));
        assert_eq!(ask(&[], 20), Err(PersonTokenRefusal::Expired));
        assert_eq!(ask(&[], 9), Err(PersonTokenRefusal::NotYetValid));
        let others = [Lockdown::Person(person("bob")), Lockdown::Record(record("orders"))];
        assert!(ask(&others, 15).is_ok());
        for lockdown in [Lockdown::All, Lockdown::Person(alice.clone())] {
            assert_eq!(ask(&[lockdown], 15), Err(PersonTokenRefusal::Void));
        }
        let off = PersonTokenFacts { disabled: true, ..token };
        assert_eq!(authorise_oneself(off, &[], issued), Err(PersonTokenRefusal::Void));
    }
}
