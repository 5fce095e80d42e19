//! Who may do what, as far as the statements here ask: by grants, by the roles that come with the server, and by ownership.

use super::database::{DB_OWNER, DBO, GUEST, closure};
use super::server::SYSADMIN;
use super::{Catalogue, Database};

/// Whether a right is given or denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantState {
    Grant,
    Deny,
}

/// A right that was given or denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// In upper case.
    pub(crate) permission: String,
    pub(crate) state: GrantState,
    pub(crate) grantee: i64,
    pub(crate) grantor: i64,
    /// The class of what it is for, as catalogue views number it, and its id: 0 for the database, 1 for an object, 3 for a
    /// schema, 4 for a principal; of the server, 100 for itself and 101 for a principal.
    pub(crate) class: i64,
    pub(crate) major: i64,
}

/// The role that every login is in.
const PUBLIC: i64 = 2;

/// What roles of the server may do.
const SERVER_ROLES: [(i64, &[&str]); 5] = [
    (4, &["ALTER ANY LOGIN"]),
    (5, &["VIEW SERVER STATE", "ALTER ANY ENDPOINT"]),
    (7, &["ALTER ANY CONNECTION", "VIEW SERVER STATE"]),
    (9, &["CREATE ANY DATABASE"]),
    (PUBLIC, &["VIEW ANY DATABASE", "CONNECT SQL"]),
];

/// What roles of a database may do.
const DATABASE_ROLES: [(i64, &[&str]); 5] = [
    (16_385, &["ALTER ANY USER"]),
    (16_386, &["ALTER ANY ROLE", "CREATE ROLE", "VIEW DEFINITION"]),
    (16_387, &["ALTER ANY SCHEMA", "CREATE SCHEMA", "CREATE TABLE"]),
    (16_390, &["SELECT"]),
    (16_391, &["INSERT", "UPDATE", "DELETE"]),
];

/// Rights that come with another.
const IMPLIED: [(&str, &str); 5] = [
    ("VIEW SERVER STATE", "ALTER SERVER STATE"),
    ("VIEW SERVER STATE", "VIEW SERVER PERFORMANCE STATE"),
    ("VIEW ANY DEFINITION", "ALTER ANY LOGIN"),
    ("CREATE LOGIN", "ALTER ANY LOGIN"),
    ("CREATE USER", "ALTER ANY USER"),
];

impl Catalogue {
    /// All roles of the server that a login is in, and itself.
    pub(crate) fn roles_of(&self, login: i64) -> Vec<i64> {
        closure(&self.members, login, PUBLIC)
    }

    /// Whether a login is an administrator of the server.
    pub(crate) fn is_sysadmin(&self, login: i64) -> bool {
        self.roles_of(login).contains(&SYSADMIN)
    }

    /// Whether a login has a right on the whole server.
    pub(crate) fn may(&self, login: i64, permission: &str) -> bool {
        let roles = self.roles_of(login);
        if roles.contains(&SYSADMIN) {
            return true;
        }
        let named = |wanted: &str| {
            let of = |state| {
                let fits = |grant: &&Grant| {
                    grant.class == 100
                        && roles.contains(&grant.grantee)
                        && (grant.permission == wanted || grant.permission == "CONTROL SERVER")
                };
                self.grants.iter().filter(fits).any(|grant| grant.state == state)
            };
            let fixed = SERVER_ROLES.iter().any(|(role, can)| roles.contains(role) && can.contains(&wanted));
            (of(GrantState::Grant) || fixed) && !of(GrantState::Deny)
        };
        named(permission) || IMPLIED.iter().any(|(small, large)| *small == permission && named(large))
    }

    /// Whether a login has a right on another login or a role of the server.
    pub(crate) fn may_on_principal(&self, login: i64, on: i64, permission: &str) -> bool {
        let roles = self.roles_of(login);
        let granted = |state| {
            self.grants.iter().any(|grant| {
                (grant.class, grant.major, grant.state) == (101, on, state)
                    && roles.contains(&grant.grantee)
                    && (grant.permission == permission || grant.permission == "CONTROL")
            })
        };
        let owner = self.by_id(on).and_then(|found| found.owner);
        let large = match (permission, owner) {
            ("IMPERSONATE", _) => "IMPERSONATE ANY LOGIN",
            (_, Some(_)) => "ALTER ANY SERVER ROLE",
            (_, None) => "ALTER ANY LOGIN",
        };
        let owned = owner.is_some_and(|owner| roles.contains(&owner));
        (granted(GrantState::Grant) || owned || self.may(login, large)) && !granted(GrantState::Deny)
    }

    /// Whether a login may connect at all.
    pub(crate) fn may_connect(&self, login: i64) -> bool {
        self.is_sysadmin(login)
            || !self.grants.iter().any(|grant| {
                grant.permission == "CONNECT SQL" && grant.state == GrantState::Deny && grant.grantee == login
            })
    }

    /// As whom a login is in a database: its user there, the owner for administrators, a guest where all may come in. `None`
    /// if it may not.
    pub(crate) fn user_in(&self, database: &Database, login: i64) -> Option<i64> {
        let sid = &self.by_id(login)?.sid;
        if self.is_sysadmin(login) || database.owner_sid == *sid {
            return Some(DBO);
        }
        let own = database.principals.iter().find(|user| user.sid.as_ref() == Some(sid));
        if own.is_some_and(|user| !database.lets_in(user.id)) {
            return None;
        }
        own.map(|user| user.id).or(database.is_open().then_some(GUEST))
    }

    /// Whether a user has a right in a database, on the whole of it or on something in it.
    pub(crate) fn may_in(&self, database: &Database, user: i64, permission: &str, on: Option<(i64, i64)>) -> bool {
        let roles = database.roles_of(user);
        if roles.contains(&DB_OWNER) || user == DBO {
            return true;
        }
        let schema = on.and_then(|(class, id)| {
            (class == 1).then(|| database.objects.iter().find(|object| object.id == id).map(|object| object.schema))?
        });
        let owned = schema
            .is_some_and(|id| database.schemas.iter().any(|schema| schema.id == id && roles.contains(&schema.owner)));
        let of = |state| {
            let fits = |grant: &&Grant| {
                let here = grant.class == 0
                    || Some((grant.class, grant.major)) == on
                    || schema.is_some_and(|id| (grant.class, grant.major) == (3, id));
                here && roles.contains(&grant.grantee)
                    && (grant.permission == permission || grant.permission == "CONTROL")
            };
            database.grants.iter().filter(fits).any(|grant| grant.state == state)
        };
        let fixed = DATABASE_ROLES.iter().any(|(role, can)| roles.contains(role) && can.contains(&permission));
        let implied =
            IMPLIED.iter().any(|(small, large)| *small == permission && self.may_in(database, user, large, on));
        (owned || of(GrantState::Grant) || fixed || implied) && !of(GrantState::Deny)
    }
}
