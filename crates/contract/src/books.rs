//! What the ledger in memory holds, and what each write does to it. An entry is done as a whole or not at all.

use mayfly_domain::audit::Event;
use mayfly_domain::{ChangeId, ChangeKind, ChangeState, SessionId, SessionState, TargetId, WallTime};
use mayfly_engine::ports::ledger::{ChangeRow, Entry, Held, HoldRow, Learnt, LedgerError, SessionRow, Write, WriteOff};
use std::collections::{BTreeMap, BTreeSet};

/// A row as it was before an entry, to be put back when the entry fails.
enum Before {
    Session(SessionId, Option<SessionRow>),
    Change(ChangeId, Option<Box<ChangeRow>>),
    Changes(BTreeMap<ChangeId, ChangeRow>),
    Hold(HoldRow, bool),
    Known(String, Option<TargetId>),
    WriteOffs(Vec<WriteOff>),
}

/// What the ledger holds.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// All sessions.
    pub sessions: BTreeMap<SessionId, SessionRow>,
    /// All changes, ended ones too.
    pub changes: BTreeMap<ChangeId, ChangeRow>,
    /// The order in which changes were added.
    pub order: Vec<ChangeId>,
    /// All holds.
    pub holds: BTreeSet<HoldRow>,
    /// Which target answers at which endpoint.
    pub known: BTreeMap<String, TargetId>,
    /// The targets that were written off, in the order in which they were.
    pub write_offs: Vec<WriteOff>,
    /// The trail.
    pub events: Vec<Event>,
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), LedgerError> {
    if holds { Ok(()) } else { Err(LedgerError::Expectation(what())) }
}

impl Books {
    fn holders(&self, change: &ChangeId) -> Vec<SessionId> {
        self.holds.iter().filter(|hold| hold.change == *change).map(|hold| hold.session.clone()).collect()
    }

    /// Whether a change is one of those that a session has to answer for.
    pub(crate) fn belongs(&self, change: &ChangeRow, session: &SessionId) -> bool {
        match change.kind {
            ChangeKind::Membership => {
                self.holds.contains(&HoldRow { change: change.id.clone(), session: session.clone() })
            }
            ChangeKind::Account | ChangeKind::Companion | ChangeKind::Trace => change.session == *session,
        }
    }

    /// A change and who holds it.
    pub(crate) fn held(&self, change: &ChangeRow) -> Held {
        Held { change: change.clone(), holds: self.holders(&change.id) }
    }

    fn change(&mut self, id: &ChangeId, from: ChangeState) -> Result<&mut ChangeRow, LedgerError> {
        let row = self.changes.get_mut(id).ok_or_else(|| LedgerError::Expectation(format!("no change {id}")))?;
        expect(row.state == from, || format!("change {id} is {:?}, not {from:?}", row.state))?;
        Ok(row)
    }

    fn intend(&mut self, row: ChangeRow) -> Result<(), LedgerError> {
        expect(!self.changes.contains_key(&row.id), || format!("change {} exists", row.id))?;
        let present = row.state == ChangeState::Present && row.kind == ChangeKind::Membership && row.prior;
        expect(row.state == ChangeState::Intended || present, || format!("a change starts {:?}", row.state))?;
        let taken = self.changes.values().any(|other| {
            row.kind == ChangeKind::Membership
                && other.kind == ChangeKind::Membership
                && other.state.is_unfinished()
                && (&other.target, &other.account, &other.group) == (&row.target, &row.account, &row.group)
        });
        expect(!taken, || "the membership is there already".to_owned())?;
        self.order.push(row.id.clone());
        self.changes.insert(row.id.clone(), row);
        Ok(())
    }

    fn move_session(
        &mut self,
        id: &SessionId,
        from: SessionState,
        to: SessionState,
        at: WallTime,
    ) -> Result<&mut SessionRow, LedgerError> {
        let row = self.sessions.get_mut(id).ok_or_else(|| LedgerError::Expectation(format!("no session {id}")))?;
        expect(row.state == from && from.may_become(to), || format!("session {id} is {:?}, not {from:?}", row.state))?;
        row.state = to;
        row.since = at;
        Ok(row)
    }

    /// Does all that an entry says. Only the rows that it names are copied: a copy of everything at every commit is what
    /// made long simulations slow.
    pub(crate) fn enter(&mut self, entry: Entry) -> Result<(), LedgerError> {
        let before: Vec<Before> = entry.writes.iter().map(|write| self.before(write)).collect();
        let added = self.order.len();
        for write in entry.writes {
            if let Err(error) = self.write(write) {
                before.into_iter().for_each(|row| self.put_back(row));
                self.order.truncate(added);
                return Err(error);
            }
        }
        self.events.extend(entry.events);
        Ok(())
    }

