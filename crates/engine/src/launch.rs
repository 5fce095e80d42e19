//! What a launch has come to: its session, its changes and what this process knows of them beyond the ledger.

use crate::context::Shared;
use crate::events::Happened;
use crate::ports::ledger::{ChangeRow, Learnt, SessionRow, Write};
use crate::ports::provider::Opened;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{BootTime, ChangeKind, ChangeState, Failure, FailureClass, Secret, SessionState, WallTime};

/// What a person is told when the trail or the ledger cannot be written: promise 7, nothing new is opened.
pub(crate) const UNWRITABLE: &str = "the record of this server cannot be written now: nothing new is opened";

/// A change of a launch: the row as the ledger holds it, and what this process knows beyond it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) row: ChangeRow,
    /// Whether another session brought it about and this one only holds it too.
    pub(crate) joined: bool,
    /// Whether no command that was sent for it before is without an answer.
    pub(crate) alone: bool,
    /// The highest native id that the ledger ever held in the range of this one.
    pub(crate) highest_id: Option<u32>,
    /// What making it brought about, once it was seen to be made.
    pub(crate) opened: Option<Opened>,
}

impl Made {
    /// What the ledger does not know yet.
    pub(crate) fn learnt(&self) -> Learnt {
        self.opened.as_ref().map_or_else(Learnt::default, |opened| Learnt {
            confirmed: self.alone.then_some(true),
            native_id: opened.native_id.clone(),
            prior: self.was_there(opened).then_some(true),
            ..Learnt::default()
        })
    }

    /// Whether somebody else added the membership between our look and our command: then it is theirs and stays. Where a
    /// session of ours brought it about, finding it there says nothing new.
    fn was_there(&self, opened: &Opened) -> bool {
        self.row.kind == ChangeKind::Membership && !self.joined && !opened.added
    }

    /// What the trail is told once it is made.
    pub(crate) fn events(&self, shared: &Shared) -> Vec<Event> {
        if self.opened.as_ref().is_some_and(|opened| self.was_there(opened)) {
            vec![shared.change_event(EventKind::MembershipAlreadyPresent, &self.row)]
        } else {
            shared.happened(Happened::Made, &self.row)
        }
    }

    /// The row with what is known beyond the ledger.
    fn known(&self) -> ChangeRow {
        let mut row = self.row.clone();
        if let Some(opened) = &self.opened {
            row.confirmed |= self.alone;
            row.native_id = opened.native_id.clone().or(row.native_id);
            row.prior = row.prior || self.was_there(opened);
        }
        row
    }

    /// Takes note that the ledger holds it as present.
    pub(crate) fn confirm(&mut self) {
        self.row = self.known();
        if self.row.state == ChangeState::Intended {
            self.row.state = ChangeState::Present;
        }
    }

    /// The write that says so.
    pub(crate) fn present(&self, at: WallTime) -> Write {
        Write::Move {
            id: self.row.id.clone(),
            from: ChangeState::Intended,
            to: ChangeState::Present,
            at,
            next_try: None,
            learnt: self.learnt(),
        }
    }
}

/// What a launch has come to.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The session as written down; `None` when it never was.
    pub(crate) session: Option<SessionRow>,
    pub(crate) changes: Vec<Made>,
    pub(crate) secret: Option<Secret>,
    pub(crate) deadline: BootTime,
    pub(crate) deadline_wall: WallTime,
    /// Whether a connection has reached the target and the ledger says so.
    pub(crate) started: bool,
    pub(crate) outcome: Result<(), Failure>,
}

impl Launch {
    /// A launch whose task is gone: the process is ending.
    pub(crate) fn interrupted() -> Self {
        Self::refused(Failure::new(FailureClass::OutcomeUnknown, "the launch was interrupted"))
    }

    /// A launch that was refused before anything was written down.
    pub(crate) const fn refused(failure: Failure) -> Self {
        Self {
            session: None,
            changes: Vec::new(),
            secret: None,
            deadline: BootTime::from_nanos(0),
            deadline_wall: WallTime::from_micros(0),
            started: false,
            outcome: Err(failure),
        }
    }

    /// Takes note that the ledger holds the session as live and its changes as present.
    pub(crate) fn confirm(&mut self) {
        self.changes.iter_mut().for_each(Made::confirm);
        if let Some(session) = &mut self.session {
            session.state = SessionState::Live;
        }
    }

    /// The rows with what is known beyond the ledger, for the way out.
    pub(crate) fn rows(&self) -> Vec<ChangeRow> {
        self.changes.iter().map(Made::known).collect()
    }
}
