//! One running session: a task that owns its launch, the connections that joined it, its deadline and its linger, and in the
//! end starts the way out. Everything reaches it through its mailbox, so nothing about it is decided in two places.

use crate::base::Known;
use crate::context::Shared;
use crate::events;
use crate::launch::{Launch, Made, UNWRITABLE};
use crate::launcher;
use crate::out;
use crate::ports::ledger::{Entry, Write};
use crate::ports::provider::SessionScope;
use crate::ports::trace::{Span, Step};
use crate::registry::Key;
use crate::seat::{Closing, Cut, Joined, Message, Order, Seat, Turned, ending};
use crate::signal::Signal;
use crate::watch::Watch;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    Authorised, BootTime, ChangeKind, ChangeState, ConnectionId, EndReason, Failure, FailureClass, SessionId,
    SessionState,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Who ended a session and why.
struct End {
    reason: EndReason,
    actor: String,
    text: Option<String>,
}

impl End {
    fn by_server(reason: EndReason) -> Self {
        Self { reason, actor: "server".to_owned(), text: None }
    }

    fn sentence(&self) -> String {
        self.text
            .as_ref()
            .map_or_else(|| self.reason.sentence().to_owned(), |text| format!("{}: {text}", self.reason.sentence()))
    }
}

pub(crate) struct Session {
    shared: Arc<Shared>,
    id: SessionId,
    key: Key,
    permit: Arc<Authorised>,
    order: Order,
    mailbox: UnboundedReceiver<Message>,
    cut: Signal<Cut>,
    /// Connections that wait for the launch or use the session, and since when.
    members: BTreeMap<ConnectionId, BootTime>,
    waiting: Vec<(Seat, oneshot::Sender<Result<Joined, Turned>>)>,
    /// What the target calls the sessions that our connections opened.
    natives: BTreeMap<ConnectionId, String>,
    watch: Watch,
    closed: Vec<oneshot::Sender<Closing>>,
}

/// Starts the task of a session; its launch begins at once.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    id: SessionId,
    permit: Arc<Authorised>,
    order: Order,
) -> UnboundedSender<Message> {
    let (sender, mailbox) = unbounded_channel();
    let key = (permit.person().clone(), permit.record().clone());
    let session = Session {
        shared: Arc::clone(shared),
        id,
        key,
        permit,
        order,
        mailbox,
        cut: Signal::new(),
        members: BTreeMap::new(),
        waiting: Vec::new(),
        natives: BTreeMap::new(),
        watch: Watch::default(),
        closed: Vec::new(),
    };
    shared.tasks.spawn("session", session.run());
    sender
}

impl Session {
    async fn run(mut self) {
        let (mut launch, end) = self.launch().await;
        let end = match (end, &launch.outcome) {
            (Some(end), _) => end,
            (None, Err(failure)) => {
                let text = Some(failure.text.clone());
                End { reason: EndReason::Failed, actor: "server".to_owned(), text }
            }
            (None, Ok(())) => self.live(&mut launch).await,
        };
        self.finish(launch, end).await;
    }

    /// Waits for the launch while people join it or go away.
    async fn launch(&mut self) -> (Launch, Option<End>) {
        let shared = Arc::clone(&self.shared);
        let mut launching = launcher::start(&shared, &self.id, &self.permit, &self.order);
        let mut end = None;
        let launch = loop {
            tokio::select! {
                biased;
                message = self.mailbox.recv() => self.while_launching(message, &mut end),
                launch = &mut launching => break launch.unwrap_or_else(|_| Launch::interrupted()),
            }
        };
        (launch, end)
    }