    /// The row that a write is about.
    fn before(&self, write: &Write) -> Before {
        match write {
            Write::OpenSession(SessionRow { id, .. }) | Write::MoveSession { id, .. } => {
                Before::Session(id.clone(), self.sessions.get(id).cloned())
            }
            Write::Intend(row) => self.change_before(&row.id),
            Write::Move { id, .. }
            | Write::Conclude { id, .. }
            | Write::Learn { id, .. }
            | Write::Postpone { id, .. } => self.change_before(id),
            Write::Hold(hold) | Write::Release(hold) => Before::Hold(hold.clone(), self.holds.contains(hold)),
            Write::Know { endpoint, .. } => {
                let endpoint = endpoint.to_string();
                let known = self.known.get(&endpoint).cloned();
                Before::Known(endpoint, known)
            }
            Write::WriteOff(_) | Write::Return { .. } => Before::WriteOffs(self.write_offs.clone()),
            Write::Trust { .. } => Before::Changes(self.changes.clone()),
        }
    }

    fn change_before(&self, id: &ChangeId) -> Before {
        Before::Change(id.clone(), self.changes.get(id).cloned().map(Box::new))
    }

    fn put_back(&mut self, row: Before) {
        match row {
            Before::Session(id, Some(row)) => drop(self.sessions.insert(id, row)),
            Before::Session(id, None) => drop(self.sessions.remove(&id)),
            Before::Change(id, Some(row)) => drop(self.changes.insert(id, *row)),
            Before::Change(id, None) => drop(self.changes.remove(&id)),
            Before::Changes(rows) => self.changes = rows,
            Before::WriteOffs(rows) => self.write_offs = rows,
            Before::Hold(hold, true) => _ = self.holds.insert(hold),
            Before::Hold(hold, false) => _ = self.holds.remove(&hold),
            Before::Known(endpoint, Some(target)) => drop(self.known.insert(endpoint, target)),
            Before::Known(endpoint, None) => drop(self.known.remove(&endpoint)),
        }
    }

    /// Does one write.
    fn write(&mut self, write: Write) -> Result<(), LedgerError> {
        match write {
            Write::OpenSession(row) => {
                expect(!self.sessions.contains_key(&row.id), || format!("session {} exists", row.id))?;
                self.sessions.insert(row.id.clone(), row);
            }
            Write::MoveSession { id, from, to, at, reason } => {
                let row = self.move_session(&id, from, to, at)?;
                row.end_reason = reason.or(row.end_reason);
            }
            Write::Intend(row) => self.intend(*row)?,
            Write::Move { id, from, to, at, next_try, learnt } => {
                let row = self.change(&id, from)?;
                expect(from.may_become(to) && to.is_unfinished(), || format!("{from:?} does not become {to:?}"))?;
                row.state = to;
                row.since = at;
                row.next_try = next_try;
                row.tries = 0;
                row.failure = None;
                learn(row, learnt);
            }
            Write::Conclude { id, at, ending } => {
                let row = self.change(&id, ChangeState::Withdrawing)?;
                row.state = ending.state();
                row.since = at;
                row.next_try = None;
            }
            Write::Learn { id, learnt } => learn(self.change(&id, ChangeState::Withdrawing)?, learnt),
            Write::Postpone { id, next_try, tries, failure, learnt } => {
                let row = self.change(&id, ChangeState::Withdrawing)?;
                row.next_try = Some(next_try);
                row.tries = tries;
                row.failure = failure;
                learn(row, learnt);
            }
            Write::Hold(hold) => {
                expect(self.changes.contains_key(&hold.change), || format!("no change {}", hold.change))?;
                expect(self.holds.insert(hold), || "the hold is there already".to_owned())?;
            }
            Write::Release(hold) => drop(self.holds.remove(&hold)),
            Write::Know { endpoint, target: Some(target) } => drop(self.known.insert(endpoint.to_string(), target)),
            Write::Know { endpoint, target: None } => drop(self.known.remove(&endpoint.to_string())),
            Write::WriteOff(row) => self.write_offs.push(row),
            Write::Return { target, at } => {
                let back = self.write_offs.iter_mut().filter(|row| row.target == target && row.returned.is_none());
                back.for_each(|row| row.returned = Some(at));
            }
            Write::Trust { from, trust } => {
                let there = |row: &&mut ChangeRow| {
                    row.place.destination == from && !matches!(row.state, ChangeState::Absent | ChangeState::Released)
                };
                for row in self.changes.values_mut().filter(there) {
                    row.place.destination.trust = trust.clone();
                }
            }
        }
        Ok(())
    }
}

