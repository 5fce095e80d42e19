//! Audit events and their canonical bytes, as `docs/audit-format.md` writes them down. An event says who did what to what,
//! and why; it never holds a secret, and every text in it is bounded, since some of them come from targets and clients.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::ids::{ChangeId, ConnectionId, InstallationId, RunId, SessionId};
use crate::names::{PersonName, RecordName};
use crate::time::WallTime;
use std::collections::BTreeMap;

/// The longest text that an event carries in one field, in bytes; longer ones are cut at a character and end in `…`.
pub const TEXT_MOST: usize = 1024;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What happened, as `object.verb`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind as it stands in the trail.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// The installation was made.
    InstallationCreated = "installation.created",
    /// A run of the server began.
    ServerStarted = "server.started",
    /// A run of the server ended in order.
    ServerStopped = "server.stopped",
    /// Somebody said that this copy of the store is the one that acts; a new epoch began.
    ServerActivated = "server.activated",
    /// Nothing new is opened any more, before the server is stopped.
    ServerDraining = "server.draining",
    /// Sessions are opened again after all.
    ServerDrainCancelled = "server.drain_cancelled",
    /// A backup of the store was given out, sealed.
    BackupMade = "backup.made",
    /// The wall clock was stepped by more than five seconds.
    ClockStepped = "clock.stepped",
    /// Events could not be written for a while; `detail` says how many were lost.
    AuditGap = "audit.gap",
    /// Somebody proved who they are.
    SigninSucceeded = "signin.succeeded",
    /// Somebody failed to; counted per source and minute.
    SigninFailed = "signin.failed",
    /// An account or a source failed too often and is locked for a time.
    SigninLocked = "signin.locked",
    /// A connect secret was given out.
    ConnectSecretIssued = "connect_secret.issued",
    /// A connect secret opened a connection.
    ConnectSecretUsed = "connect_secret.used",
    /// A token of the API was given out.
    ApiTokenIssued = "api_token.issued",
    /// A token of the API was taken back.
    ApiTokenRevoked = "api_token.revoked",
    /// A person who signed in was given a token for themself.
    PersonTokenIssued = "person_token.issued",
    /// A person's token was taken back: they signed out.
    PersonTokenRevoked = "person_token.revoked",
    /// The person may open the record.
    AccessGranted = "access.granted",
    /// The person may not, or not now.
    AccessDenied = "access.denied",
    /// A session's first connection has reached the target.
    SessionStarted = "session.started",
    /// The person ended it.
    SessionStopped = "session.stopped",
    /// Its time was over.
    SessionExpired = "session.expired",
    /// Somebody else, or the loss of a server, ended it.
    SessionTerminated = "session.terminated",
    /// It could not be launched.
    SessionFailed = "session.failed",
    /// Nothing of it is left that is still worked on.
    SessionClosed = "session.closed",
    /// A client's stream reached the target.
    ConnectionOpened = "connection.opened",
    /// A client's stream ended.
    ConnectionClosed = "connection.closed",
    /// A session of our account that is not one of our connections was seen and ended.
    ConnectionForeign = "connection.foreign",
    /// An account is about to be made.
    AccountIntended = "account.intended",
    /// An account was made.
    AccountCreated = "account.created",
    /// An account can no longer log in.
    AccountDisabled = "account.disabled",
    /// An account was seen to be gone.
    AccountRemoved = "account.removed",
    /// An attempt to remove an account did not succeed; it is tried again.
    AccountRemovalFailed = "account.removal_failed",
    /// An account stays by policy, closed to log-in.
    AccountKept = "account.kept",
    /// An account is written off with its target.
    AccountWrittenOff = "account.written_off",
    /// A membership is about to be added.
    MembershipIntended = "membership.intended",
    /// A membership was added by us.
    MembershipAdded = "membership.added",
    /// The membership was there before us and stays.
    MembershipAlreadyPresent = "membership.already_present",
    /// One session no longer needs the membership; others do, or it was there before us.
    MembershipReleased = "membership.released",
    /// A membership that we added was seen to be gone.
    MembershipRemoved = "membership.removed",
    /// An attempt to remove a membership did not succeed; it is tried again.
    MembershipRemovalFailed = "membership.removal_failed",
    /// A membership is written off with its target.
    MembershipWrittenOff = "membership.written_off",
    /// Another kind of change is about to be made.
    CompanionIntended = "companion.intended",
    /// Another kind of change was made.
    CompanionAdded = "companion.added",
    /// Another kind of change was seen to be gone.
    CompanionRemoved = "companion.removed",
    /// An attempt to remove another kind of change did not succeed; it is tried again.
    CompanionRemovalFailed = "companion.removal_failed",
    /// Another kind of change is written off with its target.
    CompanionWrittenOff = "companion.written_off",
    /// What an account owned was handed over, dropped or left, by policy.
    LeftoversHandled = "leftovers.handled",
    /// Another server answers at a target's address than the one that was confirmed or trusted, and gets nothing.
    TargetIdentityChanged = "target.identity_changed",
    /// An administrator confirmed which server is at an address.
    TargetPinned = "target.pinned",
    /// A named person has taken a target that no longer exists out of the books.
    TargetWrittenOff = "target.written_off",
    /// A target that was written off answers again; what is written off there is taken up.
    TargetReturned = "target.returned",
    /// A target's clock is off by more than the limit that is shown.
    TargetClockOff = "target.clock_off",
    /// A target was searched for accounts that carry our prefix or a mark of ours.
    OrphansScanned = "orphans.scanned",
    /// An account of ours was found for which nothing in the ledger speaks.
    OrphanFound = "orphan.found",
    /// An administrator has it removed: from now on the ledger speaks for it.
    OrphanTakenUp = "orphan.taken_up",
    /// An administrator wants to hear of it no more for a time.
    OrphanIgnored = "orphan.ignored",
    /// An administrator says that what another installation has left is ours to remove.
    InstallationClaimed = "installation.claimed",
    /// An administrator has locked access down.
    LockdownStarted = "lockdown.started",
    /// A lockdown is over.
    LockdownLifted = "lockdown.lifted",
    /// A person was switched off; what they had open is cut.
    PersonDisabled = "person.disabled",
    /// A person was switched on again.
    PersonEnabled = "person.enabled",
    /// An object was made.
    RecordCreated = "record.created",
    /// An object was changed.
    RecordUpdated = "record.updated",
    /// An object was deleted.
    RecordDeleted = "record.deleted",
    /// A secret was stored or replaced; never which.
    SecretSet = "secret.set",
    /// A stored secret was bound to another record, host, port or trust than it was set for.
    SecretRebound = "secret.rebound",
    /// Secrets are being sealed by a new installation key.
    KeyRotationStarted = "key.rotation_started",
    /// Every secret is sealed by the new installation key; the one before opens nothing any more.
    KeyRotated = "key.rotated",
    /// A record was checked against its target.
    RecordChecked = "record.checked",
    /// A receiver of events was made.
    WebhookCreated = "webhook.created",
    /// A receiver of events was deleted, with what waited for it.
    WebhookDeleted = "webhook.deleted",
    /// A receiver of events has a new secret, or the one before signs no more.
    WebhookRotated = "webhook.rotated",
    /// A receiver of events was switched off: it has taken nothing for three days, or is gone.
    WebhookDisabled = "webhook.disabled",
    /// A receiver of events was switched on again.
    WebhookEnabled = "webhook.enabled",
    /// A sink of the trail has got nothing for a while; everything is kept for it.
    SinkFailed = "sink.failed",
    /// A sink that had failed has got something again.
    SinkRecovered = "sink.recovered",
    /// What installs the helper of a record's target was given out.
    RecordHelperPrinted = "record.helper_printed",
}

