//! Signing in for a time, and out again: a person gives their password once and gets a token for what is theirs alone.

use super::Api;
use super::connect::{WRONG, sign_in};
use super::person::SignedIn;
use super::problem::{Body, Refusal};
use super::repeats::{NoStore, no_store};
use crate::context::Context;
use crate::peer::Peer;
use axum::extract::State;
use axum::{Extension, Json};
use mayfly_access::objects::Person;
use mayfly_access::person_token::PersonToken;
use mayfly_access::store::PersonTokens;
use mayfly_domain::audit::EventKind;
use mayfly_domain::authorise::Refusal as Denial;
use mayfly_domain::{PersonName, PersonTokenId, Secret};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::login::{LoginAnswer, LoginRequest};
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use std::sync::Arc;

/// Sign in for eight hours
///
/// The token is for what is the person's own: what they may open, connect secrets for it, and their sessions. It is void once they are
/// switched off, locked down or get another password, and with a new epoch.
#[utoipa::path(
    post,
    path = paths::LOGIN,
    tag = "people",
    request_body = LoginRequest,
    responses((status = OK, body = LoginAnswer)),
)]
pub(super) async fn login(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Body(request): Body<LoginRequest>,
) -> Result<(NoStore, Json<LoginAnswer>), Refusal> {
    let context = &api.context;
    let password = Secret::new(request.password);
    let name = PersonName::parse(&request.person).map_err(|_| Refusal::new(Code::SignIn, WRONG))?;
    let person = sign_in(context, name, password, peer.source()).await?;
    not_locked_out(context, &person).await?;
    let (secret, token) = PersonToken::issue(person.name.clone(), context.clock.wall(), &mut context.entropy());
    let mut event = context.event(EventKind::PersonTokenIssued, format!("person:{}", person.name));
    event.person = Some(person.name.clone());
    let event = event.with("token", token.id.as_str()).with("expires", token.expires).with("source", peer.source());
    let proved_by = person.password_hash.unwrap_or_default();
    if !PersonTokens::put_person_token(&*context.store, token.clone(), &proved_by, vec![event]).await? {
        // Switched off, locked down or given another password since it was looked at.
        return Err(Refusal::new(Code::SignIn, WRONG));
    }
    let answer = LoginAnswer {
        id: token.id.to_string(),
        person: token.person.to_string(),
        secret: secret.expose().to_owned(),
        expires_at: token.expires.to_string(),
    };
    Ok((no_store(), Json(answer)))
}

/// Refuses whom a lockdown locks out, which is on record before it is answered.
async fn not_locked_out(context: &Arc<Context>, person: &Person) -> Result<(), Refusal> {
    if !context.lockdowns.concerned().iter().any(|lockdown| lockdown.locks_out(&person.name)) {
        return Ok(());
    }
    let text = Denial::LockedDown.to_string();
    let mut event = context.event(EventKind::AccessDenied, format!("person:{}", person.name));
    event.person = Some(person.name.clone());
    event.reason = Some(text.clone());
    context.record(vec![event]).await?;
    Err(Refusal::new(Code::NotPermitted, text))
}

/// Sign out: the token that this is asked with is not accepted any more
#[utoipa::path(
    delete,
    path = paths::LOGIN,
    tag = "people",
    responses((status = OK)),
    security(("person" = [])),
)]
pub(super) async fn logout(State(api): State<Arc<Api>>, SignedIn(oneself): SignedIn) -> Result<(), Refusal> {
    let context = &api.context;
    let gone = || Refusal::new(Code::NotFound, "this sign-in was taken back already");
    let id = PersonTokenId::parse(oneself.token()).map_err(|_| gone())?;
    let mut event = context.event(EventKind::PersonTokenRevoked, format!("person:{}", oneself.person()));
    event.person = Some(oneself.person().clone());
    let event = event.with("token", id.as_str());
    if context.store.revoke_person_token(&id, vec![event]).await? { Ok(()) } else { Err(gone()) }
}
