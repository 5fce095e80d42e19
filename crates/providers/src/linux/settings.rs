//! The settings of a record that belong to this provider, as they stand in `Wish::settings`. A field that is not known is
//! refused, since a setting that is accepted and ignored is a promise not kept.

use crate::descriptor::{Setting, SettingKind};
use mayfly_dial::ssh::fingerprint_of_line;
use mayfly_domain::{Failure, FailureClass};
use serde::Deserialize;

/// The range of ids unless set: above ordinary users and `nobody`, below subordinate ids, outside systemd's ranges (DESIGN §9).
const ID_LEAST: u32 = 65_536;
const ID_MOST: u32 = 99_999;
/// Ids below belong to the system and its ordinary users.
const ID_FLOOR: u32 = 10_000;
/// The largest id that every tool takes; the next two mean "none" (shadow-utils, chown(2)).
const ID_CEILING: u32 = 2_147_483_647;
/// Where something of an account's may lie when it has gone.
const SWEPT: &str = "/tmp /var/tmp /dev/shm /dev/mqueue /run /run/lock /home /var/spool /var/mail";

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// The first id that accounts and their groups get.
    pub(super) id_least: u32,
    /// The last one.
    pub(super) id_most: u32,
    /// The log-in shell of accounts.
    pub(super) shell: String,
    /// The places that are searched for what an account leaves, with blanks between.
    pub(super) swept: String,
    /// The public key of the record's authority for the keys of users (algorithm and base64), or nothing.
    pub(super) authority: String,
    /// Whether accounts may forward ports.
    pub(super) forwarding: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id_least: ID_LEAST,
            id_most: ID_MOST,
            shell: "/bin/bash".to_owned(),
            swept: SWEPT.to_owned(),
            authority: String::new(),
            forwarding: false,
        }
    }
}

impl Settings {
    /// Reads the settings; `null` means the defaults.
    ///
    /// # Errors
    /// [`FailureClass::Conflict`] that names the field.
    pub(super) fn read(json: &serde_json::Value) -> Result<Self, Failure> {
        if json.is_null() {
            return Ok(Self::default());
        }
        if !json.is_object() {
            // The reader would take a list for the fields in their order.
            return Err(refused("they are not an object"));
        }
        let settings = Self::deserialize(json).map_err(|error| refused(&error.to_string()))?;
        if settings.id_least < ID_FLOOR || settings.id_most > ID_CEILING || settings.id_least > settings.id_most {
            return Err(refused(&format!("`id_least` and `id_most` are a range within {ID_FLOOR} to {ID_CEILING}")));
        }
        if !is_plain_path(&settings.shell) {
            return Err(refused("`shell` is not a plain absolute path"));
        }
        let mut places = settings.swept.split_whitespace().peekable();
        if places.peek().is_none() || !places.all(is_plain_path) {
            return Err(refused("`swept` is not a list of plain absolute paths with blanks between"));
        }
        let authority = &settings.authority;
        let words = authority.split(' ').count() == 2 && !authority.contains(char::is_control);
        let is_key = words && fingerprint_of_line(authority).is_some();
        if !authority.is_empty() && !is_key {
            return Err(refused("`authority` is not a public key as `ssh-ed25519 BASE64`"));
        }
        Ok(settings)
    }

    /// The places that are searched.
    pub(super) fn places(&self) -> Vec<String> {
        self.swept.split_whitespace().map(str::to_owned).collect()
    }
}

/// Whether a path is absolute and made of what no shell, no pattern and no file of colons takes for anything else.
pub(super) fn is_plain_path(path: &str) -> bool {
    path.len() > 1
        && path.len() <= 256
        && path.starts_with('/')
        && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !path.split('/').any(|part| part == ".." || part == ".")
}

fn refused(text: &str) -> Failure {
    Failure::new(FailureClass::Conflict, format!("the record's settings are refused: {text}"))
}

/// The settings as the descriptor shows them.
pub(super) const DESCRIBED: &[Setting] = &[
    Setting {
        name: "id_least",
        about: "The first user and group id that ephemeral accounts get.",
        kind: SettingKind::Number { least: ID_FLOOR, most: ID_CEILING },
        default: "65536",
        secret: false,
    },
    Setting {
        name: "id_most",
        about: "The last user and group id that ephemeral accounts get. No id is used twice before all were used.",
        kind: SettingKind::Number { least: ID_FLOOR, most: ID_CEILING },
        default: "99999",
        secret: false,
    },
    Setting {
        name: "shell",
        about: "The log-in shell of ephemeral accounts.",
        kind: SettingKind::Text,
        default: "/bin/bash",
        secret: false,
    },
    Setting {
        name: "swept",
        about: "The places that are searched for what an ephemeral account leaves, with blanks between; mounts below them are not \
                entered.",
        kind: SettingKind::Text,
        default: SWEPT,
        secret: false,
    },
    Setting {
        name: "authority",
        about: "The public key of the authority whose certificates sessions log in with where the host trusts it.",
        kind: SettingKind::Text,
        default: "",
        secret: false,
    },
    Setting {
        name: "forwarding",
        about: "Whether ephemeral accounts may forward ports.",
        kind: SettingKind::Switch,
        default: "false",
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
        let all = json!({
            "id_least": 70000, "id_most": 70001, "shell": "/bin/sh", "swept": "/tmp  /srv/scratch",
            "authority": KEY, "forwarding": true,
        });
        let read = Settings::read(&all).unwrap();
        assert_eq!((read.id_least, read.id_most, read.shell.as_str()), (70_000, 70_001, "/bin/sh"));
        assert_eq!(read.places(), ["/tmp", "/srv/scratch"]);
        assert_eq!((read.authority.as_str(), read.forwarding), (KEY, true));
        let mut described: Vec<_> = DESCRIBED.iter().map(|setting| setting.name).collect();
        described.sort_unstable();
        assert_eq!(described, all.as_object().unwrap().keys().collect::<Vec<_>>());
        let described = |name| DESCRIBED.iter().find(|setting| setting.name == name).unwrap().default;
        assert_eq!((described("id_least"), described("id_most")), (&*ID_LEAST.to_string(), &*ID_MOST.to_string()));
    }

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJ7c3Vt3t2rBC0bOuVmu0P4cA8CTuGoV3dQzDjg0k2c";

    /// DESIGN §1.8: what is not understood is refused.
    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (json, word) in [
            (json!({"id_lest": 3}), "id_lest"),
            (json!({"id_least": 0}), "id_least"),
            (json!({"id_least": 80000, "id_most": 70000}), "id_most"),
            (json!({"id_most": 4_294_967_295_u32}), "id_most"),
            (json!({"shell": "bash"}), "shell"),
            (json!({"shell": "/bin/ba:sh"}), "shell"),
            (json!({"swept": ""}), "swept"),
            (json!({"swept": "/tmp /var/*"}), "swept"),
            (json!({"swept": "/tmp/../etc"}), "swept"),
            (json!({"authority": "ssh-ed25519"}), "authority"),
            (json!({"authority": format!("{KEY} a comment")}), "authority"),
            (json!({"authority": format!("{KEY}\nroot")}), "authority"),
            (json!({"forwarding": "yes"}), "boolean"),
            (json!([]), "refused"),
        ] {
            let failure = Settings::read(&json).unwrap_err();
            assert_eq!(failure.class, FailureClass::Conflict);
            assert!(failure.text.contains(word), "{json}: {}", failure.text);
        }
    }
}
