//! The composition: everything is built here once, in the order in which it depends on each other, and handed out as narrow
//! handles.

use crate::api::{self, Api, Followers};
use crate::authority::{self, AuthorityError};
use crate::clock::OsClock;
use crate::config::{Config, ConfigError};
use crate::context::{Context, Parts};
use crate::couriers;
use crate::credentials::SealedCredentials;
use crate::door::ServerDoor;
use crate::doors::{Doors, ListenError};
use crate::entropy::OsEntropy;
use crate::keys::{self, Signer};
use crate::lockdowns::Lockdowns;
use crate::logging::Logging;
use crate::metrics::{self, Metrics};
use crate::orphans;
use crate::reload::Reloadable;
use crate::sign_ins;
use crate::sinks;
use crate::ssh_authority;
use crate::taps::Taps;
use crate::traces;
use crate::user_authority::{self, UserAuthorities};
use mayfly_access::store::StoreError;
use mayfly_dial::Dialer;
use mayfly_domain::RunId;
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::LedgerError;
use mayfly_engine::ports::trace::Tracer;
use mayfly_engine::{Engine, Identity, Ports, Tasks};
use mayfly_export::trace::Traces;
use mayfly_providers::{Registry, Services};
use mayfly_store::{OpenError, Store};
use mayfly_vault::{KeyCheck, SourceError, Vault, VaultError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long sessions get at a stop before they are left for the next run.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key.
    #[error(transparent)]
    Key(#[from] SourceError),
    /// The installation's key is not the one that the store needs.
    #[error("{0}")]
    WrongKey(VaultError),
    /// The installation's key cannot be read.
    #[error(
        "{source}{}: this store needs the installation's key {expected}; where it is lost, `mayfly server recover-key` makes it \
         again from the recovery key",
        cause(source)
    )]
    NoKey {
        /// The name of the key that is needed.
        expected: String,
        /// Why it cannot be read.
        source: SourceError,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// What people applied cannot be read.
    #[error(transparent)]
    Access(#[from] StoreError),
    /// The ledger, once open.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The local certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A sink of the trail, or the receiver of traces.
    #[error("{0}")]
    Sink(String),
    /// The local socket.
    #[error("{0}")]
    Socket(String),
}

/// What is behind an error, where something is.
fn cause(error: &SourceError) -> String {
    std::error::Error::source(error).map_or_else(String::new, |cause| format!(" ({cause})"))
}

/// Where the key check is.
pub(crate) fn key_check_path(data: &Path) -> PathBuf {
    data.join("key-check")
}

/// The key check of a store.
pub(crate) fn read_key_check(data: &Path) -> Result<KeyCheck, StartError> {
    let path = key_check_path(data);
    let bytes = std::fs::read(&path).map_err(|source| StartError::File { path, source })?;
    Ok(KeyCheck::from_bytes(bytes))
}

/// Loads the installation's key and checks that it is the one that this store needs. While it is exchanged, both are loaded.
pub(crate) fn open_vault(config: &Config) -> Result<Vault, StartError> {
    let check = read_key_check(&config.data_directory)?;
    let expected = check.expected().map_err(StartError::WrongKey)?;
    let key = keys::installation_key(&config.keys)
        .map_err(|source| StartError::NoKey { expected: expected.to_string(), source })?;
    let vault = match keys::next_installation_key(&config.keys)? {
        None => Vault::new(key),
        Some(next) => {
            tracing::warn!("The installation's key is being exchanged: finish it with `mayfly server rotate-key`");
            let (used, other) = if next.fingerprint() == expected { (next, key) } else { (key, next) };
            Vault::new(used).also_opening(other)
        }
    };
    let installation = mayfly_store::installation(&config.data_directory)?;
    vault.verify(&installation, &check).map_err(StartError::WrongKey)?;
    Ok(vault)
}

/// Where the store is.
pub(crate) fn store_settings(config: &Config) -> mayfly_store::Settings {
    mayfly_store::Settings { directory: config.data_directory.clone(), checkpoints: config.audit.checkpoints.clone() }
}

/// A server that runs.
pub(crate) struct Server {
    context: Arc<Context>,
    /// The tasks of listeners and the clock; ended last.
    tasks: Tasks,
    /// Ended first, so that nobody new comes in.
    listeners: Tasks,
    traces: Option<Arc<Traces>>,
    /// What can change while it runs.
    reloadable: Reloadable,
}

impl Server {
    /// Starts the server: everything is bound and checked before the first client is served.
    ///
    /// # Errors
    /// [`StartError`] with what is wrong and what to do.
    pub(crate) async fn start(config: Config) -> Result<Self, StartError> {
        let (tasks, listeners) = (Tasks::new(), Tasks::new());
        let vault = Arc::new(open_vault(&config)?);
        let clock = OsClock::start(&tasks);
        let installation = mayfly_store::installation(&config.data_directory)?;
        let signer = Signer::new(&installation, keys::audit_key(&config.keys)?);
        let identity =
            ssh_authority::load(&config.data_directory, &vault, &config.public_host, clock.wall(), &mut OsEntropy)?;
        let tls = authority::server_tls(&config.data_directory, &vault, &config.public_host, clock.wall())?;
        let reloadable = Reloadable::new(&config, tls.clone())?;
        let authorities = user_authority::load(&config.data_directory, &vault, &config.account_prefix)?;
        let ready = sinks::make(&config).map_err(StartError::Sink)?;
        let traces = traces::make(&config).map_err(StartError::Sink)?;
        let socket = api::bind(&config.listen.socket).map_err(StartError::Socket)?;
        let doors = Doors::bind(&config.listen).await?;
        tracing::info!(fingerprint = identity.host_key.fingerprint(), "SSH host key");
        let store = open_store(&config, Arc::clone(&clock) as Arc<dyn Clock>, signer).await?;
        let credentials = Arc::new(SealedCredentials::new(Arc::clone(&store), Arc::clone(&vault)));
        let told = (authorities, traces::tracer(traces.as_ref()));
        let context = context(&config, &clock, &store, &vault, &credentials, told, &tasks).await?;
        if store.observing() {
            observe(&store);
        } else {
            act(&context).await?;
        }
        let addresses = doors.addresses();
        let ssh_authority = identity.authority().to_owned();
        let Doors { https, metrics: metrics_at, brokers } = doors;
        if !store.observing() {
            let door = Arc::new(ServerDoor::new(Arc::clone(&context), credentials));
            brokers.serve(&listeners, &door, &context, &tls, identity);
        }
        let states = sinks::start(ready, &context, &tasks);
        couriers::start(&config, &context, &tasks);
        let traces = traces::start(traces, &context, &tasks);
        let metrics = Metrics::new(Arc::clone(&context), states, traces.clone());
        if let Some(listener) = metrics_at {
            listeners.spawn("metrics listener", metrics::serve(listener, Arc::clone(&metrics), listeners.clone()));
        }
        look_after(&config, &context, &listeners);
        let api = Arc::new(Api {
            context: Arc::clone(&context),
            public_host: config.public_host.clone(),
            addresses,
            ssh_authority,
            data_directory: config.data_directory.clone(),
            config: reloadable.config(),
            metrics,
            underway: Arc::default(),
            followers: Followers::default(),
        });
        let router = api::router(api);
        if let Some(listener) = https {
            let served = api::serve_https(listener, reloadable.https(), router.clone(), listeners.clone());
            listeners.spawn("https listener", served);
        }
        listeners.spawn("api listener", api::serve(socket, router, listeners.clone()));
        Ok(Self { context, tasks, listeners, traces, reloadable })
    }

    /// Waits until the copy of the store that this server observes is made the one that acts.
    pub(crate) async fn activated(&self) {
        self.context.activated.notified().await;
    }

    /// Takes over what can change while the server runs, all of it or nothing. Answers the names of the settings that wait for the next
    /// start.
    ///
    /// # Errors
    /// A sentence that says what cannot be used.
    pub(crate) fn reload(&self, wanted: &Config, log: &Logging) -> Result<Vec<String>, String> {
        self.reloadable.take(wanted, log)
    }

    /// Ends the server in order: nobody new comes in, sessions are ended and taken out, the store is closed.
    pub(crate) async fn stop(self) {
        self.listeners.end().await;
        self.context.engine.stop(STOP_LIMIT).await;
        let stopped = self.context.event(EventKind::ServerStopped, "server");
        if !self.context.store.observing()
            && let Err(error) = self.context.record(vec![stopped]).await
        {
            tracing::error!(%error, "The end of this run could not be put on record");
        }
        traces::finish(self.traces.as_ref()).await;
        self.tasks.end().await;
        let store = Arc::clone(&self.context.store);
        // Closing writes the last checkpoint and waits for threads.
        if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
            tracing::error!("The store could not be closed in order");
        }
        if let Err(error) = std::fs::remove_file(&self.reloadable.config().borrow().listen.socket) {
            tracing::debug!(%error, "The socket was gone already");
        }
    }
}

