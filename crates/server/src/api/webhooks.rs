//! Webhooks: made, listed, given another secret, switched on again and deleted. What is sent out of the house is for an administrator
//! at the local socket alone.

use super::Api;
use super::administrator::{Administrator, Audit, LocalSocket};
use super::problem::{Body, Refusal};
use axum::Json;
use axum::extract::{Path, State};
use mayfly_access::store::Webhooks;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{Administration, Entropy, RecordName, Secret};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trail::Trail;
use mayfly_export::http::Url;
use mayfly_export::webhook::Key;
use mayfly_wire::Page;
use mayfly_wire::paths;
use mayfly_wire::problem::Code;
use mayfly_wire::webhooks::{RotateRequest, Webhook, WebhookRequest, WebhookSecret};
use std::sync::Arc;

/// How many webhooks there may be: each is asked for every second.
const MOST: usize = 100;
/// How many kinds one may name.
const KINDS_MOST: usize = 100;

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(Code::Invalid, text)
}

fn missing(name: &str) -> Refusal {
    Refusal::new(Code::NotFound, format!("there is no webhook {name}")).next("mayfly webhook ls")
}

fn named(text: &str) -> Result<RecordName, Refusal> {
    RecordName::parse(text).map_err(|error| invalid(error.to_string()))
}

impl Api {
    fn webhook_event(&self, kind: EventKind, by: &Administration, name: &RecordName) -> Event {
        self.context.event(kind, by.by()).with("webhook", name)
    }

    fn new_salt(&self) -> Vec<u8> {
        let mut salt = [0; 16];
        self.context.entropy().fill(&mut salt);
        salt.to_vec()
    }

    fn webhook_secret(&self, salt: &[u8]) -> Secret {
        Key::derive(&self.context.authorities.seed_for_webhooks(), salt).written()
    }
}

/// A kind, the first word of some, or everything.
fn kind(text: &str) -> Result<String, Refusal> {
    let known = |known: &EventKind| {
        let word = known.as_str();
        word == text || word.split_once('.').is_some_and(|(object, _)| object == text)
    };
    if text == "*" || EventKind::ALL.iter().any(known) {
        return Ok(text.to_owned());
    }
    Err(invalid(format!("{text:?} is no kind of event: see docs/webhooks.md")))
}

/// List webhooks
#[utoipa::path(
    get,
    path = paths::WEBHOOKS,
    tag = "webhooks",
    responses((status = OK, body = Page<Webhook>)),
    security(("token" = ["audit"])),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, _: Administrator<Audit>) -> Result<Json<Page<Webhook>>, Refusal> {
    Ok(Json(Page { items: all(&api).await?, next: None }))
}

/// Every webhook, as it is shown.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn all(api: &Api) -> Result<Vec<Webhook>, Refusal> {
    let all = api.context.store.webhooks().await?;
    let worded = |webhook: mayfly_access::store::Webhook| Webhook {
        name: webhook.name.to_string(),
        endpoint: Url::parse(&webhook.url).map_or_else(|why| why, |url| url.endpoint.to_string()),
        kinds: webhook.kinds,
        allow_private: webhook.private,
        disabled: webhook.disabled,
        waiting: webhook.waiting,
        failure: webhook.failure,
        two_secrets: webhook.salt_before.is_some(),
        made_by: webhook.made_by,
        made_at: webhook.made.to_string(),
    };
    Ok(all.into_iter().map(worded).collect())
}

/// Make a webhook
#[utoipa::path(
    post,
    path = paths::WEBHOOKS,
    tag = "webhooks",
    request_body = WebhookRequest,
    responses((status = OK, body = WebhookSecret)),
    security(("socket" = [])),
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Body(request): Body<WebhookRequest>,
) -> Result<Json<WebhookSecret>, Refusal> {
    let name = named(&request.name)?;
    let url = Url::parse(&request.url).map_err(invalid)?;
    if request.kinds.is_empty() || request.kinds.len() > KINDS_MOST {
        return Err(invalid(format!("name between 1 and {KINDS_MOST} kinds of events")));
    }
    let kinds = request.kinds.iter().map(|text| kind(text)).collect::<Result<Vec<_>, _>>()?;
    if api.context.store.webhooks().await?.len() >= MOST {
        return Err(Refusal::new(Code::Conflict, format!("there are {MOST} webhooks already: delete one first")));
    }
    let salt = api.new_salt();
    let event = api.webhook_event(EventKind::WebhookCreated, &by, &name);
    let event = event.with("endpoint", &url.endpoint).with("kinds", kinds.join(" "));
    let webhook = mayfly_access::store::Webhook {
        name: name.clone(),
        url: request.url,
        kinds,
        private: request.allow_private,
        salt: salt.clone(),
        salt_before: None,
        // It gets what happens from now on.
        next: api.context.store.size().await?,
        disabled: None,
        made_by: by.by().to_owned(),
        made: api.context.clock.wall(),
        waiting: 0,
        failure: None,
    };
    if !api.context.store.create(webhook, vec![event]).await? {
        let detail = format!("there is a webhook {name} already: delete it, or choose another name");
        return Err(Refusal::new(Code::Conflict, detail).next(format!("mayfly webhook delete {name}")));
    }
    Ok(Json(WebhookSecret { name: name.to_string(), secret: api.webhook_secret(&salt).expose().to_owned() }))
}

/// Give a webhook a new secret beside the one before, or let that one sign no more
#[utoipa::path(
    post,
    path = paths::WEBHOOK_ROTATE,
    tag = "webhooks",
    params(("name" = String, Path, description = "The webhook")),
    request_body = RotateRequest,
    responses((status = OK, body = Option<WebhookSecret>)),
    security(("socket" = [])),
)]
pub(super) async fn rotate(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Path(name): Path<String>,
    Body(request): Body<RotateRequest>,
) -> Result<Json<Option<WebhookSecret>>, Refusal> {
    let name = named(&name)?;
    let salt = (!request.finish).then(|| api.new_salt());
    let event = api.webhook_event(EventKind::WebhookRotated, &by, &name).with("finished", request.finish);
    if !api.context.store.rotate(&name, salt.clone(), vec![event]).await? {
        return Err(missing(name.as_str()));
    }
    let secret = salt.map(|salt| api.webhook_secret(&salt).expose().to_owned());
    Ok(Json(secret.map(|secret| WebhookSecret { name: name.to_string(), secret })))
}

/// Switch a webhook on again; what waits for it is tried at once
#[utoipa::path(
    post,
    path = paths::WEBHOOK_ENABLE,
    tag = "webhooks",
    params(("name" = String, Path, description = "The webhook")),
    responses((status = OK)),
    security(("socket" = [])),
)]
pub(super) async fn enable(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Path(name): Path<String>,
) -> Result<(), Refusal> {
    let name = named(&name)?;
    let event = api.webhook_event(EventKind::WebhookEnabled, &by, &name);
    if api.context.store.switch(&name, None, api.context.clock.wall(), vec![event]).await? {
        return Ok(());
    }
    Err(missing(name.as_str()))
}

/// Delete a webhook and what waits for it
#[utoipa::path(
    delete,
    path = paths::WEBHOOK,
    tag = "webhooks",
    params(("name" = String, Path, description = "The webhook")),
    responses((status = OK)),
    security(("socket" = [])),
)]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<LocalSocket>,
    Path(name): Path<String>,
) -> Result<(), Refusal> {
    let name = named(&name)?;
    let event = api.webhook_event(EventKind::WebhookDeleted, &by, &name);
    if api.context.store.delete_webhook(&name, vec![event]).await? {
        return Ok(());
    }
    Err(missing(name.as_str()))
}