    fn while_launching(&mut self, message: Option<Message>, end: &mut Option<End>) {
        match message {
            Some(Message::Join { seat, reply }) if end.is_none() => {
                self.enters(&seat);
                self.waiting.push((seat, reply));
            }
            Some(Message::Join { seat, reply }) => turn_away(seat, reply),
            Some(Message::Left { connection }) => {
                self.members.remove(&connection);
                self.waiting.retain(|(_, reply)| !reply.is_closed());
                if self.members.is_empty() && end.is_none() {
                    self.close_to_joiners(end, End::by_server(EndReason::Abandoned));
                }
            }
            Some(Message::Started { reply, .. }) => drop(reply.send(Err(ending()))),
            Some(Message::End { reason, actor, text, closed }) => {
                self.closed.extend(closed);
                if end.is_none() {
                    self.close_to_joiners(end, End { reason, actor, text });
                }
            }
            None => {}
        }
    }

    fn enters(&mut self, seat: &Seat) {
        self.members.insert(seat.connection().clone(), self.shared.clock.boot());
    }

    fn close_to_joiners(&self, end: &mut Option<End>, because: End) {
        self.shared.registry.close(&self.key, &self.id);
        *end = Some(because);
    }

    /// Serves the session until something ends it.
    async fn live(&mut self, launch: &mut Launch) -> End {
        for (seat, reply) in std::mem::take(&mut self.waiting) {
            self.admit(launch, seat, reply);
        }
        let mut empty_since = None;
        let mut look_at = self.shared.clock.boot().plus(self.shared.settings.watch);
        loop {
            empty_since =
                if self.members.is_empty() { empty_since.or_else(|| Some(self.shared.clock.boot())) } else { None };
            let linger_over = empty_since.map(|since: BootTime| since.plus(self.order.linger));
            let end = linger_over.map_or(launch.deadline, |over| over.min(launch.deadline));
            let next = end.min(look_at);
            let shared = Arc::clone(&self.shared);
            let message = tokio::select! {
                biased;
                message = self.mailbox.recv() => message,
                () = shared.clock.sleep_until(next) => {
                    if next < end {
                        self.look_for_others(launch);
                        look_at = shared.clock.boot().plus(shared.settings.watch);
                        continue;
                    }
                    return End::by_server(if end >= launch.deadline {
                        EndReason::Expired
                    } else if launch.started {
                        EndReason::Stopped
                    } else {
                        EndReason::Abandoned
                    });
                }
            };
            if let Some(end) = self.while_live(launch, message).await {
                return end;
            }
        }
    }

    /// Looks whether somebody uses the account past us. What is as old as the oldest of our connections whose id on the
    /// target is not known yet may be that one.
    fn look_for_others(&self, launch: &Launch) {
        if !launch.started {
            return;
        }
        let now = self.shared.clock.boot();
        let coming_in = self.members.iter().filter(|(member, _)| !self.natives.contains_key(*member));
        let oldest = coming_in.map(|(_, since)| now.since(*since)).max().unwrap_or_default();
        let ours = self.members.keys().filter_map(|member| self.natives.get(member)).cloned().collect();
        let foreign = SessionScope::Foreign { ours, older_than: oldest + self.shared.settings.watch };
        self.watch.look(&self.shared, launch.rows(), foreign);
    }

    async fn while_live(&mut self, launch: &mut Launch, message: Option<Message>) -> Option<End> {
        match message {
            Some(Message::Join { seat, reply }) => {
                self.enters(&seat);
                self.admit(launch, seat, reply);
            }
            Some(Message::Left { connection }) => self.left(launch, &connection),
            Some(Message::Started { connection, native, reply }) => {
                if let Some(native) = native {
                    self.natives.insert(connection.clone(), native);
                }
                if let Err(failure) = self.started(launch, connection, reply).await {
                    return Some(End { text: Some(failure.text), ..End::by_server(EndReason::Failed) });
                }
            }
            Some(Message::End { reason, actor, text, closed }) => {
                self.closed.extend(closed);
                return Some(End { reason, actor, text });
            }
            None => {}
        }
        None
    }