/// Starts what looks after things from time to time.
fn look_after(config: &Config, context: &Arc<Context>, tasks: &Tasks) {
    if context.store.observing() {
        return;
    }
    tasks.spawn("refused sign-ins", sign_ins::report(Arc::clone(context)));
    if config.orphans.scan_every_s > 0 {
        let every = Duration::from_secs(config.orphans.scan_every_s.into());
        tasks.spawn("orphans", orphans::on_schedule(Arc::clone(context), every));
    }
}

/// Says why nothing is done.
fn observe(store: &Store) {
    for doubt in store.doubts() {
        tracing::warn!(epoch = store.epoch(), %doubt, "This server only observes: nothing is opened, ended or removed");
    }
}

/// Begins a run: it is on record, and what earlier runs left is taken out.
async fn act(context: &Context) -> Result<(), StartError> {
    context.record(vec![context.event(EventKind::ServerStarted, "server")]).await?;
    context.engine.start().await?;
    Ok(())
}

/// Opens the store without blocking the runtime: it reads the whole trail once.
pub(crate) async fn open_store(
    config: &Config,
    clock: Arc<dyn Clock>,
    signer: Signer,
) -> Result<Arc<Store>, StartError> {
    let settings = store_settings(config);
    let opened = tokio::task::spawn_blocking(move || Store::open(&settings, clock, Arc::new(signer))).await;
    match opened {
        Ok(store) => Ok(Arc::new(store?)),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn context(
    config: &Config,
    clock: &Arc<OsClock>,
    store: &Arc<Store>,
    vault: &Arc<Vault>,
    credentials: &Arc<SealedCredentials>,
    (authorities, tracer): (UserAuthorities, Arc<Taps>),
    tasks: &Tasks,
) -> Result<Arc<Context>, StoreError> {
    let run = RunId::random(&mut OsEntropy);
    let credentials: Arc<dyn mayfly_dial::Credentials> = credentials.clone();
    let services = Services::new(Dialer, credentials, Box::new(OsEntropy));
    let providers = Arc::new(Registry::new(&services));
    let identity = Identity {
        installation: store.installation().clone(),
        run: run.clone(),
        prefix: config.account_prefix.clone(),
    };
    let ports = Ports {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        ledger: store.clone(),
        providers: providers.clone(),
        tracer: Arc::clone(&tracer) as Arc<dyn Tracer>,
        entropy: Box::new(OsEntropy),
    };
    let margin = Duration::from_secs(config.sessions.margin_s.into());
    let engine = Engine::new(mayfly_engine::Settings { margin, ..mayfly_engine::Settings::default() }, identity, ports);
    Ok(Context::new(Parts {
        clock: Arc::clone(clock),
        store: Arc::clone(store),
        vault: Arc::clone(vault),
        engine,
        providers,
        tasks: tasks.clone(),
        run,
        prefix: config.account_prefix.clone(),
        authorities,
        tracer,
        lockdowns: Lockdowns::load(store).await?,
    }))
}
