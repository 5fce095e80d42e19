//! The settings of a record that belong to this provider, as they stand in `Wish::settings`. A field that is not known is
//! refused, since a setting that is accepted and ignored is a promise not kept.

use super::connection::Home;
use super::names::list;
use super::sql::bad_name;
use crate::descriptor::{Setting, SettingKind};
use crate::leftovers::Leftovers;
use mayfly_domain::{Failure, FailureClass};
use serde::{Deserialize, Serialize};

/// The settings, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where the work is done.
    pub(crate) home: Home,
    /// The databases that accounts are users of, each with the roles there. Of the contained database, if accounts are its.
    pub(crate) databases: Vec<InDatabase>,
    /// The roles of the server.
    pub(crate) server_roles: Vec<String>,
    /// What becomes of what an account owns.
    pub(crate) leftovers: Leftovers,
    /// Who gets it: a role of this name in a database, a log-in of this name of the server.
    pub(crate) graveyard: String,
}

/// A database, and the roles of it that accounts get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InDatabase {
    /// Its name.
    pub(crate) database: String,
    /// The roles.
    pub(crate) roles: Vec<String>,
}

/// The settings as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    contained: bool,
    database: String,
    databases: String,
    server_roles: String,
    leftovers: Leftovers,
    graveyard: String,
}

const GRAVEYARD: &str = "mayfly_graveyard";

impl Default for Written {
    fn default() -> Self {
        Self {
            contained: false,
            database: String::new(),
            databases: String::new(),
            server_roles: String::new(),
            leftovers: Leftovers::Graveyard,
            graveyard: GRAVEYARD.to_owned(),
        }
    }
}

impl Settings {
    /// Reads the settings; `null` means the defaults.
    ///
    /// # Errors
    /// [`FailureClass::Conflict`] that names the field.
    pub(crate) fn read(json: &serde_json::Value) -> Result<Self, Failure> {
        let written = if json.is_null() {
            Written::default()
        } else if json.is_object() {
            Written::deserialize(json).map_err(|error| refused(&error.to_string()))?
        } else {
            // The reader would take a list for the fields in their order.
            return Err(refused("they are not an object"));
        };
        if let Some(fault) = bad_name(&written.graveyard) {
            return Err(refused(&format!("`graveyard` is not the name of a role: {fault}")));
        }
        let home = written.home()?;
        let mut databases: Vec<InDatabase> = Vec::new();
        for named in list(&written.databases).map_err(|fault| refused(&format!("`databases`: {fault}")))? {
            let (database, role) = if home.contained {
                if named.second.is_some() {
                    return Err(refused("`databases` names roles alone where accounts are users of one database"));
                }
                (home.database.clone(), Some(named.first))
            } else {
                (named.first, named.second)
            };
            let place = match databases.iter_mut().find(|known| known.database == database) {
                Some(known) => known,
                None => {
                    databases.push(InDatabase { database, roles: Vec::new() });
                    let last = databases.len() - 1;
                    &mut databases[last]
                }
            };
            place.roles.extend(role);
        }
        let mut server_roles = Vec::new();
        for named in list(&written.server_roles).map_err(|fault| refused(&format!("`server_roles`: {fault}")))? {
            if named.second.is_some() || home.contained {
                let text = "`server_roles` takes roles of the server, which users of a contained database cannot have";
                return Err(refused(text));
            }
            server_roles.push(named.first);
        }
        Ok(Self { home, databases, server_roles, leftovers: written.leftovers, graveyard: written.graveyard })
    }
}

impl Written {
    fn home(&self) -> Result<Home, Failure> {
        let database = match (self.database.as_str(), self.contained) {
            ("", true) => return Err(refused("`contained` needs `database`, the one whose users accounts are")),
            ("", false) => "master",
            (name, _) => name,
        };
        if let Some(fault) = bad_name(database) {
            return Err(refused(&format!("`database` is not the name of a database: {fault}")));
        }
        Ok(Home { database: database.to_owned(), contained: self.contained })
    }
}

