//! The provider port: what the engine asks of the code that knows one kind of target. A provider changes targets and looks
//! at them; it keeps no books, decides nothing and retries nothing.
//!
//! Rules that every provider keeps, and that the contract suite checks against each of them:
//! * `survey` and `look` change nothing on the target.
//! * `open` does what one planned change says, at most once, and only while the target's clock is before the change's last
//!   moment, tested under the same lock that removal takes. It never adopts what is there already.
//! * A step of `close` that finds nothing to do has succeeded. Doing any of them twice is the same as once.
//! * No step touches an account that does not carry our mark or the identity that the ledger holds, nor a membership that
//!   we did not add. Names read back from a target are as untrusted as anything else that it answers.
//! * `Remove` of an account refuses, with `Busy`, while a session of it runs: on some targets a session outlives its account
//!   and can no longer be found by name.
//! * Another server at the target's address is a [`FailureClass::IdentityChanged`](mayfly_domain::FailureClass), found before
//!   anything is changed.
//! * A batch is steps of one verb on one target; surveys go together by place, before the target is known. One step's failure is
//!   that step's alone: where a provider runs several in one transaction or statement and it fails, it runs them again one by one.
//!   A transaction may be one step of many sessions, never several steps of one.

use crate::ports::ledger::ChangeRow;
use async_trait::async_trait;
use mayfly_domain::{
    AccountName, Authorised, ChangeKind, Failure, Mark, Owed, Payload, Place, Secret, TargetId, WallTime,
};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// What a session wants done on a target.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The name of the provider, as the registry knows it.
    pub provider: String,
    /// Where the target is administered, and with which credential.
    pub place: Place,
    /// The account that the session uses.
    pub account: AccountWish,
    /// The group or role to lift that account into, if any.
    pub elevate: Option<String>,
    /// Whether only one session at a time may lift an existing account.
    pub exclusive: bool,
    /// Whether, at the end, sessions that others opened as a lifted account since then are ended too.
    pub end_other_sessions: bool,
    /// The provider's own settings of the record, as JSON: each provider documents its form.
    pub settings: serde_json::Value,
}

/// Which account a session uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountWish {
    /// One that is made for this session and removed after it.
    Create {
        /// Its name, never used before.
        name: AccountName,
        /// The mark that it carries.
        mark: Mark,
    },
    /// One that exists and stays.
    Existing {
        /// Its name on the target.
        name: AccountName,
    },
}

impl AccountWish {
    /// The account's name.
    pub const fn name(&self) -> &AccountName {
        match self {
            Self::Create { name, .. } | Self::Existing { name } => name,
        }
    }
}

/// What a survey needs beside the wish.
#[derive(Debug, Clone)]
pub struct SurveyRequest {
    /// What is wanted.
    pub wish: Wish,
    /// From now until the deadline that the target itself shall hold: the session's length and the margin past it.
    pub lifetime: Duration,
}

/// One wish to survey.
#[derive(Debug, Clone)]
pub struct SurveyStep {
    /// What is wanted.
    pub request: SurveyRequest,
    /// The proof that its session may be opened.
    pub permit: Arc<Authorised>,
}

/// What a provider read before anything is changed, and what it would change.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The target as it identifies itself.
    pub target: TargetId,
    /// The target's clock at the moment of reading.
    pub target_now: WallTime,
    /// The changes that fulfil the wish, in the order in which they are made; empty when nothing needs doing.
    pub changes: Vec<PlannedChange>,
}

/// One change that a provider would make.
#[derive(Debug, Clone)]
pub struct PlannedChange {
    /// What kind of change.
    pub kind: ChangeKind,
    /// The account made or lifted.
    pub account: AccountName,
    /// The group or role, for memberships and for accounts that are made as members.
    pub group: Option<String>,
    /// Whether what is planned is there already, and so was there before us.
    pub prior: bool,
    /// Everything the undo needs, frozen.
    pub payload: Payload,
    /// Indices, within the survey's list, of the changes that this one builds on. Removal goes the other way round.
    pub depends_on: Vec<usize>,
    /// Where the target's own ids are numbers that must not be used twice: the range from which this account gets one.
    pub native_ids: Option<RangeInclusive<u32>>,
}

/// One change to make now.
#[derive(Debug, Clone)]
pub struct OpenStep {
    /// The change as the ledger holds it; its `last_moment` is by the target's clock.
    pub change: ChangeRow,
    /// The password of an account that is made. It is in memory only.
    pub secret: Option<Secret>,
    /// The highest id within the planned `native_ids` that the ledger ever held of an account on this target.
    pub highest_id: Option<u32>,
    /// The proof that its session may be opened.
    pub permit: Arc<Authorised>,
}

/// What making a change brought about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The identity that the target gave the account (an oid, a SID, a uid), where it gives one.
    pub native_id: Option<String>,
    /// Whether this step added it. `false` means that it was there already and therefore stays.
    pub added: bool,
}

