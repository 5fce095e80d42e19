//! `mayfly server init`: makes an installation where there is none. It is the only thing that ever makes a key.

use crate::authority::{self, AuthorityError};
use crate::config::{Audit, Config, Keys, Listen, Log, LogFormat, Orphans, Sessions, Source, Webhooks};
use crate::entropy::OsEntropy;
use crate::files;
use crate::ports;
use crate::recovery;
use crate::ssh_authority;
use crate::user_authority;
use crate::wire_up::{key_check_path, store_settings};
use mayfly_domain::{Entropy, InstallationId, Prefix, WallTime};
use mayfly_store::OpenError;
use mayfly_vault::{AuditKey, InstallationKey, KeyTextError, RecoveryKey, SourceError, Vault, VaultError, write_new};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Shows a new recovery key to whoever keeps it. It fails, with why, unless they have it.
pub type Confirm<'a> = dyn FnMut(&RecoveryKey) -> Result<(), String> + 'a;

/// What an installation is made with.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// A directory below which everything is put (`etc`, `data`, `log`, `run`), for trying things out; without it the
    /// system's directories are used.
    pub directory: Option<PathBuf>,
    /// The name under which clients reach this server.
    pub public_host: String,
    /// Where the API is served over HTTPS.
    pub https: SocketAddr,
    /// Where PostgreSQL clients are served.
    pub postgres: SocketAddr,
    /// Where MySQL clients are served.
    pub mysql: SocketAddr,
    /// Where MariaDB clients are served.
    pub mariadb: SocketAddr,
    /// Where SQL Server clients are served.
    pub mssql: SocketAddr,
    /// Where SSH clients are served.
    pub ssh: SocketAddr,
    /// Where metrics are served, if at all.
    pub metrics: Option<SocketAddr>,
    /// What the names of ephemeral accounts start with.
    pub account_prefix: Prefix,
    /// The user id and group id that the server will run as, where they are not this process's own.
    pub owner: Option<(u32, u32)>,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct InitReport {
    /// The installation.
    pub installation: InstallationId,
    /// The settings file.
    pub config: PathBuf,
    /// The name of the installation's key.
    pub fingerprint: String,
    /// The name of the recovery key.
    pub recovery_fingerprint: String,
    /// The public key of the trail's checkpoints, as a verifier key of a signed note.
    pub audit_key: String,
    /// The certificate of the local authority.
    pub ca: PathBuf,
    /// The socket of the command line.
    pub socket: PathBuf,
}

