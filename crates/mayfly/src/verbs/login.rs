//! `login` and `logout`: signing in at a server for a time, and out again.

use super::{Context, sign_in};
use crate::args::Person;
use crate::ask;
use crate::client::{Https, Way};
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::signed_in::{self, SignedIn};
use mayfly_wire::login::{LoginAnswer, LoginRequest};
use mayfly_wire::paths;
use serde_json::json;
use std::sync::Arc;

/// Signs in, and keeps that for the verbs that follow.
///
/// # Errors
/// When no server is named, the server refuses, or it cannot be kept.
pub(super) async fn login(context: &Context, person: Person) -> Result<Exit, Failure> {
    let https = server(context)?;
    let before = https.signed_in().cloned();
    let person = Person { person: Some(name(context, &person, before.as_ref())?), ..person };
    let (person, password) = sign_in::who_and_password(context, &person, None)?;
    // Whoever gives their password shows nothing else.
    let client = context.client.to(Way::Https(Arc::new(https.shown_nothing())));
    let request = LoginRequest { person, password: password.to_string() };
    let answer: LoginAnswer = client.post(paths::LOGIN, &request).await?;
    let kept = SignedIn {
        server: https.url(),
        ca_pem: https.ca_pem().map(str::to_owned),
        person: answer.person,
        secret: answer.secret,
        id: answer.id,
        expires_at: answer.expires_at,
    };
    signed_in::keep(&kept)?;
    if before.is_some() {
        // It is replaced, so nobody could take it back later; where it has ended already, nothing has to be.
        let _ = context.client.delete(paths::LOGIN).await;
    }
    let SignedIn { server, person, id, expires_at, .. } = &kept;
    let done = json!({ "server": server, "person": person, "id": id, "expires_at": expires_at });
    context.output.one(&done, person, || {
        format!(
            "{} is signed in at {} until {}\n",
            escape::line(person),
            escape::line(server),
            escape::line(expires_at)
        )
    })?;
    Ok(Exit::Done)
}

/// Signs out: the server accepts the sign-in no more, and nothing of it stays here.
///
/// # Errors
/// When no server is named, it cannot be told, or the file cannot be removed.
pub(super) async fn logout(context: &Context) -> Result<Exit, Failure> {
    let https = server(context)?;
    let url = https.url();
    let Some(kept) = https.signed_in() else {
        context.output.remark(&format!("nobody was signed in at {url}"));
        return Ok(Exit::Done);
    };
    let told = context.client.delete(paths::LOGIN).await;
    // Nobody has it any more, whatever the server says.
    signed_in::forget(&url)?;
    match told {
        Err(failure) if !matches!(failure.exit(), Exit::SignIn | Exit::NotFound) => return Err(failure),
        _ => {}
    }
    let done = json!({ "server": url, "person": kept.person, "id": kept.id });
    context.output.one(&done, &kept.person, || {
        format!("{} is signed out at {}\n", escape::line(&kept.person), escape::line(&url))
    })?;
    Ok(Exit::Done)
}

/// The server, which is one over HTTPS.
fn server(context: &Context) -> Result<&Https, Failure> {
    match context.client.way() {
        Way::Https(https) => Ok(https),
        Way::Socket(_) => Err(Failure::usage("name the server to sign in at: it is reached over HTTPS")
            .hint("mayfly login https://HOST:PORT")),
    }
}

/// Who signs in: as they say, or whoever signed in before; asked at a terminal, where the name here is offered.
fn name(context: &Context, person: &Person, before: Option<&SignedIn>) -> Result<String, Failure> {
    if person.person.is_some() {
        return sign_in::who(context, person);
    }
    let default =
        before.map_or_else(|| sign_in::who(context, person).unwrap_or_default(), |before| before.person.clone());
    let named = ask::with_default("name", &default, context.no_input)?;
    if named.is_empty() { sign_in::who(context, person) } else { Ok(named) }
}
