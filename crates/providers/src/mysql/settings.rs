//! The settings of a record that belong to these providers, as they stand in `Wish::settings`. A field that is not known is
//! refused, since a setting that is accepted and ignored is a promise not kept.

use super::sql::bad_name;
use crate::descriptor::{Setting, SettingKind};
use crate::leftovers::Leftovers;
use mayfly_domain::{Failure, FailureClass};
use serde::Deserialize;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// How many connections an account may have at once.
    pub(crate) connections: u16,
    /// The host part of accounts; empty for the address from which the server sees us.
    pub(crate) host: String,
    /// The database in which the events stand that close accounts at their deadline.
    pub(crate) event_database: String,
    /// What becomes of what an account has defined.
    pub(crate) leftovers: Leftovers,
    /// The account in whose name leftovers stay; its host part is `localhost`.
    pub(crate) graveyard_account: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 20,
            host: String::new(),
            event_database: "mysql".to_owned(),
            leftovers: Leftovers::Graveyard,
            graveyard_account: "mayfly_graveyard".to_owned(),
        }
    }
}

/// The longest host part (`HOSTNAME_LENGTH`), and the longest name of a database.
const HOST_MOST: usize = 255;
const DATABASE_MOST: usize = 64;

impl Settings {
    /// Reads the settings; `null` means the defaults.
    ///
    /// # Errors
    /// [`FailureClass::Conflict`] that names the field.
    pub(crate) fn read(json: &serde_json::Value) -> Result<Self, Failure> {
        if json.is_null() {
            return Ok(Self::default());
        }
        if !json.is_object() {
            // The reader would take a list for the fields in their order.
            return Err(refused("they are not an object"));
        }
        let settings = Self::deserialize(json).map_err(|error| refused(&error.to_string()))?;
        if settings.connections == 0 {
            return Err(refused("`connections` must be at least 1"));
        }
        if settings.host.chars().count() > HOST_MOST || settings.host.chars().any(|c| c.is_control() || c == '@') {
            return Err(refused("`host` is not the host part of an account"));
        }
        if let Some(fault) = bad_name(&settings.event_database, DATABASE_MOST) {
            return Err(refused(&format!("`event_database` is not the name of a database: {fault}")));
        }
        if let Some(fault) = bad_name(&settings.graveyard_account, 32) {
            return Err(refused(&format!("`graveyard_account` is not the name of an account: {fault}")));
        }
        Ok(settings)
    }
}

fn refused(text: &str) -> Failure {
    Failure::new(FailureClass::Conflict, format!("the record's settings are refused: {text}"))
}

/// The settings as the descriptors show them.
pub(crate) const DESCRIBED: &[Setting] = &[
    Setting {
        name: "connections",
        about: "How many connections an ephemeral account may have at once.",
        kind: SettingKind::Number { least: 1, most: 65_535 },
        default: "20",
        secret: false,
    },
    Setting {
        name: "host",
        about: "The host part of ephemeral accounts; by default the address from which the server sees Mayfly. `%` lets them in \
                from everywhere.",
        kind: SettingKind::Text,
        default: "",
        secret: false,
    },
    Setting {
        name: "event_database",
        about: "The database in which the event stands that closes an ephemeral account at its deadline.",
        kind: SettingKind::Text,
        default: "mysql",
        secret: false,
    },
    Setting {
        name: "leftovers",
        about: "What becomes of the views, routines, triggers and events that an ephemeral account has defined.",
        kind: SettingKind::Choice { of: &["graveyard", "drop", "keep"] },
        default: "graveyard",
        secret: false,
    },
    Setting {
        name: "graveyard_account",
        about: "The locked account at localhost, without any right, in whose name stays what ephemeral accounts have defined.",
        kind: SettingKind::Text,
        default: "mayfly_graveyard",
        secret: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_fields_are_the_defaults_and_every_field_is_described() {
        assert_eq!(Settings::read(&json!(null)).unwrap(), Settings::default());
        assert_eq!(Settings::read(&json!({})).unwrap(), Settings::default());
        let all = json!({"connections": 3, "host": "10.%", "event_database": "ops", "leftovers": "keep",
            "graveyard_account": "g"});
        let read = Settings::read(&all).unwrap();
        assert_eq!((read.connections, read.leftovers, read.host.as_str()), (3, Leftovers::Keep, "10.%"));
        let mut described: Vec<_> = DESCRIBED.iter().map(|setting| setting.name).collect();
        described.sort_unstable();
        assert_eq!(described, all.as_object().unwrap().keys().collect::<Vec<_>>());
    }

    /// DESIGN §1.8: what is not understood is refused.
    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (json, word) in [
            (json!({"conections": 3}), "conections"),
            (json!({"connections": 0}), "connections"),
            (json!({"connections": -1}), "refused"),
            (json!({"leftovers": "burn"}), "burn"),
            (json!({"host": "a@b"}), "host"),
            (json!({"event_database": ""}), "event_database"),
            (json!({"graveyard_account": ""}), "graveyard_account"),
            (json!([]), "refused"),
        ] {
            let failure = Settings::read(&json).unwrap_err();
            assert_eq!(failure.class, FailureClass::Conflict);
            assert!(failure.text.contains(word), "{json}: {}", failure.text);
        }
    }
}
