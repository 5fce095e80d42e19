//! The ledger port: the durable list of sessions, changes and holds. The engine writes entries, each atomic with its audit
//! events; the store groups entries into commits and refuses any whose expectations do not hold.

use crate::ports::proof::Ending;
use async_trait::async_trait;
use mayfly_domain::audit::Event;
use mayfly_domain::{
    AccountName, ChangeId, ChangeKind, ChangeState, Destination, EndReason, Endpoint, Failure, FailureClass, Payload,
    PersonName, Place, RecordName, RunId, SessionId, SessionState, TargetId, Trust, WallTime,
};
use std::ops::RangeInclusive;

/// A session as the ledger holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// The run of the server that it belongs to.
    pub run: RunId,
    /// Whose it is.
    pub person: PersonName,
    /// What it opens.
    pub record: RecordName,
    /// The target, as it identified itself at the launch.
    pub target: TargetId,
    /// The account that it uses there.
    pub account: AccountName,
    /// Where it stands.
    pub state: SessionState,
    /// When its launch was written down, by our wall clock.
    pub opened_at: WallTime,
    /// When it has to be over, by our wall clock. For people: what ends it is the boot clock.
    pub deadline: WallTime,
    /// When it reached its present state, by our wall clock.
    pub since: WallTime,
    /// Why it ended, once it is ending.
    pub end_reason: Option<EndReason>,
}

/// A change as the ledger holds it. `Payload` and `Place` are frozen at the launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its id.
    pub id: ChangeId,
    /// The session that it was made for; for a shared membership, the one that made it first.
    pub session: SessionId,
    /// The provider that made it.
    pub provider: String,
    /// What kind of change.
    pub kind: ChangeKind,
    /// The target.
    pub target: TargetId,
    /// How to reach the target again.
    pub place: Place,
    /// The account made or lifted.
    pub account: AccountName,
    /// The group or role.
    pub group: Option<String>,
    /// What the provider needs to undo it.
    pub payload: Payload,
    /// Where it stands.
    pub state: ChangeState,
    /// When it reached that state, by our wall clock.
    pub since: WallTime,
    /// The changes that it builds on.
    pub depends_on: Vec<ChangeId>,
    /// After this moment of the target's clock the opening command can no longer take effect.
    pub last_moment: WallTime,
    /// Whether every command that was ever sent to make it has been answered, so that none is still on its way. A membership
    /// may be asked for several times: that one of these commands was answered says nothing of the others.
    pub confirmed: bool,
    /// The identity that the target gave the account, once known.
    pub native_id: Option<String>,
    /// Whether it was there before us, and therefore stays.
    pub prior: bool,
    /// The target's clock when the first hold of a membership was taken; sessions older than this are bystanders.
    pub held_since: WallTime,
    /// Whether, while it is held, no other session may hold it.
    pub exclusive: bool,
    /// Whether sessions that others opened as a lifted account are ended with it.
    pub end_other_sessions: bool,
    /// When it is tried again, by our wall clock; `None` while nothing is owed or a pass is under way.
    pub next_try: Option<WallTime>,
    /// How many passes have failed in a row.
    pub tries: u32,
    /// What the last failed pass ran into.
    pub failure: Option<Failure>,
    /// Whether the account could still log in when last seen.
    pub can_log_in: Option<bool>,
}

/// One session's claim on a membership of an existing account. Every change of kind `Membership` is held by at least one
/// session until it is concluded, and belongs to those that hold it; every other change belongs to its `session`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldRow {
    /// The membership.
    pub change: ChangeId,
    /// The session that needs it.
    pub session: SessionId,
}

/// What is learnt of a change when it moves; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learnt {
    /// Whether every command that was sent to make it has been answered.
    pub confirmed: Option<bool>,
    /// The identity that the target gave it.
    pub native_id: Option<String>,
    /// Whether it was there before us.
    pub prior: Option<bool>,
    /// The new last moment, when a membership is taken up again.
    pub last_moment: Option<WallTime>,
    /// Whether the account can log in.
    pub can_log_in: Option<bool>,
}

