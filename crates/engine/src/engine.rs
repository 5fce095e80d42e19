//! The engine as the rest of the server sees it.

use crate::base::{Identity, Ports};
use crate::context::Shared;
use crate::ports::ledger::{ChangeRow, Entry, Learnt, LedgerError, Write};
use crate::queue::Queue;
use crate::reconcile;
use crate::seat::{Closing, Joined, Message, Order, Seat, Turned};
use crate::session;
use crate::settings::Settings;
use crate::take_up::{self, Orphan};
use crate::write_off::{self, WriteOffRefusal};
use mayfly_domain::{
    Administration, Authorised, ChangeId, ChangeState, ConnectionId, EndReason, Failure, FailureClass, Mark,
    PersonName, RecordName, SessionId, TargetId,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How often somebody who knocks at a session that is ending is sent on to launch another.
const KNOCKS_MOST: u32 = 3;

/// How long somebody waits who has a change tried now.
const TRY_LIMIT: Duration = Duration::from_secs(30);

/// The engine of one run of the server. Dropping it does not end its tasks; [`Engine::stop`] or the end of the runtime does.
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// An engine over these ports. Nothing runs before [`Engine::start`].
    pub fn new(settings: Settings, identity: Identity, ports: Ports) -> Self {
        Self { shared: Shared::new(settings, identity, ports) }
    }

    /// Starts the reconciler and begins to take out the sessions of earlier runs; nobody has to wait for that.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read: then nothing must be opened.
    pub async fn start(&self) -> Result<(), LedgerError> {
        write_off::load(&self.shared).await?;
        self.shared.tasks.spawn("recovery", reconcile::recover(Arc::clone(&self.shared)));
        self.shared.tasks.spawn("reconciler", reconcile::run(Arc::clone(&self.shared)));
        Ok(())
    }

    /// Joins the person's session of that record, or launches one and waits for it. Dropping the future gives up waiting; a
    /// launch that nobody waits for any more is taken back. `order` is asked only when there is no session to join; it is
    /// given the id and mark of the new one.
    ///
    /// # Errors
    /// A [`Failure`] with its text for the person.
    pub async fn join(
        &self,
        permit: Arc<Authorised>,
        connection: ConnectionId,
        order: impl Fn(&Mark) -> Order,
    ) -> Result<Joined, Failure> {
        let key = (permit.person().clone(), permit.record().clone());
        for _ in 0..KNOCKS_MOST {
            let mailbox = self.shared.registry.join_or(&key, || self.spawn(&permit, &order));
            let (reply, answer) = oneshot::channel();
            let seat = Seat::new(connection.clone(), mailbox.clone());
            // The seat inside the message comes back with the answer; this one says that we still wait.
            let waiting = Waiting { connection: connection.clone(), mailbox: Some(mailbox.clone()) };
            if mailbox.send(Message::Join { seat, reply }).is_err() {
                continue;
            }
            match answer.await {
                Ok(Ok(joined)) => {
                    waiting.served();
                    return Ok(joined);
                }
                Ok(Err(Turned::Failed(failure))) => return Err(failure),
                Ok(Err(Turned::Ending)) | Err(_) => {}
            }
        }
        Err(Failure::new(FailureClass::Busy, "the session is ending again and again: try once more"))
    }

    fn spawn(
        &self,
        permit: &Arc<Authorised>,
        order: &impl Fn(&Mark) -> Order,
    ) -> (SessionId, mpsc::UnboundedSender<Message>) {
        let id = SessionId::random(&mut **self.shared.entropy());
        let mark = Mark { installation: self.shared.identity.installation.clone(), session: id.clone() };
        let mailbox = session::spawn(&self.shared, id.clone(), Arc::clone(permit), order(&mark));
        (id, mailbox)
    }

    /// Ends a session that runs here. The answer comes once everything that could be withdrawn at once is withdrawn; `None`
    /// when no such session runs here.
    pub fn end(
        &self,
        id: &SessionId,
        reason: EndReason,
        actor: &str,
        text: Option<String>,
    ) -> Option<oneshot::Receiver<Closing>> {
        let mailbox = self.shared.registry.find(id)?;
        let (closed, answer) = oneshot::channel();
        mailbox.send(Message::End { reason, actor: actor.to_owned(), text, closed: Some(closed) }).ok()?;
        Some(answer)
    }

    /// Ends every session that runs here and whose person and record `asked` says yes to, without waiting for anything, the ledger
    /// least of all. Returns how many these were.
    pub fn end_where(
        &self,
        asked: impl Fn(&PersonName, &RecordName) -> bool,
        reason: EndReason,
        actor: &str,
        text: &str,
    ) -> usize {
        let end = |mailbox: &mpsc::UnboundedSender<Message>| {
            let (actor, text) = (actor.to_owned(), Some(text.to_owned()));
            mailbox.send(Message::End { reason, actor, text, closed: None }).is_ok()
        };
        self.shared.registry.of(|(person, record)| asked(person, record)).iter().filter(|mailbox| end(mailbox)).count()
    }

    /// Tells that a credential was set or a record changed: what targets refused before is tried again at once, instead of after the
    /// long wait that keeps an administrator from being locked out.
    pub fn credentials_changed(&self) {
        self.shared.credentials_changed();
    }

    /// Tries a change again now, whatever its back-off says; one that was kept or written off is taken up again. Returns when it
    /// has been tried, or after half a minute.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read or written, or holds no such change that could be tried.
    pub async fn retry(&self, id: &ChangeId) -> Result<(), LedgerError> {
        let Some(held) = self.shared.ledger.change(id).await? else {
            return Err(LedgerError::Expectation(format!("there is no change {id}")));
        };
        let mut change = held.change;
        if matches!(change.state, ChangeState::Kept | ChangeState::WrittenOff) {
            let at = self.shared.clock.wall();
            let write = Write::Move {
                id: id.clone(),
                from: change.state,
                to: ChangeState::Withdrawing,
                at,
                next_try: Some(at),
                learnt: Learnt::default(),
            };
            self.shared.ledger.commit(Entry { writes: vec![write], events: Vec::new() }).await?;
            change.state = ChangeState::Withdrawing;
        }
        if change.state != ChangeState::Withdrawing {
            return Err(LedgerError::Expectation(format!("change {id} is {}: nothing is owed", change.state.as_str())));
        }
        self.try_now(change).await;
        Ok(())
    }

    /// Writes off everything that is owed to a target which no longer exists. The caller has looked that it does not answer;
    /// `seen` says what that look ran into. Returns how many changes these are.
    ///
    /// # Errors
    /// [`WriteOffRefusal`], and nothing is written off then, unless the ledger failed half-way.
    pub async fn write_off(
        &self,
        target: &TargetId,
        by: &Administration,
        reason: &str,
        seen: &str,
    ) -> Result<usize, WriteOffRefusal> {
        write_off::write_off(&self.shared, target, by, reason, seen).await
    }

    /// Has an account removed that a search found on a target, with everything that belongs to it: writes it down as owed, so that it
    /// is undone like everything else, and tries at once. Returns the change of the account, when it has been tried or after half a
    /// minute. Whoever calls has decided that it is ours and that nothing in the ledger speaks for it.
    ///
    /// # Errors
    /// [`LedgerError`], and nothing is done then.
    pub async fn take_up(&self, orphan: Orphan, by: &Administration) -> Result<ChangeId, LedgerError> {
        let rows = take_up::enter(&self.shared, orphan, by).await?;
        let first = rows.first().map(|row| row.id.clone());
        // What belongs to the account goes before it.
        for row in rows.into_iter().rev() {
            self.try_now(row).await;
        }
        first.ok_or_else(|| LedgerError::Expectation("nothing is known of how the account is removed".to_owned()))
    }

    async fn try_now(&self, change: ChangeRow) {
        let Some(over) = reconcile::start_pass(&self.shared, change) else { return };
        let limit = self.shared.clock.boot().plus(TRY_LIMIT);
        tokio::select! {
            biased;
            _ = over => {}
            () = self.shared.clock.sleep_until(limit) => {}
        }
    }

    /// Ends every session that runs here and waits, at most `limit`, until what can be withdrawn is withdrawn; then ends the
    /// engine's tasks. What is left is the next run's to take out.
    pub async fn stop(&self, limit: Duration) {
        let limit = self.shared.clock.boot().plus(limit);
        let mut answers = Vec::new();
        for mailbox in self.shared.registry.all() {
            let (closed, answer) = oneshot::channel();
            let message = Message::End {
                reason: EndReason::ServerStopped,
                actor: "server".to_owned(),
                text: None,
                closed: Some(closed),
            };
            if mailbox.send(message).is_ok() {
                answers.push(answer);
            }
        }
        let all = async {
            for answer in answers {
                let _ = answer.await;
            }
        };
        tokio::select! {
            biased;
            () = all => {}
            () = self.shared.clock.sleep_until(limit) => tracing::warn!("Sessions are left for the next run to take out"),
        }
        self.shared.tasks.end().await;
    }

    /// Whether a session of that person and record runs here.
    pub fn is_running(&self, person: &PersonName, record: &RecordName) -> bool {
        !self.shared.registry.of(|(of, opens)| of == person && opens == record).is_empty()
    }

    /// What waits for each target that was worked with since the start, and which of them cannot be worked with now.
    pub fn queues(&self) -> Vec<Queue> {
        self.shared.queues()
    }

    /// How many sessions run here.
    pub fn running(&self) -> usize {
        self.shared.registry.all().len()
    }
}

/// Tells the session that its caller went away, unless it was served.
struct Waiting {
    connection: ConnectionId,
    mailbox: Option<mpsc::UnboundedSender<Message>>,
}

impl Waiting {
    fn served(mut self) {
        self.mailbox = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.take() {
            // The session may be gone; then nobody counts.
            let _ = mailbox.send(Message::Left { connection: self.connection.clone() });
        }
    }
}
