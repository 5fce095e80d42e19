//! The settings of a record that belong to this provider, as they stand in `Wish::settings`. A field that is not known is
//! refused, since a setting that is accepted and ignored is a promise not kept.

use super::sql::bad_role_name;
use crate::descriptor::{Setting, SettingKind};
use crate::leftovers::Leftovers;
use mayfly_domain::{Failure, FailureClass};
use serde::Deserialize;
use std::num::NonZeroU32;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The database in which all work on roles is done; the advisory locks live there.
    pub(crate) maintenance_database: String,
    /// How many connections an account may have at once.
    pub(crate) connections: u16,
    /// What becomes of what an account owns.
    pub(crate) leftovers: Leftovers,
    /// The iterations of the SCRAM verifier. One is enough for a password of 256 random bits; some audits want 4096.
    pub(crate) verifier_iterations: NonZeroU32,
    /// The role that leftovers are handed to.
    pub(crate) graveyard_role: String,
}

/// More iterations would keep the server busy for seconds at each log-in.
const ITERATIONS_MOST: u32 = 100_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            maintenance_database: "postgres".to_owned(),
            connections: 20,
            leftovers: Leftovers::Graveyard,
            verifier_iterations: NonZeroU32::MIN,
            graveyard_role: "mayfly_graveyard".to_owned(),
        }
    }
}

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
        if settings.maintenance_database.is_empty() || settings.maintenance_database.contains('\0') {
            return Err(refused("`maintenance_database` is not the name of a database"));
        }
        if let Some(fault) = bad_role_name(&settings.graveyard_role) {
            return Err(refused(&format!("`graveyard_role` is not the name of a role: {fault}")));
        }
        if settings.connections == 0 {
            return Err(refused("`connections` must be at least 1"));
        }
        if settings.verifier_iterations.get() > ITERATIONS_MOST {
            return Err(refused("`verifier_iterations` must be at most 100000"));
        }
        Ok(settings)
    }
}

fn refused(text: &str) -> Failure {
    Failure::new(FailureClass::Conflict, format!("the record's settings are refused: {text}"))
}

/// The settings as the descriptor shows them.
pub(crate) const DESCRIBED: &[Setting] = &[
    Setting {
        name: "maintenance_database",
        about: "The database in which accounts are made and removed.",
        kind: SettingKind::Text,
        default: "postgres",
        secret: false,
    },
    Setting {
        name: "connections",
        about: "How many connections an ephemeral account may have at once.",
        kind: SettingKind::Number { least: 1, most: 65_535 },
        default: "20",
        secret: false,
    },
    Setting {
        name: "leftovers",
        about: "What becomes of what an ephemeral account owns when it is removed.",
        kind: SettingKind::Choice { of: &["graveyard", "drop", "keep"] },
        default: "graveyard",
        secret: false,
    },
    Setting {
        name: "verifier_iterations",
        about: "Iterations of the SCRAM-SHA-256 verifier of an ephemeral account.",
        kind: SettingKind::Number { least: 1, most: ITERATIONS_MOST },
        default: "1",
        secret: false,
    },
    Setting {
        name: "graveyard_role",
        about: "The role, without log-in and without any right, that gets what ephemeral accounts leave.",
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
        let all = json!({"maintenance_database": "m", "connections": 3, "leftovers": "keep",
            "verifier_iterations": 4096, "graveyard_role": "g"});
        let read = Settings::read(&all).unwrap();
        assert_eq!((read.connections, read.leftovers, read.verifier_iterations.get()), (3, Leftovers::Keep, 4096));
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
            (json!({"verifier_iterations": 0}), "refused"),
            (json!({"verifier_iterations": 100_001}), "verifier_iterations"),
            (json!({"graveyard_role": "pg_x"}), "graveyard_role"),
            (json!({"maintenance_database": ""}), "maintenance_database"),
            (json!([]), "refused"),
        ] {
            let failure = Settings::read(&json).unwrap_err();
            assert_eq!(failure.class, FailureClass::Conflict);
            assert!(failure.text.contains(word), "{json}: {}", failure.text);
        }
    }
}