    fn admit(&self, launch: &Launch, seat: Seat, reply: oneshot::Sender<Result<Joined, Turned>>) {
        let account = self.order.wish.account.name();
        let is_made = |made: &&Made| made.row.kind == ChangeKind::Account && made.row.account == *account;
        let joined = Joined {
            session: self.id.clone(),
            destination: self.order.destination.clone(),
            account: account.clone(),
            payload: launch.changes.iter().rev().find(is_made).map(|made| made.row.payload.clone()),
            secret: launch.secret.clone(),
            deadline: launch.deadline,
            deadline_wall: launch.deadline_wall,
            cut: self.cut.clone(),
            seat,
        };
        // Where nobody waits any more the seat comes back as `Left` by being dropped.
        drop(reply.send(Ok(joined)));
    }

    fn left(&mut self, launch: &Launch, connection: &ConnectionId) {
        let counted = self.members.remove(connection).is_some();
        if counted && self.natives.contains_key(connection) {
            self.shared.record(vec![self.connection_event(EventKind::ConnectionClosed, launch, connection)]);
        }
    }

    fn connection_event(&self, kind: EventKind, launch: &Launch, connection: &ConnectionId) -> Event {
        let mut event = match &launch.session {
            Some(session) => self.shared.session_event(kind, session),
            None => self.shared.event(kind),
        };
        event.connection = Some(connection.clone());
        event.actor = format!("person:{}", self.key.0);
        event
    }

    /// Puts a connection that reached the target on record; the first one also says that the session has started and its
    /// changes are present.
    async fn started(
        &self,
        launch: &mut Launch,
        connection: ConnectionId,
        reply: oneshot::Sender<Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let opened = self.connection_event(EventKind::ConnectionOpened, launch, &connection);
        if launch.started {
            let shared = Arc::clone(&self.shared);
            self.shared.tasks.spawn("connection opened", async move {
                let entry = Entry { writes: Vec::new(), events: vec![opened] };
                drop(reply.send(shared.ledger.commit(entry).await.map_err(|error| unwritable(&error))));
            });
            return Ok(());
        }
        let mut entry = self.confirmation(launch);
        entry.events.push(opened);
        match self.shared.ledger.commit(entry).await {
            Ok(()) => {
                launch.confirm();
                launch.started = true;
                drop(reply.send(Ok(())));
                Ok(())
            }
            Err(error) => {
                let failure = unwritable(&error);
                drop(reply.send(Err(failure.clone())));
                Err(failure)
            }
        }
    }

    /// What the ledger is told when the first connection has reached the target.
    fn confirmation(&self, launch: &Launch) -> Entry {
        let at = self.shared.clock.wall();
        let mut entry = Entry::default();
        for made in launch.changes.iter().filter(|made| made.row.state == ChangeState::Intended) {
            entry.writes.push(made.present(at));
            entry.events.extend(made.events(&self.shared));
        }
        if let Some(session) = &launch.session {
            entry.writes.push(Write::MoveSession {
                id: session.id.clone(),
                from: SessionState::Launching,
                to: SessionState::Live,
                at,
                reason: None,
            });
            let mut event = self.shared.session_event(EventKind::SessionStarted, session);
            event.actor = format!("person:{}", self.key.0);
            entry.events.push(event.with("deadline", session.deadline));
        }
        entry
    }

