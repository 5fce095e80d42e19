//! `server`: makes, runs and checks an installation. Acts on this machine's files.

use super::{Context, facts, keys};
use crate::args::{Init, OfflineCleanup};
use crate::ask;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Format;
use mayfly_server::cli::{Clock, OsClock, Prefix, RecoveryKey};
use mayfly_server::commands::{self, InitError, InitOptions, OwedError, Phase};
use sd_notify::NotifyState;
use std::path::Path;

/// Makes an installation and says what to do next.
///
/// # Errors
/// When there is one already, or a file cannot be written.
pub(super) fn init(context: &Context, options: Init) -> Result<Exit, Failure> {
    let account_prefix = Prefix::parse(&options.account_prefix).map_err(|error| Failure::usage(error.to_string()))?;
    let (user, owner) = owner(options.user.as_deref(), options.directory.is_none())?.unzip();
    let public_host = public_host(&options, context.no_input)?;
    let recovery = options.recovery;
    let options = InitOptions {
        directory: options.directory,
        public_host,
        https: options.https,
        postgres: options.postgres,
        mysql: options.mysql,
        mariadb: options.mariadb,
        mssql: options.mssql,
        ssh: options.ssh,
        metrics: options.metrics,
        account_prefix,
        owner,
    };
    keys::check(&recovery)?;
    let mut confirm = |key: &RecoveryKey| keys::keep(context, &recovery, key);
    let report = commands::init(&options, OsClock::default().wall(), &mut confirm).map_err(|error| match error {
        InitError::NotConfirmed(text) => Failure::usage(text),
        InitError::Exists(_) | InitError::Port { .. } => Failure::own(Exit::Conflict, error.to_string()),
        other => Failure::unexpected(other.to_string()),
    })?;
    let (config, ca) = (report.config.display().to_string(), report.ca.display().to_string());
    let (socket, installation) = (report.socket.display().to_string(), report.installation.to_string());
    let json = serde_json::json!({
        "installation": installation, "config": config, "key_fingerprint": report.fingerprint,
        "recovery_key_fingerprint": report.recovery_fingerprint, "audit_key": report.audit_key, "ca": ca, "socket": socket,
    });
    let run = match &user {
        Some(user) => format!("systemctl enable --now mayfly, or, run as {user}: mayfly server run --config {config}"),
        None => format!("mayfly server run --config {config}"),
    };
    context.output.one(&json, &installation, || {
        facts(&[
            ("installation", &installation),
            ("settings", &config),
            ("key fingerprint", &report.fingerprint),
            ("recovery key", &report.recovery_fingerprint),
            ("audit key", &report.audit_key),
            ("authority", &ca),
            ("given to", user.as_deref().unwrap_or_default()),
        ]) + &format!(
            "\nThe recovery key and a copy of the data directory are enough to go on where this machine is lost; without a key no\n\
             stored secret can be read. Give the audit key to whoever verifies the trail.\n\nNext:\n  \
             {run}\n  MAYFLY_SOCKET={socket} mayfly apply -f objects.yaml\n"
        )
    })?;
    Ok(Exit::Done)
}

/// The name under which clients reach the server: as given, or asked for with this machine's name as what is probably meant.
/// What is only tried out in a directory is reached on this machine.
fn public_host(options: &Init, no_input: bool) -> Result<String, Failure> {
    match &options.host {
        Some(host) => Ok(host.clone()),
        None if options.directory.is_some() => Ok("localhost".to_owned()),
        None => {
            let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
            ask::with_default("name under which clients reach this server", &machine, no_input)
        }
    }
}

/// A user of this machine: the name, then user id and group id.
pub(super) type User = (String, (u32, u32));

/// The user whom the server will run as, with user id and group id: the one named, or the one that a package makes where root does this
/// for the installation of the machine. `None` when that is whoever runs this, as where it is tried out in a directory.
///
/// # Errors
/// When there is no user of that name.
pub(super) fn owner(named: Option<&str>, of_machine: bool) -> Result<Option<User>, Failure> {
    let packaged = of_machine && rustix::process::geteuid().is_root();
    // Nobody is named, and there is no package's user: then it is for whoever does this.
    let Some(user) = named.or(packaged.then_some(PACKAGED_USER)) else { return Ok(None) };
    match (ids(user), named) {
        (Some(ids), _) => Ok(Some((user.to_owned(), ids))),
        (None, Some(name)) => Err(Failure::usage(format!("there is no user {} in /etc/passwd", escape::line(name)))),
        (None, None) => Ok(None),
    }
}

/// The user whom the Debian package makes.
const PACKAGED_USER: &str = "mayfly";

/// The user id and group id of a user of this machine; `None` when there is no such user.
fn ids(name: &str) -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let fields =
        users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&name))?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// Runs the server until it is told to stop. Where systemd waits for it, it is told once everything is served.
///
/// # Errors
/// When it cannot start.
pub(super) async fn run(config: &Path) -> Result<Exit, Failure> {
    let tell = |phase: Phase| {
        let states = match phase {
            Phase::Serving => vec![NotifyState::Ready],
            Phase::Stopping => vec![NotifyState::Stopping],
            Phase::Reloading => {
                [Some(NotifyState::Reloading), NotifyState::monotonic_usec_now().ok()].into_iter().flatten().collect()
            }
        };
        // Where nobody waits for it, nothing is sent; a manager that cannot be told notices by its own time-out.
        let _ = sd_notify::notify(&states);
    };
    commands::run(config, tell).await.map_err(|error| Failure::unexpected(error.to_string()))?;
    Ok(Exit::Done)
}

/// Checks what a start needs.
///
/// # Errors
/// What a start would say.
pub(super) fn check(context: &Context, config: &Path) -> Result<Exit, Failure> {
    let report =
        commands::check(config, OsClock::default().wall()).map_err(|error| Failure::unexpected(error.to_string()))?;
    let json = serde_json::json!({
        "settings": report.settings, "key_fingerprint": report.fingerprint, "audit_key": report.audit_key,
    });
    context.output.one(&json, &report.fingerprint, || {
        let keys = facts(&[("key fingerprint", &report.fingerprint), ("audit key", &report.audit_key)]);
        format!("{}\n{keys}", report.settings.join("\n"))
    })?;
    Ok(Exit::Done)
}

/// Says what the store holds that may still be on targets, or prints how one of it is undone by hand.
///
/// # Errors
/// When the store cannot be read, or holds no such change.
pub(super) fn cleanup(context: &Context, options: &OfflineCleanup) -> Result<Exit, Failure> {
    let config = &options.settings.config;
    let Some(id) = &options.manual else {
        let owed = commands::owed(config).map_err(|error| Failure::unexpected(error.to_string()))?;
        context.output.list(&owed, |change| change.id.clone(), super::cleanup::table)?;
        if owed.is_empty() && context.output.format == Format::Table {
            context.output.remark("the store holds nothing that may still be on a target");
        }
        return Ok(Exit::Done);
    };
    let manual = commands::by_hand(config, id).map_err(|error| match error {
        OwedError::NoChange(_) => Failure::own(Exit::NotFound, error.to_string()),
        other => Failure::unexpected(other.to_string()),
    })?;
    context.output.one(&manual, &manual.id, || manual.script.clone())?;
    Ok(Exit::Done)
}

/// Prints the description of the API.
///
/// # Errors
/// When it cannot be written.
pub(super) fn openapi(context: &Context) -> Result<Exit, Failure> {
    context.output.write(&(commands::openapi() + "\n"))?;
    Ok(Exit::Done)
}
