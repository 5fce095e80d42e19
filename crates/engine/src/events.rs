//! How the engine words its audit events.

use crate::context::Shared;
use crate::ports::ledger::{ChangeRow, SessionRow};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{ChangeKind, EndReason};

/// What happened to a change, whatever its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It was written down and is about to be made.
    Intended,
    /// It was made.
    Made,
    /// It was seen to be gone.
    Removed,
    /// An attempt to undo it did not succeed.
    RemovalFailed,
    /// Its target was written off.
    WrittenOff,
}

impl Shared {
    /// An event of this server.
    pub(crate) fn event(&self, kind: EventKind) -> Event {
        Event::new(kind, self.clock.wall(), self.identity.run.clone(), "server")
    }

    /// An event about a session.
    pub(crate) fn session_event(&self, kind: EventKind, session: &SessionRow) -> Event {
        let mut event = self.event(kind);
        event.person = Some(session.person.clone());
        event.record = Some(session.record.clone());
        event.session = Some(session.id.clone());
        event.target = Some(session.target.to_string());
        event.account = Some(session.account.to_string());
        event
    }

    /// An event about a change.
    pub(crate) fn change_event(&self, kind: EventKind, change: &ChangeRow) -> Event {
        let mut event = self.event(kind);
        event.session = Some(change.session.clone());
        event.change = Some(change.id.clone());
        event.target = Some(change.target.to_string());
        event.account = Some(change.account.to_string());
        event.group.clone_from(&change.group);
        event
    }

    /// An event for each sentence that a provider reports of a change.
    pub(crate) fn reported(&self, kind: EventKind, change: &ChangeRow, report: Vec<String>) -> Vec<Event> {
        let of = |line| Event { reason: Some(line), ..self.change_event(kind, change) };
        report.into_iter().map(of).collect()
    }

    /// The events that say what happened to a change. An account that is made as a member of a group is two things that
    /// happen, and an auditor who looks for either finds it.
    pub(crate) fn happened(&self, happened: Happened, change: &ChangeRow) -> Vec<Event> {
        let membership = self.change_event(membership_kind(happened), change);
        match change.kind {
            ChangeKind::Membership => vec![membership],
            ChangeKind::Account => {
                let mut account = self.change_event(account_kind(happened), change);
                account.group = None;
                if change.group.is_some() { vec![account, membership] } else { vec![account] }
            }
            ChangeKind::Companion | ChangeKind::Trace => vec![self.change_event(companion_kind(happened), change)],
        }
    }
}

const fn account_kind(happened: Happened) -> EventKind {
    match happened {
        Happened::Intended => EventKind::AccountIntended,
        Happened::Made => EventKind::AccountCreated,
        Happened::Removed => EventKind::AccountRemoved,
        Happened::RemovalFailed => EventKind::AccountRemovalFailed,
        Happened::WrittenOff => EventKind::AccountWrittenOff,
    }
}

const fn membership_kind(happened: Happened) -> EventKind {
    match happened {
        Happened::Intended => EventKind::MembershipIntended,
        Happened::Made => EventKind::MembershipAdded,
        Happened::Removed => EventKind::MembershipRemoved,
        Happened::RemovalFailed => EventKind::MembershipRemovalFailed,
        Happened::WrittenOff => EventKind::MembershipWrittenOff,
    }
}

const fn companion_kind(happened: Happened) -> EventKind {
    match happened {
        Happened::Intended => EventKind::CompanionIntended,
        Happened::Made => EventKind::CompanionAdded,
        Happened::Removed => EventKind::CompanionRemoved,
        Happened::RemovalFailed => EventKind::CompanionRemovalFailed,
        Happened::WrittenOff => EventKind::CompanionWrittenOff,
    }
}

/// The event that says why a session ends.
pub(crate) const fn end_kind(reason: EndReason) -> EventKind {
    match reason {
        EndReason::Stopped | EndReason::Abandoned => EventKind::SessionStopped,
        EndReason::Expired => EventKind::SessionExpired,
        EndReason::Terminated | EndReason::ServerStopped | EndReason::ServerLost => EventKind::SessionTerminated,
        EndReason::Failed => EventKind::SessionFailed,
    }
}
