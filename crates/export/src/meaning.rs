//! What each kind of event means to whoever watches many systems: how severe it is, whether it tells of a failure, and its class
//! and activity in OCSF (<https://schema.ocsf.io/1.5.0>).

use mayfly_domain::audit::EventKind;

/// How severe an event is, in the words of OCSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// As it should be.
    Informational,
    /// Worth a look in a review.
    Low,
    /// Somebody should look today.
    Medium,
    /// Somebody should look now.
    High,
    /// The record itself, or the server, is in danger.
    Critical,
}

impl Severity {
    /// The `severity_id` of OCSF.
    pub(crate) const fn ocsf(self) -> u8 {
        self as u8 + 1
    }

    /// The severity of CEF, from 0 to 10.
    pub(crate) const fn cef(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 3,
            Self::Medium => 5,
            Self::High => 8,
            Self::Critical => 10,
        }
    }

    /// The severity of RFC 5424 §6.2.1: from 6, informational, to 2, critical.
    pub(crate) const fn syslog(self) -> u8 {
        6 - self as u8
    }
}

/// A class of OCSF, as far as we have events of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Account Change, 3001.
    Account,
    /// Authentication, 3002.
    Authentication,
    /// Authorize Session, 3003.
    Authorise,
    /// Entity Management, 3004.
    Entity,
    /// Group Management, 3006.
    Group,
    /// Application Lifecycle, 6002.
    Application,
}

impl Class {
    /// Its `class_uid`.
    pub(crate) const fn uid(self) -> u32 {
        match self {
            Self::Account => 3001,
            Self::Authentication => 3002,
            Self::Authorise => 3003,
            Self::Entity => 3004,
            Self::Group => 3006,
            Self::Application => 6002,
        }
    }
}

/// The `activity_id` of what a class has no word for.
pub(crate) const OTHER: u32 = 99;

/// What an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) class: Class,
    pub(crate) activity: u32,
    pub(crate) severity: Severity,
    /// It tells of something that did not succeed or was refused.
    pub(crate) failed: bool,
}

/// What an event of this kind means; of a kind that is not known, only that it is one of ours.
pub(crate) fn of(kind: Option<EventKind>) -> Meaning {
    use Severity::{Critical, High, Informational, Low, Medium};
    let Some(kind) = kind else {
        return Meaning { class: Class::Application, activity: OTHER, severity: Low, failed: false };
    };
    let (class, activity) = class_of(kind).unwrap_or((Class::Application, OTHER));
    let (severity, failed) = match kind {
        EventKind::AuditGap => (Critical, true),
        EventKind::TargetIdentityChanged | EventKind::ConnectionForeign | EventKind::OrphanFound => (High, true),
        EventKind::SigninLocked
        | EventKind::AccountRemovalFailed
        | EventKind::MembershipRemovalFailed
        | EventKind::CompanionRemovalFailed
        | EventKind::WebhookDisabled
        | EventKind::SinkFailed => (Medium, true),
        EventKind::SigninFailed | EventKind::AccessDenied | EventKind::SessionFailed => (Low, true),
        EventKind::LockdownStarted
        | EventKind::AccountKept
        | EventKind::TargetWrittenOff
        | EventKind::InstallationClaimed
        | EventKind::ServerActivated
        | EventKind::ClockStepped
        | EventKind::TargetClockOff => (Medium, false),
        EventKind::ApiTokenIssued
        | EventKind::WebhookCreated
        | EventKind::SecretSet
        | EventKind::SecretRebound
        | EventKind::KeyRotationStarted
        | EventKind::KeyRotated
        | EventKind::BackupMade
        | EventKind::TargetReturned
        | EventKind::OrphanTakenUp
        | EventKind::TargetPinned
        | EventKind::PersonDisabled
        | EventKind::SessionTerminated => (Low, false),
        // As it should be: what nobody has to look at.
        _ => (Informational, false),
    };
    Meaning { class, activity, severity, failed }
}

/// The class and the activity of a kind; `None` of one that nobody has sorted in yet, which a test finds.
fn class_of(kind: EventKind) -> Option<(Class, u32)> {
    class_of_access(kind).or_else(|| class_of_rest(kind))
}

