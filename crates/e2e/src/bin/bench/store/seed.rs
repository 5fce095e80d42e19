//! What a store is filled with: made-up sessions with an account each, numbered.

use crate::clock::Machine;
use anyhow::Result;
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    AccountName, ChangeId, ChangeKind, ChangeState, CredentialRef, Destination, Endpoint, Entropy, Payload, PersonName,
    Place, RecordName, RunId, SessionId, SessionState, TargetId, Trust, WallTime,
};
use mayfly_engine::ports::clock::Clock as _;
use mayfly_engine::ports::ledger::{ChangeRow, Entry, Learnt, SessionRow, Write};
use std::time::Duration;

/// Bytes from a number, so that ids differ.
struct Numbered(u64);

impl Entropy for Numbered {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            // SplitMix64 (Steele, Lea and Flood, 2014).
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (mixed ^ (mixed >> 31)).to_be_bytes()[0];
        }
    }
}

/// Makes what is written of sessions that are live.
pub(super) struct Seed {
    run: RunId,
    now: WallTime,
    person: PersonName,
    record: RecordName,
    target: TargetId,
    place: Place,
}

impl Seed {
    /// Sessions on a target where nothing listens.
    pub(super) fn new() -> Result<Self> {
        let record = RecordName::parse("orders")?;
        Ok(Self {
            run: RunId::random(&mut Numbered(0)),
            now: Machine.wall(),
            person: PersonName::parse("alice")?,
            target: TargetId::new("postgresql", "7300000000000000000"),
            place: Place {
                destination: Destination {
                    endpoint: Endpoint { host: "127.0.0.1".to_owned(), port: 1 },
                    trust: Trust::VerifyFull { ca_pem: "of the benchmark".to_owned() },
                },
                credential: CredentialRef { record: record.clone() },
            },
            record,
        })
    }

    /// An event as a launch writes them.
    pub(super) fn event(&self, number: u64) -> Event {
        let mut event = Event::new(EventKind::AccountIntended, self.now, self.run.clone(), "server");
        event.session = Some(SessionId::random(&mut Numbered(number)));
        event.with("target", &self.target).with("number", number)
    }

    /// What a launch writes for one session, in one entry.
    pub(super) fn live(&self, number: u64) -> Entry {
        let id = SessionId::random(&mut Numbered(2 * number + 1));
        let change = ChangeId::random(&mut Numbered(2 * number + 2));
        let (from, to) = (SessionState::Launching, SessionState::Live);
        let learnt = Learnt { confirmed: Some(true), native_id: Some(number.to_string()), ..Learnt::default() };
        let writes = vec![
            Write::OpenSession(self.session(number, &id)),
            Write::Intend(Box::new(self.change(number, &id, &change))),
            Write::Move {
                id: change,
                from: ChangeState::Intended,
                to: ChangeState::Present,
                at: self.now,
                next_try: None,
                learnt,
            },
            Write::MoveSession { id, from, to, at: self.now, reason: None },
        ];
        Entry { writes, events: vec![self.event(number)] }
    }

    fn session(&self, number: u64, id: &SessionId) -> SessionRow {
        SessionRow {
            id: id.clone(),
            run: self.run.clone(),
            person: self.person.clone(),
            record: self.record.clone(),
            target: self.target.clone(),
            account: account(number),
            state: SessionState::Launching,
            opened_at: self.now,
            deadline: self.now.plus(Duration::from_secs(3600)),
            since: self.now,
            end_reason: None,
        }
    }

    fn change(&self, number: u64, session: &SessionId, id: &ChangeId) -> ChangeRow {
        ChangeRow {
            id: id.clone(),
            session: session.clone(),
            provider: "postgresql".to_owned(),
            kind: ChangeKind::Account,
            target: self.target.clone(),
            place: self.place.clone(),
            account: account(number),
            group: None,
            payload: Payload { kind: "postgresql.account".to_owned(), version: 1, bytes: b"{}".to_vec() },
            state: ChangeState::Intended,
            since: self.now,
            depends_on: Vec::new(),
            last_moment: self.now,
            confirmed: false,
            native_id: None,
            prior: false,
            held_since: self.now,
            exclusive: true,
            end_other_sessions: true,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: Some(true),
        }
    }
}

/// A name of our form for each number.
fn account(number: u64) -> AccountName {
    AccountName::existing(&format!("keeper_{number:013}"))
}
