//! What a provider says of itself: its settings, what it can do, and what remains when Mayfly is destroyed. Forms,
//! redaction, `record check` and the documentation are derived from it.

use serde::Serialize;

/// What deadline the target itself can hold for an account that we made (DESIGN §1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetDeadline {
    /// None: only we end it.
    None,
    /// Nobody can log in after it; sessions that are open go on.
    LogIn,
    /// Sessions end at it too.
    Sessions,
}

/// What form a setting's value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum SettingKind {
    /// Any text.
    Text,
    /// One of these words.
    Choice {
        /// The words.
        of: &'static [&'static str],
    },
    /// A whole number between these, both included.
    Number {
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// Yes or no, as JSON's `true` or `false`.
    Switch,
}

/// One setting of a record that belongs to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The field's name in the settings' JSON.
    pub name: &'static str,
    /// What it is for, as a sentence.
    pub about: &'static str,
    /// The form of its value.
    pub kind: SettingKind,
    /// Its default, as text.
    pub default: &'static str,
    /// Whether it holds a secret: never shown, never logged.
    pub secret: bool,
}

/// What a provider can do on its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Makes accounts and removes them.
    pub accounts: bool,
    /// Lifts existing accounts into a group or role.
    pub memberships: bool,
    /// Ends sessions that run on the target.
    pub ends_sessions: bool,
    /// Finds accounts by our mark without the ledger.
    pub marks: bool,
    /// What deadline the target holds for an account that we made.
    pub account_deadline: TargetDeadline,
    /// What deadline the target holds for a membership that we added.
    pub membership_deadline: TargetDeadline,
}

/// What a provider says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// Its name in the registry, in records and in the ledger. Never changed.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The settings of a record that it reads.
    pub settings: &'static [Setting],
    /// What it can do.
    pub capabilities: Capabilities,
    /// What happens to an account that we made if Mayfly is destroyed now, as a sentence.
    pub account_if_destroyed: &'static str,
    /// What happens to a membership that we added if Mayfly is destroyed now, as a sentence.
    pub membership_if_destroyed: &'static str,
}