fn learn(row: &mut ChangeRow, learnt: Learnt) {
    row.confirmed = learnt.confirmed.unwrap_or(row.confirmed);
    row.native_id = learnt.native_id.or(row.native_id.take());
    row.prior = learnt.prior.unwrap_or(row.prior);
    row.last_moment = learnt.last_moment.unwrap_or(row.last_moment);
    row.can_log_in = learnt.can_log_in.or(row.can_log_in);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::{
        AccountName, CredentialRef, Destination, Endpoint, Payload, PersonName, Place, RecordName, RunId, Trust,
    };

    fn session(number: u64) -> SessionRow {
        SessionRow {
            id: SessionId::parse(&format!("ses_{number:016}")).unwrap(),
            run: RunId::parse("run_0000000000000000").unwrap(),
            person: PersonName::parse("alice").unwrap(),
            record: RecordName::parse("db").unwrap(),
            target: TargetId::new("fake", "one"),
            account: AccountName::existing("deploy"),
            state: SessionState::Launching,
            opened_at: WallTime::from_micros(1),
            deadline: WallTime::from_micros(9),
            since: WallTime::from_micros(1),
            end_reason: None,
        }
    }

    fn membership(number: u64, group: &str) -> ChangeRow {
        let now = WallTime::from_micros(1);
        let credential = CredentialRef { record: RecordName::parse("admin").unwrap() };
        ChangeRow {
            id: ChangeId::parse(&format!("chg_{number:016}")).unwrap(),
            session: session(1).id,
            provider: "fake".to_owned(),
            kind: ChangeKind::Membership,
            target: TargetId::new("fake", "one"),
            place: Place { destination: Destination { endpoint: endpoint(), trust: Trust::Plaintext }, credential },
            account: AccountName::existing("deploy"),
            group: Some(group.to_owned()),
            payload: Payload { kind: "fake".to_owned(), version: 1, bytes: Vec::new() },
            state: ChangeState::Intended,
            since: now,
            depends_on: Vec::new(),
            last_moment: now,
            confirmed: false,
            native_id: None,
            prior: false,
            held_since: now,
            exclusive: false,
            end_other_sessions: true,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: None,
        }
    }

    fn endpoint() -> Endpoint {
        Endpoint { host: "one".to_owned(), port: 1 }
    }

    fn hold(change: u64, session_number: u64) -> HoldRow {
        HoldRow { change: membership(change, "ops").id, session: session(session_number).id }
    }

    /// The port's rule: all writes of an entry are done, or none. The first entry fills the books, so that the second has
    /// something of every kind to overwrite.
    #[test]
    fn an_entry_that_fails_at_its_last_write_leaves_no_trace() {
        let mut books = Books::default();
        let filled = vec![
            Write::OpenSession(session(1)),
            Write::Intend(Box::new(membership(1, "ops"))),
            Write::Hold(hold(1, 1)),
            Write::Know { endpoint: endpoint(), target: Some(TargetId::new("fake", "one")) },
        ];
        books.enter(Entry { writes: filled, events: Vec::new() }).unwrap();
        let before = format!("{books:?}");
        let id = session(1).id;
        let (from, to, at) = (SessionState::Launching, SessionState::Live, WallTime::from_micros(2));
        let (intended, withdrawing) = (ChangeState::Intended, ChangeState::Withdrawing);
        let taken_back = Write::Move {
            id: membership(1, "ops").id,
            from: intended,
            to: withdrawing,
            at,
            next_try: Some(at),
            learnt: Learnt::default(),
        };
        let moved = |from, to| Write::MoveSession { id: id.clone(), from, to, at, reason: None };
        let mut writes = vec![
            moved(from, to),
            taken_back,
            Write::OpenSession(session(2)),
            Write::Intend(Box::new(membership(2, "others"))),
            Write::Release(hold(1, 1)),
            Write::Hold(hold(2, 2)),
            Write::Know { endpoint: endpoint(), target: None },
            Write::Trust { from: membership(1, "ops").place.destination, trust: Trust::NotPinned },
            Write::WriteOff(WriteOff {
                target: TargetId::new("fake", "one"),
                by: "uid:0".to_owned(),
                reason: "burnt".to_owned(),
                at,
                returned: None,
            }),
            Write::Return { target: TargetId::new("fake", "one"), at },
            // The session is no longer launching: an earlier write of this entry has moved it.
            moved(from, to),
        ];
        assert!(books.enter(Entry { writes: writes.clone(), events: Vec::new() }).is_err());
        assert_eq!(format!("{books:?}"), before);
        writes.pop();
        books.enter(Entry { writes, events: Vec::new() }).unwrap();
        assert_ne!(format!("{books:?}"), before);
    }
}
