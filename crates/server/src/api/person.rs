//! The proof that the caller is a person who has signed in, and asks for themself; and of operations that are for both, a person and
//! whoever administers.

use super::Api;
use super::administrator::{Administrator, Needs, known, token_of};
use super::problem::Refusal;
use crate::context::Context;
use crate::peer::Peer;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mayfly_access::person_token::{self, PersonToken};
use mayfly_access::store::PersonTokens;
use mayfly_domain::authorise::authorise_oneself;
use mayfly_domain::{Administration, Oneself, Secret};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::problem::Code;
use std::marker::PhantomData;
use std::sync::Arc;

/// One wording for every token of a person that proves nothing, whatever the reason.
const WRONG: &str = "the sign-in is not valid: it has ended, was taken back, or is void by now";

/// What somebody is told who shows a token of their own for what is not theirs alone.
pub(super) fn not_theirs() -> Refusal {
    let text = "a sign-in is for what is your own; this is for administrators: it needs a token made with `mayfly token create`, \
                or the server's local socket";
    Refusal::new(Code::NotPermitted, text)
}

/// The proof that the caller has signed in.
pub(crate) struct SignedIn(pub(crate) Oneself);

impl FromRequestParts<Arc<Api>> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let Some(peer) = parts.extensions.get::<Peer>().copied() else {
            return Err(Refusal::new(Code::Server, "the server does not know who asks"));
        };
        match token_of(parts)? {
            Some(token) if person_token::is_one(&token) => oneself(&api.context, peer, &token).await.map(Self),
            Some(_) => Err(Refusal::new(
                Code::NotPermitted,
                "this is for people who have signed in, and not for whoever administers with a token",
            )),
            None => Err(Refusal::new(Code::SignIn, "this is for people who have signed in").next("mayfly login")),
        }
    }
}

/// Who may do what `N` stands for: whoever administers, everywhere, or a person, where it is their own.
pub(crate) enum Caller<N> {
    /// Somebody who administers.
    Administrator(Administration, PhantomData<N>),
    /// A person.
    Person(Oneself),
}

impl<N: Needs> FromRequestParts<Arc<Api>> for Caller<N> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        if token_of(parts)?.is_some_and(|token| person_token::is_one(&token)) {
            let SignedIn(oneself) = SignedIn::from_request_parts(parts, api).await?;
            return Ok(Self::Person(oneself));
        }
        let Administrator(by, needed) = Administrator::<N>::from_request_parts(parts, api).await?;
        Ok(Self::Administrator(by, needed))
    }
}

/// The person whose token this is. An attempt is counted like one with a token of the API.
pub(super) async fn oneself(context: &Arc<Context>, peer: Peer, token: &Secret) -> Result<Oneself, Refusal> {
    let find = async {
        match person_token::id_of(token) {
            Some(id) => PersonTokens::person_token(&*context.store, &id).await,
            None => Ok(None),
        }
    };
    let wrong = || Refusal::new(Code::SignIn, WRONG).next("mayfly login");
    let found: PersonToken =
        known(context, peer, find, |found: &PersonToken| found.is(token)).await?.ok_or_else(wrong)?;
    let person = context.person(&found.person).await?;
    let disabled = person.is_none_or(|person| person.disabled);
    let decided = authorise_oneself(found.facts(disabled), &context.lockdowns.concerned(), context.clock.wall());
    decided.map_err(|refusal| {
        tracing::info!(%refusal, token = %found.id, "A person's token was refused");
        wrong()
    })
}