/// One event. Fields that do not apply are `None`; who acted is always said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When, by our wall clock.
    pub at: WallTime,
    /// The run of the server that writes.
    pub run: RunId,
    /// Who acted: `person:alice`, `uid:0`, `server`, `source:192.0.2.7`.
    pub actor: String,
    /// The person concerned.
    pub person: Option<PersonName>,
    /// The record concerned.
    pub record: Option<RecordName>,
    /// The session concerned.
    pub session: Option<SessionId>,
    /// The client's stream concerned.
    pub connection: Option<ConnectionId>,
    /// The change concerned.
    pub change: Option<ChangeId>,
    /// The target concerned, as it identifies itself.
    pub target: Option<String>,
    /// The account on the target.
    pub account: Option<String>,
    /// The group or role on the target.
    pub group: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// Anything else, by name.
    pub detail: BTreeMap<String, String>,
}

impl Event {
    /// An event about nothing yet; the caller fills in what it concerns.
    pub fn new(kind: EventKind, at: WallTime, run: RunId, actor: impl Into<String>) -> Self {
        Self {
            kind,
            at,
            run,
            actor: actor.into(),
            person: None,
            record: None,
            session: None,
            connection: None,
            change: None,
            target: None,
            account: None,
            group: None,
            reason: None,
            detail: BTreeMap::new(),
        }
    }

