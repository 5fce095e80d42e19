//! Tokens of the API: made, listed and taken back. A token cannot make another, so all of it is for the local socket alone.

use super::Api;
use super::administrator::{Administrator, LocalSocket};
use super::problem::{Body, Parameters, Refusal};
use super::repeats::{NoStore, no_store};
use super::sessions::PAGE_MOST;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::api_token::{ApiToken, NewToken, VALID_DEFAULT};
use mayfly_access::store::{ApiTokens, IssueOutcome};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ApiTokenId, RecordName, Scope};
use mayfly_engine::ports::clock::Clock;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::tokens::{Token, TokenAnswer, TokenRequest};
use mayfly_wire::{Page, PageQuery};
use std::sync::Arc;
use std::time::Duration;

fn worded(token: &ApiToken) -> Token {
    Token {
        id: token.id.to_string(),
        name: token.name.to_string(),
        scopes: token.scopes.iter().map(ToString::to_string).collect(),
        issued_at: token.issued.to_string(),
        expires_at: token.expires.to_string(),
        made_by: token.made_by.clone(),
    }
}

fn token_id(text: &str) -> Result<ApiTokenId, Refusal> {
    ApiTokenId::parse(text).map_err(|error| Refusal::new(Code::Invalid, error.to_string()).next("mayfly token ls"))
}

/// List tokens, also those that have expired
#[utoipa::path(
    get,
    path = paths::TOKENS,
    tag = "tokens",
    params(PageQuery),
    responses((status = OK, body = Page<Token>)),
    security(("socket" = [])),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: Administrator<LocalSocket>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<Page<Token>>, Refusal> {
    let limit = query.limit.unwrap_or(PAGE_MOST).clamp(1, PAGE_MOST);
    let after = query.after.as_deref().map(token_id).transpose()?;
    let tokens = api.context.store.list(after.as_ref(), limit).await?;
    let next = if tokens.len() == limit as usize { tokens.last().map(|token| token.id.to_string()) } else { None };
    Ok(Json(Page { items: tokens.iter().map(worded).collect(), next }))
}

/// Make a token
#[utoipa::path(
    post,
    path = paths::TOKENS,
    tag = "tokens",
    request_body = TokenRequest,
    responses((status = OK, body = TokenAnswer)),
    security(("socket" = [])),
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<TokenRequest>,
) -> Result<(NoStore, Json<TokenAnswer>), Refusal> {
    let invalid = |text: String| Refusal::new(Code::Invalid, text);
    let name = RecordName::parse(&request.name).map_err(|error| invalid(error.to_string()))?;
    let scopes = request.scopes.iter().map(|scope| Scope::parse(scope)).collect::<Result<Vec<_>, _>>();
    let wanted = NewToken {
        name,
        scopes: scopes.map_err(|error| invalid(error.to_string()))?,
        valid: request.valid_s.map_or(VALID_DEFAULT, Duration::from_secs),
        made_by: by.by().to_owned(),
    };
    let issued = ApiToken::issue(wanted, api.context.clock.wall(), &mut api.context.entropy());
    let (secret, token) = issued.map_err(|error| invalid(error.to_string()))?;
    let shown = worded(&token);
    let event = api.context.event(EventKind::ApiTokenIssued, by.by());
    let event = event.with("token", token.id.as_str()).with("name", token.name.as_str());
    let event = event.with("scopes", shown.scopes.join(" ")).with("expires", token.expires);
    match ApiTokens::put(&*api.context.store, token, vec![event]).await? {
        IssueOutcome::Stored => {
            Ok((no_store(), Json(TokenAnswer { token: shown, secret: secret.expose().to_owned() })))
        }
        IssueOutcome::NameTaken(id) => {
            let detail = format!("there is a token {} already: take it back, or choose another name", shown.name);
            Err(Refusal::new(Code::Conflict, detail).next(format!("mayfly token revoke {id}")))
        }
    }
}

/// Take a token back
#[utoipa::path(
    delete,
    path = paths::TOKEN,
    tag = "tokens",
    params(("id" = String, Path, description = "The token")),
    responses((status = OK)),
    security(("socket" = [])),
)]
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Path(id): Path<String>,
) -> Result<(), Refusal> {
    let id = token_id(&id)?;
    let event = api.context.event(EventKind::ApiTokenRevoked, by.by()).with("token", id.as_str());
    if api.context.store.revoke(&id, vec![event]).await? {
        return Ok(());
    }
    Err(Refusal::new(Code::NotFound, format!("there is no token {id}")).next("mayfly token ls"))
}
