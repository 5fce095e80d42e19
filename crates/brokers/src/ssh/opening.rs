//! Joining the session of a person who has signed in, and our log-in to its target.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use mayfly_dial::{
    DialError, Dialer,
    ssh::{Reading, SshConnection, SshKey, SshLogin},
};
use mayfly_domain::{FailureClass, Permit, SessionId};
use tokio::sync::watch;

use crate::port::{Clock, ConnectionGuard, Ending, Joined, RefusalClass, Refused, Service, SshService, Standing};

use crate::standing;

use super::{
    Context, native,
    outcome::{Outcome, Stage},
    sign_in::Person,
};

/// Why a connection is closed, and what the client is told.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) outcome: Outcome,
    pub(super) sentence: String,
}

impl Closing {
    pub(super) fn new(outcome: Outcome, sentence: impl Into<String>) -> Self {
        Self { outcome, sentence: sentence.into() }
    }

    /// A session was not joined.
    fn refused(refused: Refused) -> Self {
        Self::new(Outcome::Refused(refused.class), refused.text)
    }

    /// The session was cut.
    pub(super) fn cut(ending: Ending) -> Self {
        Self::new(Outcome::Cut(ending.reason), ending.sentence)
    }

    /// Something took too long.
    fn timed_out(stage: Stage) -> Self {
        let text = match stage {
            Stage::SignIn => "the sign-in took too long",
            Stage::Launch => "the session was not ready in time: try again",
            Stage::Target => "the target did not answer in time",
        };
        Self::new(Outcome::TimedOut(stage), text)
    }

    /// We are not let in. What the person reads is our words only, never the peer's.
    fn unreachable(error: DialError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "Target cannot be reached");
        let outcome = match error {
            DialError::LoginRefused { .. } => Outcome::TargetRefused,
            DialError::TimedOut { .. } => Outcome::TimedOut(Stage::Target),
            _ => Outcome::Unreachable,
        };
        Self::new(outcome, error.person_text())
    }
}

/// The target that a session is on, with the one connection that all channels of the client share.
pub(super) struct Target {
    connection: SshConnection,
    service: SshService,
    account: String,
    record: String,
    standing: watch::Receiver<Standing>,
    clock: Arc<dyn Clock>,
    limit: Duration,
    /// What the target has sent and its client has not taken, in bytes.
    kept: AtomicUsize,
}

/// Above this, a target is read slowly; above the other, not at all. What lets a channel go on that waits for the target's
/// leave may stand behind as much as a window of what another channel's client does not take: that much is always reached in
/// between, and where it helps, more is taken than was read for it.
const KEPT_MUCH: usize = 8 * 1024 * 1024;
const KEPT_MOST: usize = 24 * 1024 * 1024;

/// How fast a target is read of which so much is kept.
const fn reading(kept: usize) -> Reading {
    if kept > KEPT_MOST {
        Reading::Stopped
    } else if kept > KEPT_MUCH {
        Reading::Slow
    } else {
        Reading::Free
    }
}

/// What keeping one message costs besides its bytes.
const OVERHEAD: usize = 256;

/// Something of the target's that is kept.
pub(super) struct Kept {
    target: Arc<Target>,
    cost: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let before = self.target.kept.fetch_sub(self.cost, SeqCst);
        self.target.pace(before, before.saturating_sub(self.cost));
    }
}

impl Target {
    /// Counts `bytes` as kept until what this returns is dropped.
    pub(super) fn keep(self: &Arc<Self>, bytes: usize) -> Kept {
        let cost = bytes.saturating_add(OVERHEAD);
        let before = self.kept.fetch_add(cost, SeqCst);
        self.pace(before, before.saturating_add(cost));
        Kept { target: Arc::clone(self), cost }
    }

    fn pace(&self, before: usize, now: usize) {
        if reading(before) != reading(now) {
            self.connection.read(reading(now));
        }
    }

    /// The connection, logged in as the session's account.
    pub(super) fn connection(&self) -> &SshConnection {
        &self.connection
    }

