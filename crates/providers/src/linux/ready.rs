//! A command that is started ahead: a host takes longer to let a command begin (a channel, a log-in shell, sudo, a shell) than
//! most scripts take, so while one runs, the next is started already and waits for its input. It is given nothing before there is
//! something to run, and is let go where nothing comes.

use mayfly_dial::ssh::{Ran, SshConnection, SshError, Waiting};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long starting the next may keep back the answer of one that has ended.
const START_LIMIT: Duration = Duration::from_secs(2);

/// At most one command that waits.
#[derive(Default)]
pub(super) struct Ready(Mutex<Option<Started>>);

struct Started {
    waiting: Waiting,
    command: String,
    /// Whether a tick has passed since it was started.
    aged: bool,
}

impl Ready {
    /// Runs `command`, as [`SshConnection::run`] does.
    ///
    /// # Errors
    /// As [`SshConnection::run`].
    pub(super) async fn run(
        &self,
        ssh: &SshConnection,
        command: &str,
        input: &[u8],
        most: usize,
        limit: Duration,
    ) -> Result<Ran, SshError> {
        let work = async {
            let waiting = match self.take(command) {
                Some(waiting) => waiting,
                None => ssh.start(command).await?,
            };
            let (ran, ()) = tokio::join!(waiting.finish(input, most), self.start_next(ssh, command));
            ran
        };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(SshError::TimedOut(limit)))
    }

    /// Lets go of what has waited for more than one tick.
    pub(super) fn tick(&self) {
        let mut state = self.state();
        if state.as_ref().is_some_and(|started| started.aged) {
            *state = None;
        } else if let Some(started) = &mut *state {
            started.aged = true;
        }
    }

    fn take(&self, command: &str) -> Option<Waiting> {
        let mut started = self.state().take()?;
        (started.command == command && !started.waiting.is_over()).then_some(started.waiting)
    }

    async fn start_next(&self, ssh: &SshConnection, command: &str) {
        if self.state().is_some() {
            return;
        }
        // A host that takes no other channel now may take one when it is needed.
        if let Ok(Ok(waiting)) = tokio::time::timeout(START_LIMIT, ssh.start(command)).await {
            *self.state() = Some(Started { waiting, command: command.to_owned(), aged: false });
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<Started>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
