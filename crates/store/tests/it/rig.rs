//! What the tests share: a store in a throw-away directory, a clock that they move, a key of their own, and made-up rows.

use async_trait::async_trait;
use ed25519_dalek::{Signer, SigningKey};
use mayfly_domain::audit::{Event, EventKind};
use mayfly_domain::{
    AccountName, BootTime, ChangeId, ChangeKind, ChangeState, CredentialRef, Destination, Endpoint, Entropy,
    InstallationId, Payload, PersonName, Place, RecordName, RunId, SessionId, SessionState, TargetId, Trust, WallTime,
};
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::ledger::{ChangeRow, Entry, SessionRow, Write};
use mayfly_engine::ports::trail::CheckpointSigner;
use mayfly_store::{OpenError, Settings, Store};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// 2025-11-24T16:00:00Z.
pub(crate) const START: i64 = 1_764_000_000_000_000;

/// A wall clock that each reading moves on by a microsecond.
pub(crate) struct Ticking(AtomicI64);

impl Ticking {
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(START))
    }
}

#[async_trait]
impl Clock for Ticking {
    fn wall(&self) -> WallTime {
        WallTime::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
    fn boot(&self) -> BootTime {
        BootTime::from_nanos(0)
    }
    async fn sleep_until(&self, _: BootTime) {}
}

/// A key made of one byte.
pub(crate) struct Key {
    key: SigningKey,
    name: String,
}

impl Key {
    pub(crate) fn new(byte: u8) -> Self {
        Self { key: SigningKey::from_bytes(&[byte; 32]), name: format!("mayfly/{}", installation()) }
    }
}

impl CheckpointSigner for Key {
    fn key_name(&self) -> &str {
        &self.name
    }
    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }
    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

pub(crate) fn installation() -> InstallationId {
    InstallationId::parse("ins_0123456789abcdef").unwrap()
}

pub(crate) fn run() -> RunId {
    RunId::parse("run_0000000000000001").unwrap()
}

/// The directories of one store. The store is opened and closed as the test needs it.
pub(crate) struct Rig {
    pub(crate) settings: Settings,
    _directory: TempDir,
}

impl Rig {
    /// Makes an empty store.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            directory: directory.path().join("data"),
            checkpoints: directory.path().join("log/checkpoints"),
        };
        mayfly_store::create(&settings, &installation()).unwrap();
        Self { settings, _directory: directory }
    }

    pub(crate) fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.settings, Arc::new(Ticking::new()), Arc::new(Key::new(1)))
    }

    pub(crate) fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    /// The files of checkpoints outside, in order.
    pub(crate) fn checkpoint_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.settings.checkpoints).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
        paths.sort();
        paths
    }

    /// All checkpoints outside, in order.
    pub(crate) fn checkpoints(&self) -> String {
        self.checkpoint_files().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

/// Waits until `done`, and fails the test after a minute.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}

/// A source of bytes from a number, so that a failing test can be run again.
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            // xorshift64* (Vigna, 2016).
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            *byte = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8;
        }
    }
}

pub(crate) fn session_id(number: u64) -> SessionId {
    SessionId::random(&mut Seeded(number + 1))
}

pub(crate) fn change_id(number: u64) -> ChangeId {
    ChangeId::random(&mut Seeded(number + 1))
}

pub(crate) fn at(second: i64) -> WallTime {
    WallTime::from_micros(START + second * 1_000_000)
}

pub(crate) fn target(number: u64) -> TargetId {
    TargetId::new("fake", &number.to_string())
}

/// A session that is launching.
pub(crate) fn session(number: u64) -> SessionRow {
    SessionRow {
        id: session_id(number),
        run: run(),
        person: PersonName::parse("alice").unwrap(),
        record: RecordName::parse("orders").unwrap(),
        target: target(1),
        account: AccountName::existing("deploy"),
        state: SessionState::Launching,
        opened_at: at(0),
        deadline: at(3600),
        since: at(0),
        end_reason: None,
    }
}

/// An intended account of a session.
pub(crate) fn change(number: u64, session: &SessionId) -> ChangeRow {
    ChangeRow {
        id: change_id(number),
        session: session.clone(),
        provider: "fake".to_owned(),
        kind: ChangeKind::Account,
        target: target(1),
        place: place("root"),
        account: AccountName::existing("keeper_0123456789abc"),
        group: None,
        payload: Payload { kind: "fake.account".to_owned(), version: 1, bytes: vec![0, 255, 10] },
        state: ChangeState::Intended,
        since: at(0),
        depends_on: Vec::new(),
        last_moment: at(5),
        confirmed: false,
        native_id: None,
        prior: false,
        held_since: at(0),
        exclusive: true,
        end_other_sessions: true,
        next_try: None,
        tries: 0,
        failure: None,
        can_log_in: None,
    }
}

/// An intended membership of `deploy` in a group.
pub(crate) fn membership(number: u64, session: &SessionId, group: &str) -> ChangeRow {
    ChangeRow {
        kind: ChangeKind::Membership,
        account: AccountName::existing("deploy"),
        group: Some(group.to_owned()),
        ..change(number, session)
    }
}

pub(crate) fn place(credential: &str) -> Place {
    Place {
        destination: Destination {
            endpoint: Endpoint { host: "db".to_owned(), port: 5432 },
            trust: Trust::VerifyFull { ca_pem: "pem".to_owned() },
        },
        credential: CredentialRef { record: RecordName::parse(credential).unwrap() },
    }
}

pub(crate) fn event(number: u64) -> Event {
    Event::new(EventKind::AccountIntended, at(0), run(), "server").with("number", number)
}

/// An entry of these writes with one event.
pub(crate) fn entry(writes: Vec<Write>) -> Entry {
    Entry { writes, events: vec![event(0)] }
}