/// One write. All writes of an entry are done, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Adds a session.
    OpenSession(SessionRow),
    /// Moves a session from one state to another; fails the entry when it is not in `from`.
    MoveSession {
        /// Which.
        id: SessionId,
        /// The state expected.
        from: SessionState,
        /// The state that it goes to, which `from` allows.
        to: SessionState,
        /// When, by our wall clock.
        at: WallTime,
        /// Why it ends, when it goes to `Ending`.
        reason: Option<EndReason>,
    },
    /// Adds a change, in state `Intended` or, for a membership that was there before us, `Present`. Fails the entry when an
    /// unfinished membership with the same target, account and group exists.
    Intend(Box<ChangeRow>),
    /// Moves a change between unfinished states, or takes up one that was kept or written off; fails the entry when it is
    /// not in `from`. Clears `tries` and `failure`, and sets `next_try` as given.
    Move {
        /// Which.
        id: ChangeId,
        /// The state expected.
        from: ChangeState,
        /// The state that it goes to: `Intended`, `Present` or `Withdrawing`.
        to: ChangeState,
        /// When, by our wall clock.
        at: WallTime,
        /// When somebody should look at it if it is still withdrawing then; `None` for the other states.
        next_try: Option<WallTime>,
        /// What was learnt.
        learnt: Learnt,
    },
    /// Ends a change that is withdrawing, with the proof of its end; fails the entry when it is not withdrawing.
    Conclude {
        /// Which.
        id: ChangeId,
        /// When, by our wall clock.
        at: WallTime,
        /// How it ended, and the proof.
        ending: Ending,
    },
    /// Notes what was learnt of a change that is withdrawing, before a step that could make it unfindable; fails the entry
    /// when it is not withdrawing.
    Learn {
        /// Which.
        id: ChangeId,
        /// What was learnt.
        learnt: Learnt,
    },
    /// Notes a pass that did not conclude; fails the entry when the change is not withdrawing.
    Postpone {
        /// Which.
        id: ChangeId,
        /// When it is tried again, by our wall clock.
        next_try: WallTime,
        /// How many passes have failed in a row.
        tries: u32,
        /// What this one ran into; `None` when it only waits for a moment to pass.
        failure: Option<Failure>,
        /// What was learnt all the same.
        learnt: Learnt,
    },
    /// Adds a hold; fails the entry when it exists.
    Hold(HoldRow),
    /// Takes a hold away; nothing happens when it is not there.
    Release(HoldRow),
    /// Notes which target answers at an endpoint, instead of what was noted there before.
    Know {
        /// The endpoint that is administered.
        endpoint: Endpoint,
        /// The target, as it identified itself; `None` to take whichever answers next.
        target: Option<TargetId>,
    },
    /// Notes for ever that a target was written off.
    WriteOff(WriteOff),
    /// Notes that a target which was written off answers again.
    Return {
        /// Which.
        target: TargetId,
        /// When, by our wall clock.
        at: WallTime,
    },
    /// Demands another trust of whoever answers where changes that are not over are administered, after an administrator has
    /// confirmed it: what is owed there could not be undone otherwise. Which target it has to be stays as it was.
    Trust {
        /// Where they are administered, with the trust demanded until now.
        from: Destination,
        /// The trust demanded from now on.
        trust: Trust,
    },
}

/// That a target was written off, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOff {
    /// The target.
    pub target: TargetId,
    /// Who, as the trail names them.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, by our wall clock.
    pub at: WallTime,
    /// When it answered again, if it ever did.
    pub returned: Option<WallTime>,
}

/// What is written together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// The events that say so in the trail, in order.
    pub events: Vec<Event>,
}

/// Why an entry was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Something was not as the entry expected; nothing of it was written.
    #[error("the ledger does not hold what was expected: {0}")]
    Expectation(String),
    /// The store cannot be written or read now. Whether the entry is durable is unknown only when the text says so.
    #[error("the store is not available: {0}")]
    Unavailable(String),
}

