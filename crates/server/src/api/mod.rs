//! The API, over the local socket and HTTPS: one module for each resource, one table of routes, one wall that every request passes.

mod administrator;
mod audit;
mod cleanup;
mod connect;
mod https;
mod objects;
mod problem;
mod records;
mod serve;
mod sessions;
mod status;
mod tokens;

use crate::context::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};
use mayfly_wire::paths;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use https::serve as serve_https;
pub(crate) use serve::{bind, serve};

/// The largest body of a request; the largest set of objects fits in.
const BODY_MOST: usize = 2 * 1024 * 1024;

/// What the handlers share.
pub(crate) struct Api {
    /// The server.
    pub(crate) context: Arc<Context>,
    /// The name under which clients reach the brokers.
    pub(crate) public_host: String,
    /// Where the PostgreSQL broker listens, if it does.
    pub(crate) postgres: Option<SocketAddr>,
    /// Where the SSH broker listens, if it does.
    pub(crate) ssh: Option<SocketAddr>,
    /// The public key of the local SSH authority.
    pub(crate) ssh_authority: String,
    /// The data directory, for the certificate of the local authority.
    pub(crate) data_directory: PathBuf,
}

/// The routes.
pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route(paths::STATUS, get(status::status))
        .route(paths::CA, get(status::authority))
        .route(paths::OBJECTS, get(objects::list).post(objects::apply))
        .route(paths::SECRET, put(objects::set_secret))
        .route(paths::CONNECT, post(connect::connect))
        .route(paths::SESSIONS, get(sessions::list))
        .route(paths::SESSION_END, post(sessions::end))
        .route(paths::CLEANUP, get(cleanup::list))
        .route(paths::CLEANUP_ONE, get(cleanup::show))
        .route(paths::CLEANUP_RETRY, post(cleanup::retry))
        .route(paths::RECORD_CHECK, post(records::check))
        .route(paths::RECORD_PIN, post(records::pin))
        .route(paths::TOKENS, get(tokens::list).post(tokens::create))
        .route(paths::TOKEN, delete(tokens::revoke))
        .route(paths::AUDIT, get(audit::read))
        .fallback(problem::no_such_path)
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .with_state(api)
}
