//! Where native clients connect, which is no secret: whoever can reach the listeners finds them anyway.

use super::Api;
use crate::ssh_authority;
use axum::Json;
use axum::extract::State;
use mayfly_access::objects::DatabaseType;
use mayfly_wire::connect::{Broker, BrokersAnswer};
use mayfly_wire::paths;
use std::sync::Arc;

/// Where native clients connect
#[utoipa::path(get, path = paths::BROKERS, tag = "server", responses((status = OK, body = BrokersAnswer)))]
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<BrokersAnswer> {
    let databases = DatabaseType::ALL.into_iter().filter_map(|of| database(&api, of));
    Json(BrokersAnswer { brokers: databases.chain(ssh(&api)).collect() })
}

/// The broker of databases of this type, where this server has one.
pub(super) fn database(api: &Api, of: DatabaseType) -> Option<Broker> {
    let listener = api.addresses.database(of);
    listener.map(|listener| Broker {
        protocol: of.as_str().to_owned(),
        host: api.public_host.clone(),
        port: listener.port(),
        known_hosts: None,
    })
}

/// The broker of SSH, where this server has one.
pub(super) fn ssh(api: &Api) -> Option<Broker> {
    api.addresses.ssh.map(|listener| Broker {
        protocol: "ssh".to_owned(),
        host: api.public_host.clone(),
        port: listener.port(),
        known_hosts: Some(ssh_authority::known_hosts(&api.ssh_authority, &api.public_host, listener.port())),
    })
}