impl LedgerError {
    /// Its class, where one is wanted.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Expectation(_) => FailureClass::Conflict,
            Self::Unavailable(_) => FailureClass::Busy,
        }
    }
}

/// A session with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// The session.
    pub session: SessionRow,
    /// The changes that belong to it (see [`HoldRow`]), in the order of their making.
    pub changes: Vec<ChangeRow>,
}

/// A change and everybody who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The membership.
    pub change: ChangeRow,
    /// The holds, by session.
    pub holds: Vec<SessionId>,
}

/// The durable list of what was done and is owed.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Writes an entry durably, with its events appended to the trail, and returns once it is on disk.
    async fn commit(&self, entry: Entry) -> Result<(), LedgerError>;

    /// The footprint of a session, ended or not; `None` when there is no such session.
    async fn footprint(&self, session: &SessionId) -> Result<Option<Footprint>, LedgerError>;

    /// One change; `None` when there is no such change.
    async fn change(&self, id: &ChangeId) -> Result<Option<Held>, LedgerError>;

    /// The unfinished membership of that account in that group, if there is one.
    async fn membership(
        &self,
        target: &TargetId,
        account: &AccountName,
        group: &str,
    ) -> Result<Option<Held>, LedgerError>;

    /// The highest number within `range` that ever was the native id of an account that we made on that target, whatever has become
    /// of it; `None` when there was none.
    async fn highest_native_id(
        &self,
        target: &TargetId,
        range: &RangeInclusive<u32>,
    ) -> Result<Option<u32>, LedgerError>;

    /// Which target answered at that endpoint until now; `None` when none was ever noted.
    async fn known_target(&self, endpoint: &Endpoint) -> Result<Option<TargetId>, LedgerError>;

    /// Sessions that are not ended and belong to another run than this one, in the order of their ids, at most `limit`, after
    /// the one named.
    async fn sessions_of_other_runs(
        &self,
        run: &RunId,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRow>, LedgerError>;

    /// Changes that are withdrawing and whose `next_try` is at or before `now`, earliest first, at most `limit`, leaving out
    /// those of the targets named.
    async fn due(&self, now: WallTime, limit: u32, except: &[TargetId]) -> Result<Vec<ChangeRow>, LedgerError>;

    /// When the next change that is withdrawing is tried, if any waits, leaving out those of the targets named.
    async fn next_due(&self, except: &[TargetId]) -> Result<Option<WallTime>, LedgerError>;

    /// Changes of one target that are withdrawing, whenever they are due, earliest first, at most `limit`.
    async fn owed_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError>;

    /// The targets on which something is written off.
    async fn written_off(&self) -> Result<Vec<TargetId>, LedgerError>;

    /// Changes of one target that are written off, in the order of their ids, at most `limit`.
    async fn written_off_on(&self, target: &TargetId, limit: u32) -> Result<Vec<ChangeRow>, LedgerError>;

    /// Every target that was ever written off, the newest first.
    async fn write_offs(&self) -> Result<Vec<WriteOff>, LedgerError>;

    /// Which target answers at which endpoint, as `known_target` says, by endpoint.
    async fn known_targets(&self) -> Result<Vec<(String, TargetId)>, LedgerError>;

    /// Sessions in state `Ending` to which no unfinished change belongs (see [`HoldRow`]), so that they can be closed, at most
    /// `limit`.
    async fn closable_sessions(&self, limit: u32) -> Result<Vec<SessionRow>, LedgerError>;

    /// Sessions that are not ended, in the order of their ids, at most `limit`, after the one named.
    async fn open_sessions(&self, after: Option<&SessionId>, limit: u32) -> Result<Vec<SessionRow>, LedgerError>;

    /// What still needs somebody's eye: changes that are withdrawing, kept or written off, in the order of their ids, at most
    /// `limit`, after the one named.
    async fn outstanding(&self, after: Option<&ChangeId>, limit: u32) -> Result<Vec<Held>, LedgerError>;
}