/// Which of the sessions that run on the target as an account are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionScope {
    /// Every one. For accounts that we made.
    All,
    /// Those that logged in at or after `from` and not after `until`, by the target's clock. For lifted accounts.
    Between {
        /// The first hold of the membership.
        from: WallTime,
        /// The moment at which the membership was seen to be gone, if it was.
        until: Option<WallTime>,
    },
    /// Those that our own connections opened, by the id that the target gave each of them.
    Ours(Vec<String>),
    /// Those that none of our connections opened, while the session lasts. One of ours that is just coming in, whose id is
    /// not known yet, is told by its age.
    Foreign {
        /// The ids of those that our connections opened.
        ours: Vec<String>,
        /// How long a session must have run, by the target's clock, to be none of ours that is just coming in.
        older_than: Duration,
    },
}

/// One change to look at.
#[derive(Debug, Clone)]
pub struct LookStep {
    /// The change as the ledger holds it.
    pub change: ChangeRow,
    /// The proof that it is ours to look at.
    pub owed: Owed,
    /// Which sessions to count.
    pub scope: SessionScope,
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The target's clock at the moment of looking.
    pub target_now: WallTime,
    /// Whether it is there.
    pub presence: Presence,
    /// How many sessions in the scope asked for still run on the target, found by the account's native id where known.
    pub sessions: u32,
    /// Whether the account can log in at all, lifted or not. `None` where that does not apply.
    pub can_log_in: Option<bool>,
    /// Whether the connection that carried the opening command is known to be gone on the target, so that the command
    /// cannot take effect any more even before its last moment.
    pub carrier_gone: bool,
}

/// Whether a change is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is not there.
    Absent,
    /// It is there and it is ours.
    Ours {
        /// The identity that the target gave the account, where it gives one.
        native_id: Option<String>,
        /// Whether it owns or holds anything that has to be handed over before it can be removed.
        leftovers: bool,
    },
    /// Something of that name is there and it is not ours: never touched.
    Stranger,
}

/// The steps of the way out, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseVerb {
    /// The account can no longer log in. Accounts that we made only.
    Disable,
    /// Its sessions in the scope are told to end; the outcome says how many are still there.
    EndSessions,
    /// A membership that we added is taken away.
    Withdraw,
    /// What the account owns or holds is handed over or dropped, by the policy frozen in the payload.
    HandOver,
    /// The account, or whatever else the change made, is removed.
    Remove,
}

/// One step of the way out.
#[derive(Debug, Clone)]
pub struct CloseStep {
    /// The change as the ledger holds it.
    pub change: ChangeRow,
    /// The proof that it is owed.
    pub owed: Owed,
    /// Which sessions [`CloseVerb::EndSessions`] means.
    pub scope: SessionScope,
}

/// What a step of the way out brought about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closed {
    /// After [`CloseVerb::EndSessions`]: how many in the scope are still there.
    pub sessions_left: u32,
    /// After [`CloseVerb::Withdraw`]: the target's clock when the membership was gone.
    pub gone_at: Option<WallTime>,
    /// After [`CloseVerb::HandOver`]: whether the policy says that the account stays, closed, because of what it owns.
    pub stays: bool,
    /// Sentences for the trail: what was handed over or left, which bystanders still run.
    pub report: Vec<String>,
}

/// How a kind of target takes work that waits at one moment, which decides when it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// Every step is a request of its own: as many batches at once as there are places.
    #[default]
    Apart,
    /// Several steps of one verb cost the target little more than one of them: one batch of a verb at a time, so that what comes
    /// meanwhile goes together, as long as that is less than a full one.
    Together,
    /// As `Together`, and the target changes accounts one after another however many connections ask (a global lock): one batch
    /// at a time of any verb that does.
    InTurn,
}

/// The code that knows one kind of target.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// How its targets take what waits at one moment.
    fn pace(&self) -> Pace {
        Pace::default()
    }

    /// Reads what a launch needs (identity, clock, what is there already) and says what it would change. Bad wishes — a
    /// role that does not exist, a reserved name — are failures here, before anything is written down or made. One result for
    /// each step, in order. All steps of a batch have the same place; persons, records and wishes may differ.
    async fn survey(&self, steps: Vec<SurveyStep>) -> Vec<Result<Survey, Failure>>;

    /// Makes changes. One result for each step, in order.
    ///
    /// A failure of class `OutcomeUnknown` means that the command may have taken effect, or may still; every other class
    /// means that it has not and will not.
    async fn open(&self, steps: Vec<OpenStep>) -> Vec<Result<Opened, Failure>>;

    /// Looks. One result for each step, in order.
    async fn look(&self, steps: Vec<LookStep>) -> Vec<Result<Sight, Failure>>;

    /// Does one verb of the way out for each step. One result for each, in order.
    async fn close(&self, verb: CloseVerb, steps: Vec<CloseStep>) -> Vec<Result<Closed, Failure>>;
}

/// The providers, by name.
pub trait Providers: Send + Sync + 'static {
    /// The provider of that name; `None` when there is none in this build.
    fn provider(&self, name: &str) -> Option<Arc<dyn Provider>>;
}
