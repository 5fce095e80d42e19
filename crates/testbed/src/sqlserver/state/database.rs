//! A database: its users and roles, schemas, objects, extended properties.

use super::super::error::SqlError;
use super::super::value::{Kind, Value, same};
use super::{
    Grant, GrantState, new_guid, now, random,
    server::{accepts, hash},
};

/// How a user of a database proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// By the login with its sid.
    Instance,
    /// Not at all.
    Nobody,
    /// By a password of its own; the hash, with its salt in front.
    Database(Vec<u8>),
}

/// A user or a role.
#[derive(Debug, Clone)]
pub(crate) struct DatabasePrincipal {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Whether it is a role.
    pub(crate) role: bool,
    pub(crate) sid: Option<Vec<u8>>,
    pub(crate) authentication: Authentication,
    pub(crate) default_schema: Option<String>,
    /// Who owns a role.
    pub(crate) owner: Option<i64>,
    pub(crate) fixed: bool,
    pub(crate) created: i64,
}

/// A schema.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) owner: i64,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) id: i64,
    pub(crate) schema: i64,
    pub(crate) name: String,
    /// Its owner, if it is not that of the schema.
    pub(crate) owner: Option<i64>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) created: i64,
}

/// An extended property.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    /// 0 for the database, 1 for an object, 3 for a schema, 4 for a principal.
    pub(crate) class: i64,
    pub(crate) major: i64,
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// A trigger on what is defined in a database. It is a row and never fires.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) disabled: bool,
    pub(crate) changed: i64,
}

/// A database.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) owner_sid: Vec<u8>,
    pub(crate) contained: bool,
    pub(crate) created: i64,
    /// Of the database, and of its broker of messages.
    pub(crate) guid: String,
    pub(crate) broker_guid: String,
    pub(crate) principals: Vec<DatabasePrincipal>,
    /// Roles and their members, by their ids.
    pub(crate) members: Vec<(i64, i64)>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) schemas: Vec<Schema>,
    pub(crate) objects: Vec<Object>,
    pub(crate) properties: Vec<Property>,
    pub(crate) triggers: Vec<Trigger>,
    next_id: i64,
}

/// The ids of those that are in every database.
pub(super) const PUBLIC: i64 = 0;
pub(crate) const DBO: i64 = 1;
pub(super) const GUEST: i64 = 2;
pub(super) const DB_OWNER: i64 = 16_384;

/// Roles that are in every database.
const FIXED_ROLES: [(&str, i64); 9] = [
    ("db_owner", DB_OWNER),
    ("db_accessadmin", 16_385),
    ("db_securityadmin", 16_386),
    ("db_ddladmin", 16_387),
    ("db_backupoperator", 16_389),
    ("db_datareader", 16_390),
    ("db_datawriter", 16_391),
    ("db_denydatareader", 16_392),
    ("db_denydatawriter", 16_393),
];

/// The SID of a role: those of the server's own are the same in every database.
pub(crate) fn role_sid(last: [u8; 8]) -> Vec<u8> {
    [&[1, 5, 0, 0, 0, 0, 0, 9, 4, 0, 0, 0][..], &[0; 8], &last].concat()
}

