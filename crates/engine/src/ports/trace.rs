//! The tracer port: what the engine tells of steps that are over, for whoever wants to see where the time went. It is told and not asked:
//! nothing that launches or removes waits for a tracer, and what becomes of a span changes nothing.

use crate::ports::clock::Clock;
use crate::ports::provider::CloseVerb;
use mayfly_domain::{BootTime, ChangeId, ChangeKind, ConnectionId, EndReason, FailureClass, RecordName};
use mayfly_domain::{SessionId, WallTime};

/// A step in the life of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// All of it, from the moment at which somebody asked until nothing of it is owed any more; every other step belongs to it.
    Session,
    /// Somebody shows who they are.
    SignIn,
    /// Whether they may is decided.
    Decision,
    /// A target is read before anything is changed.
    Survey,
    /// Every intended change is written down.
    Commit,
    /// One change is made.
    Create,
    /// A connection logs in with the account.
    LogIn,
    /// That it has reached the target is written down; the client is told after it.
    Ready,
    /// The end is written down.
    End,
    /// One step of the way out of a change.
    Close(CloseVerb),
    /// It is looked whether a change is there.
    Look,
}

impl Step {
    /// Its name, as traces have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SignIn => "sign-in",
            Self::Decision => "decision",
            Self::Survey => "survey",
            Self::Commit => "commit",
            Self::Create => "create",
            Self::LogIn => "log-in",
            Self::Ready => "ready",
            Self::End => "end",
            Self::Close(CloseVerb::Disable) => "disable",
            Self::Close(CloseVerb::EndSessions) => "end-sessions",
            Self::Close(CloseVerb::Withdraw) => "withdraw",
            Self::Close(CloseVerb::HandOver) => "hand-over",
            Self::Close(CloseVerb::Remove) => "remove",
            Self::Look => "look",
        }
    }
}

/// A moment by both clocks: the wall clock, for people, and the one that cannot be set, for how long something lasts.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    wall: WallTime,
    boot: BootTime,
}

impl Moment {
    /// Now.
    pub fn now(clock: &dyn Clock) -> Self {
        Self { wall: clock.wall(), boot: clock.boot() }
    }

    /// The moment by the wall clock as it was then.
    pub const fn wall(self) -> WallTime {
        self.wall
    }

    /// A later moment as the wall clock would have had it, had nobody set it in between.
    pub fn until(self, later: Self) -> WallTime {
        self.wall.plus(later.boot.since(self.boot))
    }
}

/// A step that is over. It holds names and kinds; no text of a failure, which may quote what a target said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Whose.
    pub session: SessionId,
    /// Which.
    pub step: Step,
    /// When it began, by our wall clock.
    pub from: WallTime,
    /// When it was over.
    pub until: WallTime,
    /// What the session opens, where the step knows it.
    pub record: Option<RecordName>,
    /// The kind of target: the name of its provider.
    pub provider: Option<String>,
    /// The change that it is about.
    pub change: Option<(ChangeId, ChangeKind)>,
    /// The connection that it is about.
    pub connection: Option<ConnectionId>,
    /// Why the session ended.
    pub end: Option<EndReason>,
    /// How it failed, if it did.
    pub failure: Option<FailureClass>,
}

impl Span {
    /// A step between two moments of our wall clock that has not failed.
    pub fn between(session: &SessionId, step: Step, from: WallTime, until: WallTime) -> Self {
        Self {
            session: session.clone(),
            step,
            from,
            until,
            record: None,
            provider: None,
            change: None,
            connection: None,
            end: None,
            failure: None,
        }
    }

    /// A step that began then and is over now.
    pub fn since(session: &SessionId, step: Step, began: Moment, clock: &dyn Clock) -> Self {
        Self::between(session, step, began.wall(), began.until(Moment::now(clock)))
    }
}

/// Where spans go.
pub trait Tracer: Send + Sync + 'static {
    /// Takes a span, or drops it: it returns at once either way.
    fn take(&self, span: Span);
}

/// A tracer for those who want no traces.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTraces;

impl Tracer for NoTraces {
    fn take(&self, _span: Span) {}
}