    /// What the record allows.
    pub(super) fn service(&self) -> &SshService {
        &self.service
    }

    /// How long the target may take to answer.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Until when the session lasts.
    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// The clock of deadlines.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// What a person reads before the first prompt.
    pub(super) fn greeting(&self) -> String {
        let Self { account, record, .. } = self;
        match &*self.standing.borrow() {
            Standing::Open { until } => {
                let left = standing::spoken(until.since(self.clock.now()));
                format!("connected to {record} as {account} for {left}")
            }
            Standing::Cut(ending) => ending.sentence.clone(),
        }
    }
}

/// A session that can be used.
pub(super) struct Ready {
    pub(super) target: Arc<Target>,
    pub(super) standing: watch::Receiver<Standing>,
    /// Dropped when the connection to the target is closed.
    pub(super) guard: Box<dyn ConnectionGuard>,
}

/// Joins the session, logs in to its target, and waits until that is on record. A cut ends it at any moment.
pub(super) async fn open(person: Person, context: &Context, note: impl FnOnce(&SessionId)) -> Result<Ready, Closing> {
    let record = person.login.record.to_string();
    let joining = tokio::time::timeout(context.settings.launch_time, person.admitted.join()).await;
    let mut joined = joining.map_err(|_elapsed| Closing::timed_out(Stage::Launch))?.map_err(Closing::refused)?;
    note(&joined.session);
    let Service::Ssh(service) = joined.service.clone() else {
        let text = "this record is not opened with SSH".to_owned();
        return Err(Closing::refused(Refused { class: RefusalClass::NotPermitted, text }));
    };
    let mut standing = joined.standing.clone();
    let limit = context.settings.target_time;
    let opening = async {
        let login = login(&joined)?;
        let connection = log_in(&mut joined, &login, limit).await?;
        if let Some(id) = native::id(&connection).await {
            joined.guard.opened(id);
        }
        joined.guard.started().await.map_err(Closing::refused)?;
        Ok(connection)
    };
    let connection = tokio::select! {
        biased;
        ending = standing::cut(&mut standing) => return Err(Closing::cut(ending)),
        opened = opening => opened?,
    };
    let target = Target {
        connection,
        service,
        account: joined.credential.login.clone(),
        record,
        standing: joined.standing.clone(),
        clock: Arc::clone(&context.clock),
        limit,
        kept: AtomicUsize::new(0),
    };
    Ok(Ready { target: Arc::new(target), standing, guard: joined.guard })
}

/// How the session's account logs in.
fn login(joined: &Joined) -> Result<SshLogin, Closing> {
    let secret = &joined.credential.secret;
    match (joined.made, &joined.certificate) {
        (true, Some(certificate)) => Ok(SshLogin::Certificate(SshKey::of_session(secret), certificate.clone())),
        (true, None) => Ok(SshLogin::Key(SshKey::of_session(secret))),
        (false, _) => SshLogin::of_secret(secret).map_err(|failure| Closing::new(Outcome::TargetRefused, failure.text)),
    }
}

/// Logs in to the target as the session's account.
async fn log_in(joined: &mut Joined, login: &SshLogin, limit: Duration) -> Result<SshConnection, Closing> {
    let Joined { credential, destination, authorised, guard, .. } = joined;
    let dialled = Dialer.ssh(Permit::Open(authorised), destination, &credential.login, login, limit).await;
    if let Err(error) = &dialled
        && error.class() == FailureClass::IdentityChanged
    {
        guard.met_another(error.person_text()).await;
    }
    dialled.map_err(|error| match (&error, login) {
        (DialError::LoginRefused { endpoint, .. }, SshLogin::Certificate(..)) => {
            let text = format!(
                "{endpoint} refuses the certificate of this session, though its settings trust the record's authority: sshd has \
                 to be told to read them again (mayfly record check {})",
                authorised.record()
            );
            tracing::warn!(error = &error as &dyn std::error::Error, "Target refuses a certificate");
            Closing::new(Outcome::TargetRefused, text)
        }
        _ => Closing::unreachable(error),
    })
}