fn refused(text: &str) -> Failure {
    Failure::new(FailureClass::Conflict, format!("the record's settings are refused: {text}"))
}

/// The settings as the descriptor shows them.
pub(crate) const DESCRIBED: &[Setting] = &[
    Setting {
        name: "contained",
        about: "Whether accounts are users of one database with passwords of their own (Azure SQL Database, contained databases), and not \
                log-ins of the server.",
        kind: SettingKind::Switch,
        default: "false",
        secret: false,
    },
    Setting {
        name: "database",
        about: "The database whose users carry the mark of ephemeral accounts, `master` unless it says another; with `contained`, the \
                one whose users they are.",
        kind: SettingKind::Text,
        default: "",
        secret: false,
    },
    Setting {
        name: "databases",
        about: "The databases that an ephemeral account gets into, each with a role of it after a slash if it gets one, and commas \
                between: `orders/db_datareader, orders/db_datawriter, billing`. With `contained`, the roles alone.",
        kind: SettingKind::Text,
        default: "",
        secret: false,
    },
    Setting {
        name: "server_roles",
        about: "The roles of the server that an ephemeral account gets, with commas between.",
        kind: SettingKind::Text,
        default: "",
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
        name: "graveyard",
        about: "Who gets what ephemeral accounts leave: the role of this name in a database, which is made where it is missing, and the \
                log-in of this name, without any right, for databases and other things of the server.",
        kind: SettingKind::Text,
        default: GRAVEYARD,
        secret: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_fields_are_the_defaults_and_every_field_is_described() {
        let defaults = Settings::read(&json!(null)).unwrap();
        assert_eq!(Settings::read(&json!({})).unwrap(), defaults);
        assert_eq!(defaults.home, Home { database: "master".to_owned(), contained: false });
        let all = json!({"contained": false, "database": "tools", "databases": "orders/r, billing, orders/w",
            "server_roles": "auditors", "leftovers": "keep", "graveyard": "g"});
        let read = Settings::read(&all).unwrap();
        assert_eq!(read.server_roles, ["auditors"]);
        let orders = InDatabase { database: "orders".to_owned(), roles: vec!["r".to_owned(), "w".to_owned()] };
        assert_eq!(read.databases, [orders, InDatabase { database: "billing".to_owned(), roles: vec![] }]);
        let mut described: Vec<_> = DESCRIBED.iter().map(|setting| setting.name).collect();
        described.sort_unstable();
        assert_eq!(described, all.as_object().unwrap().keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_contained_record_names_one_database_and_its_roles() {
        let read = Settings::read(&json!({"contained": true, "database": "app", "databases": "db_datareader, [a/b]"}))
            .unwrap();
        let roles = vec!["db_datareader".to_owned(), "a/b".to_owned()];
        assert_eq!(read.databases, [InDatabase { database: "app".to_owned(), roles }]);
    }

    /// DESIGN §1.8: what is not understood is refused.
    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (json, word) in [
            (json!({"databses": "x"}), "databses"),
            (json!({"leftovers": "burn"}), "burn"),
            (json!({"databases": "a,,b"}), "databases"),
            (json!({"databases": "a/b/c"}), "databases"),
            (json!({"server_roles": "a/b"}), "server_roles"),
            (json!({"graveyard": "public"}), "graveyard"),
            (json!({"database": "dbo"}), "database"),
            (json!({"contained": true}), "database"),
            (json!({"contained": true, "database": "app", "server_roles": "x"}), "server_roles"),
            (json!({"contained": true, "database": "app", "databases": "app/x"}), "databases"),
            (json!([]), "refused"),
        ] {
            let failure = Settings::read(&json).unwrap_err();
            assert_eq!(failure.class, FailureClass::Conflict);
            assert!(failure.text.contains(word), "{json}: {}", failure.text);
        }
    }
}
