//! The API, over the local socket and HTTPS: one module for each resource, one table of routes, one wall that every request passes.

mod access;
mod activate;
mod administrator;
mod apply;
mod audit;
mod backup;
mod brokers;
mod cleanup;
mod connect;
mod drain;
mod events;
mod exercise;
mod helpers;
mod https;
mod lockdowns;
mod login;
mod objects;
mod openapi;
mod orphans;
mod people;
mod person;
mod problem;
mod records;
mod repeats;
mod reports;
mod revision;
mod secrets;
mod serve;
mod sessions;
mod status;
mod support;
mod targets;
mod tokens;
mod traces;
mod webhooks;

use crate::context::Context;
use crate::doors::Addresses;
use crate::metrics::Metrics;
use crate::reload::InForce;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use mayfly_wire::paths;
use std::path::PathBuf;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use cleanup::owed;
pub(crate) use events::Followers;
pub(crate) use https::serve as serve_https;
pub(crate) use openapi::text as description;
use repeats::Underway;
pub(crate) use serve::{bind, serve};

/// The largest body of a request; the largest set of objects fits in.
const BODY_MOST: usize = 2 * 1024 * 1024;

/// The largest body of a request of somebody who has not shown who they are.
const STRANGERS_BODY_MOST: usize = 64 * 1024;

/// What the handlers share.
pub(crate) struct Api {
    /// The server.
    pub(crate) context: Arc<Context>,
    /// The name under which clients reach the brokers.
    pub(crate) public_host: String,
    /// Where native clients connect.
    pub(crate) addresses: Addresses,
    /// The public key of the local SSH authority.
    pub(crate) ssh_authority: String,
    /// The data directory, for the certificate of the local authority.
    pub(crate) data_directory: PathBuf,
    /// The settings in force.
    pub(crate) config: InForce,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// The requests with an idempotency key that are being worked on.
    pub(crate) underway: Arc<Underway>,
    /// The places of those who follow the trail.
    pub(crate) followers: Followers,
}

/// The routes, and the document that describes them.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let (router, _) = operations().split_for_parts();
    router
        .route(paths::OPENAPI, get(openapi::serve))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&api), repeats::once))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), activate::only_observing))
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(middleware::from_fn(traces::traced))
        .with_state(api)
}

/// Every operation of the API.
fn operations() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(status::authority))
        .routes(routes!(support::tell))
        .routes(routes!(activate::activate))
        .routes(routes!(backup::backup))
        .routes(routes!(drain::begin, drain::cancel))
        .routes(routes!(objects::list, apply::apply))
        .routes(routes!(objects::export))
        .routes(routes!(secrets::set))
        .routes(routes!(secrets::rebind))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(login::login, login::logout))
                .routes(routes!(connect::connect))
                .routes(routes!(access::access, access::own))
                .layer(DefaultBodyLimit::max(STRANGERS_BODY_MOST)),
        )
        .routes(routes!(brokers::list))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::tell))
        .routes(routes!(sessions::end))
        .routes(routes!(cleanup::list))
        .routes(routes!(cleanup::show))
        .routes(routes!(cleanup::manual))
        .routes(routes!(cleanup::retry))
        .routes(routes!(orphans::list))
        .routes(routes!(orphans::scan))
        .routes(routes!(orphans::remove))
        .routes(routes!(orphans::ignore))
        .routes(routes!(orphans::claims, orphans::claim))
        .routes(routes!(targets::list))
        .routes(routes!(targets::write_off))
        .routes(routes!(access::show))
        .routes(routes!(reports::access))
        .routes(routes!(reports::standing))
        .routes(routes!(records::check))
        .routes(routes!(exercise::exercise))
        .routes(routes!(records::pin))
        .routes(routes!(helpers::helpers))
        .routes(routes!(lockdowns::list, lockdowns::start))
        .routes(routes!(lockdowns::lift))
        .routes(routes!(people::disable))
        .routes(routes!(people::enable))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::enable))
        .routes(routes!(audit::read))
        .routes(routes!(events::follow))
        .routes(routes!(audit::export))
}
