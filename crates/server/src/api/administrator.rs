//! The proof that a caller may administer: by being root or the server's own user at the local socket, or by a token. A handler
//! that does more than answer about the server itself takes one, and its type says what for.

use super::Api;
use super::person;
use super::problem::Refusal;
use crate::context::Context;
use crate::peer::Peer;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use mayfly_access::api_token::{self, ApiToken};
use mayfly_access::person_token;
use mayfly_access::store::{ApiTokens, StoreError};
use mayfly_domain::authorise::{TokenRefusal, authorise_token};
use mayfly_domain::{Administration, Scope, Secret};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::problem::Code;
use std::marker::PhantomData;
use std::sync::Arc;

/// What an operation needs of a token.
pub(crate) trait Needs {
    /// The scope; `None` when no token is enough, and only the local socket will do.
    const SCOPE: Option<Scope>;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $scope:expr,)*) => {
        $($(#[$doc])* #[derive(Debug)] pub(crate) struct $name; impl Needs for $name { const SCOPE: Option<Scope> = $scope; })*
    };
}

needs! {
    /// See what there is.
    Read = Some(Scope::Read),
    /// Read the trail.
    Audit = Some(Scope::Audit),
    /// Change objects.
    Objects = Some(Scope::Objects),
    /// Set secrets.
    Secrets = Some(Scope::Secrets),
    /// Bind a stored secret to another destination.
    Rebind = Some(Scope::CredentialRebind),
    /// Check and pin records.
    Records = Some(Scope::Records),
    /// End sessions.
    Sessions = Some(Scope::Sessions),
    /// Try cleanup again.
    Cleanup = Some(Scope::Cleanup),
    /// What would make more of itself: giving out tokens.
    LocalSocket = None,
}

/// The proof that the caller may do what `N` stands for.
pub(crate) struct Administrator<N>(pub(crate) Administration, pub(crate) PhantomData<N>);

impl<N: Needs> FromRequestParts<Arc<Api>> for Administrator<N> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let Some(peer) = parts.extensions.get::<Peer>().copied() else {
            return Err(Refusal::new(Code::Server, "the server does not know who asks"));
        };
        let by = match (token_of(parts)?, N::SCOPE) {
            (Some(token), Some(scope)) => by_token(&api.context, peer, &token, scope).await?,
            _ => by_itself(peer, N::SCOPE)?,
        };
        Ok(Self(by, PhantomData))
    }
}

/// The token of the request, if it has one (RFC 6750 §2.1).
pub(super) fn token_of(parts: &Parts) -> Result<Option<Secret>, Refusal> {
    let Some(value) = parts.headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().ok().and_then(|text| text.split_once(' '));
    match text {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(Secret::new(token.trim().to_owned())))
        }
        _ => Err(Refusal::new(Code::SignIn, "the header `Authorization` is not `Bearer` and a token")),
    }
}

fn by_itself(peer: Peer, scope: Option<Scope>) -> Result<Administration, Refusal> {
    peer.administration().ok_or_else(|| match (peer, scope) {
        (_, None) => Refusal::new(
            Code::NotPermitted,
            "this is done over the server's local socket only, by root or the user whom the server runs as",
        ),
        (Peer::Local { .. }, Some(scope)) => Refusal::new(
            Code::NotPermitted,
            format!(
                "only root and the user whom the server runs as may administer over this socket; others need a token with the \
                 scope `{scope}`"
            ),
        ),
        (Peer::Remote { .. }, Some(scope)) => Refusal::new(
            Code::SignIn,
            format!("this needs a token with the scope `{scope}`, made on the server with `mayfly token create`"),
        ),
    })
}

/// One wording for every token that is not one of ours.
const WRONG: &str = "the token is not valid: it was taken back, has ended, or never was";

async fn by_token(context: &Arc<Context>, peer: Peer, token: &Secret, scope: Scope) -> Result<Administration, Refusal> {
    if person_token::is_one(token) {
        // Whoever shows none of ours is told that, and nothing of what it would be for.
        return person::oneself(context, peer, token).await.and_then(|_| Err(person::not_theirs()));
    }
    let found = known_token(context, peer, token).await?;
    permitted(authorise_token(found.facts(), scope, context.clock.wall()))
}

/// What was decided of a token, as the client is told.
pub(super) fn permitted(decided: Result<Administration, TokenRefusal>) -> Result<Administration, Refusal> {
    decided.map_err(|refusal| match refusal {
        TokenRefusal::NotInScope(_) => Refusal::new(Code::NotPermitted, refusal.to_string()),
        TokenRefusal::Expired | TokenRefusal::NotYetValid => Refusal::new(Code::SignIn, refusal.to_string()),
    })
}

/// The token that this is, whether or not it is still valid. Each attempt is counted, and what is none of ours as a failed sign-in.
pub(super) async fn known_token(context: &Arc<Context>, peer: Peer, token: &Secret) -> Result<ApiToken, Refusal> {
    let find = async {
        match api_token::id_of(token) {
            Some(id) => ApiTokens::get(&*context.store, &id).await,
            None => Ok(None),
        }
    };
    let found = known(context, peer, find, |found: &ApiToken| found.is(token)).await?;
    found.ok_or_else(|| Refusal::new(Code::SignIn, WRONG))
}

/// What `find` finds, if `is` says that it is what was shown; `None`, and a failed sign-in on the count of the source, if not.
pub(super) async fn known<T>(
    context: &Arc<Context>,
    peer: Peer,
    find: impl Future<Output = Result<Option<T>, StoreError>>,
    is: impl Fn(&T) -> bool,
) -> Result<Option<T>, Refusal> {
    let source = peer.source();
    let attempt = context.signins().begin(None, source, context.clock.boot()).map_err(|held| {
        context.held_off(&held, source);
        Refusal::new(Code::Locked, held.to_string())
    })?;
    let found = match find.await {
        Ok(found) => found.filter(is),
        Err(error) => {
            context.signins().abandoned(attempt);
            return Err(error.into());
        }
    };
    if found.is_some() {
        context.signins().succeeded(attempt);
        return Ok(found);
    }
    let locks = context.signins().failed(attempt, context.clock.boot(), context.clock.wall());
    let events = context.lock_events(locks);
    if !events.is_empty() {
        context.record(events).await?;
    }
    Ok(None)
}