/// Why no installation was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something of one is there already.
    #[error("{0} exists: an installation is never made over another; move it away first if it is not needed any more")]
    Exists(PathBuf),
    /// A port is not free, or is none of this machine's.
    #[error("{option} {address}: {what}")]
    Port {
        /// How it is given on the command line.
        option: &'static str,
        /// What was wanted.
        address: SocketAddr,
        /// Who is in the way, and where else it could be.
        what: String,
    },
    /// A file or directory.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Nobody has the recovery key.
    #[error("{0}")]
    NotConfirmed(String),
    /// A key.
    #[error(transparent)]
    Key(#[from] SourceError),
    /// A key's text.
    #[error(transparent)]
    KeyText(#[from] KeyTextError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store.
    #[error("the store in {path} cannot be made: {source}")]
    Store {
        /// The data directory.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The local certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The settings cannot be written as TOML.
    #[error("the settings cannot be written: {0}")]
    Settings(String),
}

/// The settings of a new installation, and where they go.
fn settings(options: &InitOptions) -> (PathBuf, Config) {
    let below = |system: &str, own: &str| {
        options.directory.as_ref().map_or_else(|| PathBuf::from(system), |directory| directory.join(own))
    };
    let etc = below("/etc/mayfly", "etc");
    let config = Config {
        public_host: options.public_host.clone(),
        data_directory: below("/var/lib/mayfly", "data"),
        account_prefix: options.account_prefix.clone(),
        listen: Listen {
            socket: below("/run/mayfly", "run").join("mayfly.sock"),
            https: Some(options.https),
            postgres: Some(options.postgres),
            mysql: Some(options.mysql),
            mariadb: Some(options.mariadb),
            mssql: Some(options.mssql),
            ssh: Some(options.ssh),
            metrics: options.metrics,
        },
        https: None,
        keys: Keys { master: Source::File(etc.join("master.key")), audit: Source::File(etc.join("audit.key")) },
        audit: Audit { checkpoints: below("/var/log/mayfly", "log").join("checkpoints"), sinks: Vec::new() },
        sessions: Sessions::default(),
        orphans: Orphans::default(),
        webhooks: Webhooks::default(),
        traces: None,
        log: Log { format: LogFormat::Text, ..Log::default() },
    };
    (etc.join("mayfly.toml"), config)
}

fn make_directory(path: &Path) -> Result<(), InitError> {
    let failed = |source| InitError::File { path: path.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(failed)
}

fn write(path: &Path, text: &str) -> Result<(), InitError> {
    use std::io::Write;
    let failed = |source| InitError::File { path: path.to_owned(), source };
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o644).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Makes an installation: keys, local authority, store and settings. `now` is the wall clock. `confirm` shows the recovery key to
/// whoever keeps it, and fails unless they have it: nothing is made before.
///
/// # Errors
/// [`InitError`]; what was made before the failure is left for the person to look at, and never used.
pub fn init(options: &InitOptions, now: WallTime, confirm: &mut Confirm<'_>) -> Result<InitReport, InitError> {
    let options = InitOptions { directory: absolute(options.directory.as_deref())?, ..options.clone() };
    let (path, config) = settings(&options);
    for made in [&path, &path.with_file_name("master.key"), &path.with_file_name("audit.key"), &config.data_directory] {
        let empty_directory = std::fs::read_dir(made).is_ok_and(|mut entries| entries.next().is_none());
        if made.exists() && !empty_directory {
            return Err(InitError::Exists(made.clone()));
        }
    }
    check_ports(&options)?;
    let mut entropy = OsEntropy;
    let recovery = RecoveryKey::generate(&mut entropy);
    confirm(&recovery).map_err(InitError::NotConfirmed)?;
    for directory in [path.parent(), config.listen.socket.parent(), config.audit.checkpoints.parent()] {
        directory.map(make_directory).transpose()?;
    }
    let installation = InstallationId::random(&mut entropy);
    let master = InstallationKey::generate(&mut entropy);
    let audit = AuditKey::generate(&mut entropy)?;
    write_new(&master, &path.with_file_name("master.key"))?;
    write_new(&audit, &path.with_file_name("audit.key"))?;
    mayfly_store::create(&store_settings(&config), &installation)
        .map_err(|source| InitError::Store { path: config.data_directory.clone(), source })?;
    let fingerprint = master.fingerprint().to_string();
    let sealed = recovery::seal(&recovery, &installation, &master, &audit, &mut entropy)?;
    authority::write(&recovery::path(&config.data_directory), sealed.as_bytes())?;
    let vault = Vault::new(master);
    keep_check(&config.data_directory, &vault, &installation, &mut entropy)?;
    authority::create(&config.data_directory, &installation, &vault, now, &mut entropy)?;
    ssh_authority::create(&config.data_directory, &vault, &mut entropy)?;
    user_authority::create(&config.data_directory, &vault, &mut entropy)?;
    let text = toml(&config)?;
    write(&path, &text)?;
    if let Some(owner) = options.owner {
        let own = |path: Option<&Path>| path.map_or(Ok(()), |path| hand_over(path, owner));
        for made in [path.with_file_name("master.key"), path.with_file_name("audit.key")] {
            own(Some(&made))?;
        }
        own(Some(&config.data_directory))?;
        own(config.audit.checkpoints.parent())?;
        own(config.listen.socket.parent())?;
    }
    Ok(InitReport {
        audit_key: crate::keys::verifier_key(&installation, &audit.public_key()),
        installation,
        config: path,
        fingerprint,
        recovery_fingerprint: recovery.fingerprint().to_string(),
        ca: config.data_directory.join("ca.pem"),
        socket: config.listen.socket,
    })
}

/// Whether the new server could listen where it is to listen, before anything is made.
fn check_ports(options: &InitOptions) -> Result<(), InitError> {
    let wanted = [
        ("--https", options.https),
        ("--postgres", options.postgres),
        ("--mysql", options.mysql),
        ("--mariadb", options.mariadb),
        ("--mssql", options.mssql),
        ("--ssh", options.ssh),
    ];
    for (option, address) in wanted.into_iter().chain(options.metrics.map(|address| ("--metrics", address))) {
        let what = match ports::is_free(address) {
            Ok(true) => continue,
            Ok(false) => {
                let holder =
                    ports::holder(address).map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
                let other =
                    ports::near(address).map_or_else(String::new, |near| format!(", or choose {option} {near}"));
                format!("{holder} listens there: stop it{other}")
            }
            Err(error) => format!("nobody can listen there: {error}"),
        };
        return Err(InitError::Port { option, address, what });
    }
    Ok(())
}

/// Gives a file, or a directory with all that is in it, to whoever the server will run as.
fn hand_over(path: &Path, owner: (u32, u32)) -> Result<(), InitError> {
    files::hand_over(path, owner).map_err(|source| InitError::File { path: path.to_owned(), source })
}

fn absolute(directory: Option<&Path>) -> Result<Option<PathBuf>, InitError> {
    let Some(directory) = directory else { return Ok(None) };
    let failed = |source| InitError::File { path: directory.to_owned(), source };
    std::path::absolute(directory).map(Some).map_err(failed)
}

fn keep_check(
    data: &Path,
    vault: &Vault,
    installation: &InstallationId,
    entropy: &mut dyn Entropy,
) -> Result<(), InitError> {
    let path = key_check_path(data);
    let check = vault.key_check(installation, entropy)?;
    std::fs::write(&path, check.as_bytes()).map_err(|source| InitError::File { path, source })
}

/// The settings as the file says them, with a word on each part.
fn toml(config: &Config) -> Result<String, InitError> {
    let body = toml::to_string(config).map_err(|error| InitError::Settings(error.to_string()))?;
    Ok(format!(
        "# Settings of the Mayfly server. Only what has to be known before the store opens stands here; everything else is\n\
         # an object (`mayfly apply`). Keys never go into the data directory. Ship `audit.checkpoints` to another machine.\n\n{body}"
    ))
}