    /// The event with one more named detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.detail.insert(name.to_owned(), value.to_string());
        self
    }

    /// The bytes that are hashed and stored: a JSON object in the canonical form of RFC 8785 (keys sorted, no white space),
    /// whose only values are strings, integers below 2^53 and one object of strings.
    ///
    /// `sequence` counts from 0; `previous` is the leaf hash of the entry before, all zero for the first.
    pub fn canonical(&self, installation: &InstallationId, sequence: u64, previous: &[u8; 32]) -> Vec<u8> {
        let mut fields: BTreeMap<&str, serde_json::Value> = BTreeMap::new();
        fields.insert("v", 1.into());
        fields.insert("installation", installation.as_str().into());
        fields.insert("seq", sequence.into());
        fields.insert("prev", hex(previous).into());
        fields.insert("at_us", self.at.micros().into());
        fields.insert("run", self.run.as_str().into());
        fields.insert("kind", self.kind.as_str().into());
        fields.insert("actor", bounded(&self.actor).into());
        let optional = [
            ("person", self.person.as_ref().map(PersonName::as_str)),
            ("record", self.record.as_ref().map(RecordName::as_str)),
            ("session", self.session.as_ref().map(SessionId::as_str)),
            ("connection", self.connection.as_ref().map(ConnectionId::as_str)),
            ("change", self.change.as_ref().map(ChangeId::as_str)),
            ("target", self.target.as_deref()),
            ("account", self.account.as_deref()),
            ("group", self.group.as_deref()),
            ("reason", self.reason.as_deref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                fields.insert(name, bounded(value).into());
            }
        }
        if !self.detail.is_empty() {
            let detail: BTreeMap<String, String> =
                self.detail.iter().map(|(name, value)| (bounded(name), bounded(value))).collect();
            fields.insert("detail", serde_json::json!(detail));
        }
        // serde_json writes maps in the order of a BTreeMap and strings as RFC 8785 wants them; nothing here can fail.
        serde_json::to_vec(&fields).unwrap_or_default()
    }
}

/// Cuts a text that is too long, at a character boundary.
fn bounded(text: &str) -> String {
    if text.len() <= TEXT_MOST {
        return text.to_owned();
    }
    let mut end = TEXT_MOST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (InstallationId, RunId) {
        (InstallationId::parse("ins_0000000000000000").unwrap(), RunId::parse("run_0000000000000000").unwrap())
    }

    /// The golden bytes: whoever changes them breaks every verifier and has to raise the version.
    #[test]
    fn the_canonical_bytes_are_these() {
        let (installation, run) = ids();
        let mut event = Event::new(EventKind::AccountCreated, WallTime::from_micros(1_000_001), run, "server");
        event.person = Some(PersonName::parse("alice").unwrap());
        event.account = Some("keeper_0123456789abc".to_owned());
        event.reason = Some("quote \" slash / tab \t é".to_owned());
        let event = event.with("tries", 2);
        assert_eq!(
            String::from_utf8(event.canonical(&installation, 7, &[0xab; 32])).unwrap(),
            format!(
                "{{\"account\":\"keeper_0123456789abc\",\"actor\":\"server\",\"at_us\":1000001,\"detail\":{{\"tries\":\"2\"}},\
                 \"installation\":\"ins_0000000000000000\",\"kind\":\"account.created\",\"person\":\"alice\",\"prev\":\"{}\",\
                 \"reason\":\"quote \\\" slash / tab \\t é\",\"run\":\"run_0000000000000000\",\"seq\":7,\"v\":1}}",
                "ab".repeat(32)
            )
        );
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = format!("{}é", "a".repeat(TEXT_MOST - 1));
        assert_eq!(bounded(&text), format!("{}…", "a".repeat(TEXT_MOST - 1)));
        assert_eq!(bounded("short"), "short");
    }

    #[test]
    fn kinds_are_object_dot_verb_and_distinct() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in EventKind::ALL {
            let text = kind.as_str();
            assert_eq!(text.split('.').count(), 2, "{text}");
            assert!(seen.insert(text), "{text} twice");
        }
    }
}
