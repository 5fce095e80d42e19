//! One administrative connection to a host: who it is there, which host it is, and scripts run over it.

use super::answer::Answer;
use super::ready::Ready;
use super::script::{self, Script};
use super::trouble::Trouble;
use crate::services::Services;
use mayfly_dial::DialError;
use mayfly_dial::ssh::{Ran, SshConnection, SshLogin};
use mayfly_domain::{Failure, FailureClass, Permit, Place, TargetId};
use std::net::IpAddr;
use std::time::Duration;

/// From the first packet to the end of the log-in.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// What a host may take to say who it is.
const HELLO_LIMIT: Duration = Duration::from_secs(15);
/// How long a script may take: less than the engine's own limit, so that what is not known is said by us. One that takes longer
/// goes on under its lock, and the next try finds what it did.
const RUN_LIMIT: Duration = Duration::from_secs(50);
/// What a script may answer, in bytes of each output.
const ANSWER_MOST: usize = 256 * 1024;

/// How scripts become root's there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The administrative account is root and has a shell.
    Root,
    /// It has a shell, and sudo lets it run another as root.
    Sudo,
    /// The helper is all that its key may run.
    Helper,
    /// It has a shell, from which sudo lets it run the helper.
    HelperThroughSudo,
}

impl Way {
    /// Whether scripts are the helper's.
    pub(super) const fn is_helper(self) -> bool {
        matches!(self, Self::Helper | Self::HelperThroughSudo)
    }
}

/// What was read once on a connection.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The host.
    pub(super) target: TargetId,
    /// The log-in name of the administrative account.
    pub(super) admin: String,
    /// Its uid.
    pub(super) uid: u32,
    /// The address from which the host sees us come.
    pub(super) from: IpAddr,
    /// How scripts become root's.
    pub(super) way: Way,
    /// The version of the helper, where there is one that answers.
    helper: Option<u32>,
}

/// An administrative connection.
pub(super) struct Admin {
    ssh: SshConnection,
    ready: Ready,
    pub(super) facts: Facts,
}

impl Admin {
    /// Connects, logs in, and asks who and where we are.
    ///
    /// # Errors
    /// What dialling ran into, or the log-in; [`FailureClass::NotPermitted`] for a helper of another version.
    pub(super) async fn connect(services: &Services, permit: Permit<'_>, place: &Place) -> Result<Self, Failure> {
        let admin = Self::connect_to_any_helper(services, permit, place).await?;
        match admin.facts.helper {
            Some(version) if version != script::HELPER_VERSION => Err(Failure::new(
                FailureClass::NotPermitted,
                format!(
                    "the helper on {} is of version {version} and this Mayfly needs {}: install it again with what `mayfly record \
                     install-helpers` prints",
                    place.destination.endpoint,
                    script::HELPER_VERSION
                ),
            )),
            _ => Ok(admin),
        }
    }

    /// As [`Admin::connect`], whatever version the helper has.
    pub(super) async fn connect_to_any_helper(
        services: &Services,
        permit: Permit<'_>,
        place: &Place,
    ) -> Result<Self, Failure> {
        let destination = &place.destination;
        let credential = services.credentials.fetch(permit, &place.credential, destination).await?;
        let login = SshLogin::of_secret(&credential.secret)?;
        let dialled = services.dialer.ssh(permit, destination, &credential.login, &login, CONNECT_LIMIT).await;
        let ssh = dialled.map_err(|error: DialError| {
            tracing::debug!(error = %error, "An SSH connection could not be opened");
            Failure::new(error.class(), error.person_text())
        })?;
        let doing = "asking the host who it is";
        let answer = hello(&ssh).await.map_err(|trouble| hello_failure(&trouble, doing))?;
        let facts = facts(&answer, &ssh, credential.login).map_err(|trouble| trouble.failure(doing))?;
        Ok(Self { ssh, ready: Ready::default(), facts })
    }

    /// Whether commands can still be run over it, as far as is known.
    pub(super) fn is_usable(&self) -> bool {
        !self.ssh.is_closed()
    }

    /// Whether it still answers.
    pub(super) async fn answers(&self) -> bool {
        self.is_usable() && hello(&self.ssh).await.is_ok()
    }

    /// Runs a script as root.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) async fn run(&self, script: &Script, values: &[&str]) -> Result<Answer, Trouble> {
        let (command, input) = match self.facts.way {
            Way::Root => (script::as_self(), script.input(values)?),
            Way::Sudo => (script::through_sudo(), script.input(values)?),
            Way::Helper | Way::HelperThroughSudo => (script::helper_through_sudo(), script.helper_input(values)?),
        };
        answer(&self.ready.run(&self.ssh, &command, &input, ANSWER_MOST, RUN_LIMIT).await?)
    }

    /// Some time has passed.
    pub(super) fn tick(&self) {
        self.ready.tick();
    }

    /// Whether the host lets this log-in reach ports through it, which ours has no use for.
    pub(super) async fn forwards(&self) -> bool {
        // Its own SSH port is one that is surely there.
        matches!(tokio::time::timeout(HELLO_LIMIT, self.ssh.forward("127.0.0.1", 22)).await, Ok(Ok(_)))
    }

    /// Refuses when this is another host than the one that a change belongs to.
    ///
    /// # Errors
    /// [`FailureClass::IdentityChanged`].
    pub(super) fn require(&self, target: &TargetId) -> Result<(), Failure> {
        if self.facts.target == *target {
            return Ok(());
        }
        let text = format!(
            "another host answers at this address: {} instead of {target}; nothing was changed there",
            self.facts.target
        );
        Err(Failure::new(FailureClass::IdentityChanged, text))
    }
}

async fn hello(ssh: &SshConnection) -> Result<Answer, Trouble> {
    answer(&ssh.run(&script::as_self(), &script::hello_input()?, ANSWER_MOST, HELLO_LIMIT).await?)
}

fn answer(ran: &Ran) -> Result<Answer, Trouble> {
    let answer = Answer::read(ran);
    if let Err(trouble) = &answer {
        let stderr: String = String::from_utf8_lossy(&ran.stderr).chars().take(500).collect();
        // For whoever runs Mayfly: a host's words never reach anybody else.
        tracing::debug!(error = ?trouble, status = ?ran.status, stderr = ?stderr, "A script did not end well on a host");
    }
    answer
}

/// Before anything else there is no sudo that could be missing.
fn hello_failure(trouble: &Trouble, doing: &str) -> Failure {
    match trouble {
        Trouble::NotBegun | Trouble::NotStarted => Failure::new(
            FailureClass::NotPermitted,
            format!(
                "{doing} failed: the administrative account may not run `sh` and `timeout` there, or its shell prints something"
            ),
        ),
        other => other.failure(doing),
    }
}

fn facts(answer: &Answer, ssh: &SshConnection, admin: String) -> Result<Facts, Trouble> {
    let machine = answer.text("machine")?;
    let known = machine.len() == 32
        && machine.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && machine.bytes().any(|byte| byte != b'0');
    let identity = if known { machine } else { ssh.host_key().fingerprint.as_str() };
    let uid = answer.number("uid")?;
    let helper = answer.maybe("helper").map(|_| answer.number("helper")).transpose()?;
    let way = match (helper, answer.yes("shell")) {
        (Some(_), false) => Way::Helper,
        (Some(_), true) => Way::HelperThroughSudo,
        (None, _) if uid == 0 => Way::Root,
        (None, _) => Way::Sudo,
    };
    let (target, from) = (TargetId::new("linux", identity), answer.number("from")?);
    Ok(Facts { target, admin, uid, from, way, helper })
}