/// The class of what concerns the server itself, objects and targets.
fn class_of_rest(kind: EventKind) -> Option<(Class, u32)> {
    Some(match kind {
        EventKind::InstallationCreated => (Class::Application, 1),
        EventKind::ServerStarted => (Class::Application, 3),
        EventKind::ServerStopped => (Class::Application, 4),
        EventKind::ClockStepped
        | EventKind::AuditGap
        | EventKind::KeyRotationStarted
        | EventKind::KeyRotated
        | EventKind::ServerActivated
        | EventKind::ServerDraining
        | EventKind::ServerDrainCancelled
        | EventKind::BackupMade
        | EventKind::InstallationClaimed
        | EventKind::SinkFailed
        | EventKind::SinkRecovered => (Class::Application, OTHER),
        EventKind::CompanionAdded
        | EventKind::RecordCreated
        | EventKind::ApiTokenIssued
        | EventKind::WebhookCreated => (Class::Entity, 1),
        EventKind::RecordChecked | EventKind::RecordHelperPrinted | EventKind::OrphansScanned => (Class::Entity, 2),
        EventKind::RecordUpdated
        | EventKind::SecretSet
        | EventKind::SecretRebound
        | EventKind::WebhookRotated
        | EventKind::TargetPinned => (Class::Entity, 3),
        EventKind::CompanionRemoved
        | EventKind::CompanionRemovalFailed
        | EventKind::RecordDeleted
        | EventKind::WebhookDeleted
        | EventKind::ApiTokenRevoked => (Class::Entity, 4),
        EventKind::WebhookEnabled => (Class::Entity, 8),
        EventKind::WebhookDisabled => (Class::Entity, 9),
        EventKind::LockdownStarted => (Class::Entity, 12),
        EventKind::LockdownLifted => (Class::Entity, 13),
        EventKind::CompanionIntended
        | EventKind::CompanionWrittenOff
        | EventKind::TargetWrittenOff
        | EventKind::TargetReturned
        | EventKind::TargetIdentityChanged
        | EventKind::TargetClockOff => (Class::Entity, OTHER),
        _ => return None,
    })
}

/// The class of what people do and what accounts become.
fn class_of_access(kind: EventKind) -> Option<(Class, u32)> {
    Some(match kind {
        EventKind::SigninSucceeded
        | EventKind::SigninFailed
        | EventKind::ConnectSecretUsed
        | EventKind::ConnectionOpened
        | EventKind::SessionFailed => (Class::Authentication, 1),
        EventKind::SessionStopped
        | EventKind::SessionExpired
        | EventKind::SessionTerminated
        | EventKind::SessionClosed
        | EventKind::ConnectionClosed
        | EventKind::ConnectionForeign
        | EventKind::PersonTokenRevoked => (Class::Authentication, 2),
        EventKind::ConnectSecretIssued | EventKind::PersonTokenIssued => (Class::Authentication, 3),
        EventKind::AccessGranted | EventKind::AccessDenied | EventKind::SessionStarted => (Class::Authorise, 1),
        EventKind::AccountCreated => (Class::Account, 1),
        EventKind::PersonEnabled => (Class::Account, 2),
        EventKind::AccountDisabled | EventKind::AccountKept | EventKind::PersonDisabled => (Class::Account, 5),
        EventKind::AccountRemoved | EventKind::AccountRemovalFailed => (Class::Account, 6),
        EventKind::SigninLocked => (Class::Account, 9),
        EventKind::AccountIntended
        | EventKind::AccountWrittenOff
        | EventKind::OrphanFound
        | EventKind::OrphanTakenUp
        | EventKind::OrphanIgnored
        | EventKind::LeftoversHandled => (Class::Account, OTHER),
        EventKind::MembershipAdded => (Class::Group, 3),
        EventKind::MembershipRemoved | EventKind::MembershipRemovalFailed => (Class::Group, 4),
        EventKind::MembershipIntended
        | EventKind::MembershipAlreadyPresent
        | EventKind::MembershipWrittenOff
        | EventKind::MembershipReleased => (Class::Group, OTHER),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scales_of_the_three_formats_run_the_same_way() {
        let all = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let scales = all.map(|severity| (severity.ocsf(), severity.cef(), severity.syslog()));
        assert_eq!(scales, [(1, 1, 6), (2, 3, 5), (3, 5, 4), (4, 8, 3), (5, 10, 2)]);
    }

    /// Whoever adds a kind says here what it means to others.
    #[test]
    fn every_kind_is_sorted_in() {
        for kind in EventKind::ALL {
            assert!(class_of(*kind).is_some(), "{kind:?} has no class in `class_of`");
        }
        assert!(!of(None).failed);
    }
}
