//! Where clients come in: the listeners, all bound before anybody is served, and the brokers behind them.

use crate::authority::ServerTls;
use crate::config::Listen;
use crate::context::Context;
use crate::door::ServerDoor;
use crate::entropy::OsEntropy;
use crate::ports;
use crate::ssh_authority::SshIdentity;
use mayfly_access::objects::DatabaseType;
use mayfly_brokers::port::{Clock, Task};
use mayfly_brokers::{mysql, postgres, ssh, tds};
use mayfly_engine::Tasks;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Nobody can listen where a setting says.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({setting}): {source}: {holder} uses it: stop it, or set another address")]
pub struct ListenError {
    /// The setting.
    setting: &'static str,
    /// Its value.
    address: SocketAddr,
    /// Who listens there, as far as it can be seen.
    holder: String,
    /// The system's error.
    source: std::io::Error,
}

/// Every listener that the settings name.
pub(crate) struct Doors {
    /// The API.
    pub(crate) https: Option<TcpListener>,
    /// Metrics and health.
    pub(crate) metrics: Option<TcpListener>,
    /// Those of native clients.
    pub(crate) brokers: Brokers,
}

/// The listeners of native clients.
pub(crate) struct Brokers {
    postgres: Option<TcpListener>,
    mysql: Option<TcpListener>,
    mariadb: Option<TcpListener>,
    mssql: Option<TcpListener>,
    ssh: Option<TcpListener>,
}

/// Where native clients connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    postgres: Option<SocketAddr>,
    mysql: Option<SocketAddr>,
    mariadb: Option<SocketAddr>,
    mssql: Option<SocketAddr>,
    /// Clients of SSH.
    pub(crate) ssh: Option<SocketAddr>,
}

impl Addresses {
    /// Where clients of databases of this type connect.
    pub(crate) fn database(&self, of: DatabaseType) -> Option<SocketAddr> {
        match of {
            DatabaseType::Postgresql => self.postgres,
            DatabaseType::Mysql => self.mysql,
            DatabaseType::Mariadb => self.mariadb,
            DatabaseType::Mssql => self.mssql,
        }
    }
}

/// Listens where a setting says so.
async fn listen(setting: &'static str, at: Option<SocketAddr>) -> Result<Option<TcpListener>, ListenError> {
    let Some(address) = at else { return Ok(None) };
    let bound = TcpListener::bind(address).await.map_err(|source| {
        let holder = ports::holder(address).map_or_else(|| "something".to_owned(), |holder| holder.to_string());
        ListenError { setting, address, holder, source }
    });
    bound.map(Some)
}

impl Doors {
    /// Binds every listener.
    ///
    /// # Errors
    /// [`ListenError`] for the first that cannot be bound.
    pub(crate) async fn bind(wanted: &Listen) -> Result<Self, ListenError> {
        Ok(Self {
            https: listen("listen.https", wanted.https).await?,
            brokers: Brokers {
                postgres: listen("listen.postgres", wanted.postgres).await?,
                mysql: listen("listen.mysql", wanted.mysql).await?,
                mariadb: listen("listen.mariadb", wanted.mariadb).await?,
                mssql: listen("listen.mssql", wanted.mssql).await?,
                ssh: listen("listen.ssh", wanted.ssh).await?,
            },
            metrics: listen("listen.metrics", wanted.metrics).await?,
        })
    }

    /// Where native clients connect, with the ports that were given where none was named.
    pub(crate) fn addresses(&self) -> Addresses {
        let bound = |listener: &Option<TcpListener>| listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let Brokers { postgres, mysql, mariadb, mssql, ssh } = &self.brokers;
        Addresses {
            postgres: bound(postgres),
            mysql: bound(mysql),
            mariadb: bound(mariadb),
            mssql: bound(mssql),
            ssh: bound(ssh),
        }
    }
}