impl Database {
    /// A new one.
    pub(crate) fn new(id: i64, name: &str, owner_sid: &[u8], contained: bool) -> Self {
        let role = |(name, id): (&str, i64)| DatabasePrincipal {
            id,
            name: name.to_owned(),
            role: true,
            sid: Some(role_sid(u64::try_from(id).unwrap_or_default().to_le_bytes())),
            authentication: Authentication::Nobody,
            default_schema: None,
            owner: Some(DBO),
            fixed: true,
            created: now(),
        };
        let user = |name: &str, id, sid: Option<Vec<u8>>, schema: &str| {
            let default_schema = Some(schema.to_owned());
            let authentication = if id == DBO { Authentication::Instance } else { Authentication::Nobody };
            DatabasePrincipal { role: false, sid, authentication, default_schema, owner: None, ..role((name, id)) }
        };
        let mut principals = vec![
            DatabasePrincipal { fixed: false, ..role(("public", PUBLIC)) },
            user("dbo", DBO, Some(owner_sid.to_vec()), "dbo"),
            user("guest", GUEST, Some(vec![0]), "guest"),
            user("INFORMATION_SCHEMA", 3, None, "INFORMATION_SCHEMA"),
            user("sys", 4, None, "sys"),
        ];
        principals.extend(FIXED_ROLES.map(role));
        if name == "msdb" {
            let agent = ["SQLAgentUserRole", "SQLAgentReaderRole", "SQLAgentOperatorRole"];
            principals.extend(
                agent.into_iter().zip(5..).map(|(name, id)| DatabasePrincipal { fixed: false, ..role((name, id)) }),
            );
        }
        let own = [("dbo", DBO), ("guest", GUEST), ("INFORMATION_SCHEMA", 3), ("sys", 4)];
        let schema = |(name, id): (&str, i64)| Schema { id, name: name.to_owned(), owner: id };
        Self {
            id,
            name: name.to_owned(),
            owner_sid: owner_sid.to_vec(),
            contained,
            created: now(),
            guid: new_guid(),
            broker_guid: new_guid(),
            principals,
            members: vec![(DB_OWNER, DBO)],
            grants: Vec::new(),
            schemas: own.into_iter().chain(FIXED_ROLES).map(schema).collect(),
            objects: Vec::new(),
            properties: Vec::new(),
            triggers: Vec::new(),
            next_id: 10,
        }
    }

    /// A new id of a principal or a schema.
    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// Whether everybody with a login may come in: the databases of the server itself.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.name.as_str(), "master" | "tempdb" | "msdb")
    }

    /// The user or role with this name.
    pub(crate) fn principal(&self, name: &str) -> Option<&DatabasePrincipal> {
        self.principals.iter().find(|principal| same(&principal.name, name))
    }

    /// The user or role with this id.
    pub(crate) fn by_id(&self, id: i64) -> Option<&DatabasePrincipal> {
        self.principals.iter().find(|principal| principal.id == id)
    }

    /// The schema with this name.
    pub(crate) fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| same(&schema.name, name))
    }

    /// The table with this name.
    ///
    /// # Errors
    /// 208 if there is none.
    pub(crate) fn object(&self, schema: &str, name: &str) -> Result<&Object, SqlError> {
        let schema_id = self.schema(schema).map(|schema| schema.id);
        let found = self.objects.iter().find(|object| Some(object.schema) == schema_id && same(&object.name, name));
        found.ok_or_else(|| SqlError::new(208, format!("Invalid object name '{schema}.{name}'.")))
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// As [`Database::object`].
    pub(crate) fn object_mut(&mut self, schema: &str, name: &str) -> Result<&mut Object, SqlError> {
        let id = self.object(schema, name)?.id;
        let found = self.objects.iter_mut().find(|object| object.id == id);
        found.ok_or_else(|| SqlError::new(208, format!("Invalid object name '{schema}.{name}'.")))
    }

    /// Whether a user may connect: nobody has denied it.
    pub(crate) fn lets_in(&self, user: i64) -> bool {
        let denied = |grant: &Grant| {
            (grant.permission.as_str(), grant.class, grant.state, grant.grantee)
                == ("CONNECT", 0, GrantState::Deny, user)
        };
        !self.grants.iter().any(denied)
    }

    /// All roles that a principal is in, directly or through others, and itself.
    pub(crate) fn roles_of(&self, id: i64) -> Vec<i64> {
        closure(&self.members, id, PUBLIC)
    }
}

impl DatabasePrincipal {
    /// A user's own password, hidden.
    pub(crate) fn hidden(password: &str) -> Authentication {
        Authentication::Database(hash(&random::<4>(), password))
    }

    /// Whether this is a user's own password.
    pub(crate) fn accepts(&self, password: &str) -> bool {
        match &self.authentication {
            Authentication::Database(stored) => accepts(stored, password),
            Authentication::Instance | Authentication::Nobody => false,
        }
    }
}

/// All roles that `id` is in, directly or through others, itself, and the one that everybody is in.
pub(super) fn closure(members: &[(i64, i64)], id: i64, everybody: i64) -> Vec<i64> {
    let mut found = vec![id, everybody];
    let mut at = 0;
    while let Some(member) = found.get(at).copied() {
        for (role, _) in members.iter().filter(|(_, other)| *other == member) {
            if !found.contains(role) {
                found.push(*role);
            }
        }
        at += 1;
    }
    found
}
