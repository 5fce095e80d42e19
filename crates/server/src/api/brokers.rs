//! Where native clients connect, which is no secret: whoever can reach the listeners finds them anyway.

use super::Api;
use crate::ssh_authority;
use axum::Json;
use axum::extract::State;
use mayfly_wire::connect::{Broker, BrokersAnswer};
use mayfly_wire::paths;
use std::sync::Arc;

/// Where native clients connect
#[utoipa::path(get, path = paths::BROKERS, tag = "server", responses((status = OK, body = BrokersAnswer)))]
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<BrokersAnswer> {
    Json(BrokersAnswer { brokers: postgresql(&api).into_iter().chain(ssh(&api)).collect() })
}

/// The broker of PostgreSQL, where this server has one.
pub(super) fn postgresql(api: &Api) -> Option<Broker> {
    api.postgres.map(|listener| Broker {
        protocol: "postgresql".to_owned(),
        host: api.public_host.clone(),
        port: listener.port(),
        known_hosts: None,
    })
}

/// The broker of SSH, where this server has one.
pub(super) fn ssh(api: &Api) -> Option<Broker> {
    api.ssh.map(|listener| Broker {
        protocol: "ssh".to_owned(),
        host: api.public_host.clone(),
        port: listener.port(),
        known_hosts: Some(ssh_authority::known_hosts(&api.ssh_authority, &api.public_host, listener.port())),
    })
}