    /// The way out: nobody joins, connections are cut, and the changes are withdrawn.
    async fn finish(mut self, launch: Launch, end: End) {
        self.shared.registry.close(&self.key, &self.id);
        self.cut.set(Cut { reason: end.reason, sentence: end.sentence() });
        let failure = launch.outcome.as_ref().err().cloned();
        self.connections_gone(&launch).await;
        let ours: Vec<String> = self.natives.values().cloned().collect();
        let closing = match launch.session.clone() {
            Some(session) => {
                let ended = out::Ended { reason: end.reason, actor: end.actor.clone(), text: end.text.clone() };
                let known = Known { asked: self.order.asked, failure: failure.as_ref().map(|failure| failure.class) };
                self.shared.know(&session.id, known);
                let mut way_out = out::WayOut::new(&self.shared, session, launch.rows(), ours);
                let recorded = way_out.begin(ended);
                // A failure is on record before it is answered, unless the record itself is what fails.
                if failure.is_some() {
                    let limit = self.shared.clock.boot().plus(self.shared.settings.cut_grace);
                    tokio::select! {
                        biased;
                        () = recorded.wait() => {}
                        () = self.shared.clock.sleep_until(limit) => {}
                    }
                }
                self.answer_waiting(failure.as_ref(), &end);
                way_out.run(recorded).await
            }
            None => {
                self.unlaunched(&end, failure.as_ref()).await;
                self.answer_waiting(failure.as_ref(), &end);
                Closing::Clean
            }
        };
        self.shared.registry.forget(&self.id);
        for closed in std::mem::take(&mut self.closed) {
            let _ = closed.send(closing);
        }
        // Whoever knocked in between is sent on to launch another session.
        self.mailbox.close();
        while let Some(message) = self.mailbox.recv().await {
            match message {
                Message::Join { seat, reply } => turn_away(seat, reply),
                Message::Started { reply, .. } => drop(reply.send(Err(ending()))),
                Message::End { closed: Some(closed), .. } => {
                    let _ = closed.send(closing);
                }
                Message::End { closed: None, .. } | Message::Left { .. } => {}
            }
        }
    }

    /// A launch that came to nothing before anything was written down still leaves its event, and its trace.
    async fn unlaunched(&self, end: &End, failure: Option<&Failure>) {
        self.shared.tracer.take(Span {
            record: Some(self.key.1.clone()),
            end: Some(end.reason),
            failure: failure.map(|failure| failure.class),
            ..self.shared.span(&self.id, Step::Session, self.order.asked)
        });
        let mut event = self.shared.event(events::end_kind(end.reason));
        event.person = Some(self.key.0.clone());
        event.record = Some(self.key.1.clone());
        event.session = Some(self.id.clone());
        event.reason = Some(end.sentence());
        if let Err(error) = self.shared.ledger.commit(Entry { writes: Vec::new(), events: vec![event] }).await {
            tracing::warn!(%error, "A failed launch could not be written down");
        }
    }

    /// Answers those who waited for the launch. Whoever an administrator or the server's end kept out is told so, and does
    /// not launch another session instead.
    fn answer_waiting(&mut self, failure: Option<&Failure>, end: &End) {
        for (seat, reply) in std::mem::take(&mut self.waiting) {
            match (failure, end.reason) {
                (Some(failure), _) => drop(reply.send(Err(Turned::Failed(failure.clone())))),
                (None, EndReason::Abandoned) => turn_away(seat, reply),
                (None, _) => {
                    let failure = Failure::new(FailureClass::Conflict, end.sentence());
                    drop(reply.send(Err(Turned::Failed(failure))));
                }
            }
        }
    }

    /// Gives connections a moment to say goodbye before the target ends what is left of them.
    async fn connections_gone(&mut self, launch: &Launch) {
        let shared = Arc::clone(&self.shared);
        let limit = shared.clock.boot().plus(shared.settings.cut_grace);
        self.members.retain(|member, _| !self.waiting.iter().any(|(seat, _)| seat.connection() == member));
        while !self.members.is_empty() {
            tokio::select! {
                biased;
                message = self.mailbox.recv() => match message {
                    Some(Message::Left { connection }) => self.left(launch, &connection),
                    Some(Message::Join { seat, reply }) => turn_away(seat, reply),
                    Some(Message::Started { reply, .. }) => drop(reply.send(Err(ending()))),
                    Some(Message::End { closed, .. }) => self.closed.extend(closed),
                    None => return,
                },
                () = shared.clock.sleep_until(limit) => return,
            }
        }
    }
}

fn turn_away(seat: Seat, reply: oneshot::Sender<Result<Joined, Turned>>) {
    drop(reply.send(Err(Turned::Ending)));
    drop(seat);
}

fn unwritable(error: &crate::ports::ledger::LedgerError) -> Failure {
    tracing::error!(%error, "A connection could not be put on record, so it is not opened");
    Failure::new(FailureClass::Busy, UNWRITABLE)
}