impl Brokers {
    /// Serves clients of every protocol, in tasks of `listeners`.
    pub(crate) fn serve(
        self,
        listeners: &Tasks,
        door: &Arc<ServerDoor>,
        context: &Arc<Context>,
        tls: &ServerTls,
        identity: SshIdentity,
    ) {
        if let Some(listener) = self.postgres {
            listeners.spawn("postgresql listener", postgres_broker(listener, Arc::clone(door), context, tls));
        }
        for (listener, flavour) in [(self.mysql, mysql::Flavour::Mysql), (self.mariadb, mysql::Flavour::Mariadb)] {
            if let Some(listener) = listener {
                listeners.spawn("mysql listener", mysql_broker(listener, flavour, Arc::clone(door), context, tls));
            }
        }
        if let Some(listener) = self.mssql {
            listeners.spawn("mssql listener", mssql_broker(listener, Arc::clone(door), context, tls));
        }
        if let Some(listener) = self.ssh {
            listeners.spawn("ssh listener", ssh_broker(listener, Arc::clone(door), context, identity));
        }
    }
}

/// Brokers start their tasks in the server's set.
struct BrokerTasks(Tasks);

impl mayfly_brokers::port::Tasks for BrokerTasks {
    fn spawn(&self, name: &'static str, task: Task) {
        self.0.spawn(name, task);
    }
}

/// The PostgreSQL broker, for as long as its task lives.
fn postgres_broker(
    listener: TcpListener,
    door: Arc<ServerDoor>,
    context: &Arc<Context>,
    tls: &ServerTls,
) -> impl Future<Output = ()> + Send + 'static {
    let broker = postgres::Context::new(postgres::Parts {
        door,
        tasks: Arc::new(BrokerTasks(context.tasks.clone())),
        clock: Arc::clone(&context.clock) as Arc<dyn Clock>,
        entropy: Box::new(OsEntropy),
        tls: Arc::clone(&tls.config),
        certificate: tls.certificate.clone(),
        settings: postgres::Settings::default(),
    });
    postgres::run(listener, broker, std::future::pending())
}

/// A broker of MySQL or MariaDB, for as long as its task lives.
fn mysql_broker(
    listener: TcpListener,
    flavour: mysql::Flavour,
    door: Arc<ServerDoor>,
    context: &Arc<Context>,
    tls: &ServerTls,
) -> impl Future<Output = ()> + Send + 'static {
    let broker = mysql::Context::new(mysql::Parts {
        door,
        tasks: Arc::new(BrokerTasks(context.tasks.clone())),
        entropy: Box::new(OsEntropy),
        tls: Arc::clone(&tls.config),
        flavour,
        settings: mysql::Settings::default(),
    });
    mysql::run(listener, broker, std::future::pending())
}

/// The broker of SQL Server, for as long as its task lives.
fn mssql_broker(
    listener: TcpListener,
    door: Arc<ServerDoor>,
    context: &Arc<Context>,
    tls: &ServerTls,
) -> impl Future<Output = ()> + Send + 'static {
    let broker = tds::Context::new(tds::Parts {
        door,
        tasks: Arc::new(BrokerTasks(context.tasks.clone())),
        entropy: Box::new(OsEntropy),
        tls: Arc::clone(&tls.config),
        settings: tds::Settings::default(),
    });
    tds::run(listener, broker, std::future::pending())
}

/// The SSH broker, for as long as its task lives.
fn ssh_broker(
    listener: TcpListener,
    door: Arc<ServerDoor>,
    context: &Arc<Context>,
    identity: SshIdentity,
) -> impl Future<Output = ()> + Send + 'static {
    let broker = ssh::Context::new(ssh::Parts {
        door,
        tasks: Arc::new(BrokerTasks(context.tasks.clone())),
        clock: Arc::clone(&context.clock) as Arc<dyn Clock>,
        entropy: Box::new(OsEntropy),
        host_key: identity.host_key,
        settings: ssh::Settings::default(),
    });
    ssh::run(listener, broker, std::future::pending())
}
