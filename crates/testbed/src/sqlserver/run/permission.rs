//! `GRANT`, `DENY` and `REVOKE`.

use super::super::error::SqlError;
use super::super::sql::Permission;
use super::super::state::{Grant, GrantState};
use super::Run;

/// Rights on the whole server; all others are of a database.
const OF_SERVER: [&str; 19] = [
    "IMPERSONATE ANY LOGIN",
    "UNSAFE ASSEMBLY",
    "ADMINISTER BULK OPERATIONS",
    "CONTROL SERVER",
    "ALTER ANY LOGIN",
    "ALTER ANY CONNECTION",
    "ALTER ANY SERVER ROLE",
    "ALTER ANY ENDPOINT",
    "ALTER ANY DATABASE",
    "CREATE ANY DATABASE",
    "CREATE LOGIN",
    "VIEW SERVER STATE",
    "VIEW SERVER PERFORMANCE STATE",
    "ALTER SERVER STATE",
    "VIEW ANY DEFINITION",
    "VIEW ANY DATABASE",
    "CONNECT SQL",
    "CONNECT ANY DATABASE",
    "SHUTDOWN",
];

/// Rights in a database.
const OF_DATABASE: [&str; 21] = [
    "KILL DATABASE CONNECTION",
    "CONTROL",
    "CONNECT",
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "EXECUTE",
    "REFERENCES",
    "ALTER",
    "TAKE OWNERSHIP",
    "VIEW DEFINITION",
    "VIEW DATABASE STATE",
    "ALTER ANY USER",
    "ALTER ANY ROLE",
    "ALTER ANY SCHEMA",
    "CREATE USER",
    "CREATE ROLE",
    "CREATE SCHEMA",
    "CREATE TABLE",
    "IMPERSONATE",
];

impl Run<'_> {
    /// `GRANT`, `DENY` and `REVOKE`.
    pub(super) fn permission(&mut self, change: &Permission) -> Result<(), SqlError> {
        for permission in &change.permissions {
            let of_server = OF_SERVER.contains(&permission.as_str()) && change.on.is_none();
            let on_login = matches!(&change.on, Some((class, _)) if class == "LOGIN" || class == "SERVER ROLE");
            if of_server || on_login {
                self.of_server(permission, change)?;
            } else if OF_DATABASE.contains(&permission.as_str()) {
                self.of_database(permission, change)?;
            } else {
                return Err(SqlError::unknown(&format!("the permission {permission}")));
            }
        }
        Ok(())
    }

    fn of_server(&self, permission: &str, change: &Permission) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        if !catalogue.may(self.own.login, "CONTROL SERVER") {
            return Err(SqlError::new(4613, "Grantor does not have GRANT permission."));
        }
        let find = |name: &str| {
            let missing = || SqlError::no_such("login", name, "find");
            catalogue.principal(name).map(|found| found.id).ok_or_else(missing)
        };
        let (class, major) = match &change.on {
            Some((_, login)) => (101, find(&login.name)?),
            None => (100, 0),
        };
        let grantor = change.by.as_deref().map_or(Ok(self.own.login), find)?;
        let to = change.to.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
        for grantee in to {
            apply(&mut catalogue.grants, change.verb, permission, [grantee, grantor, class, major]);
        }
        Ok(())
    }

    fn of_database(&self, permission: &str, change: &Permission) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let place = match &change.on {
            Some((class, name)) if class == "DATABASE" => name.name.clone(),
            _ => self.own.database.clone(),
        };
        let database = world.catalogue.database(&place)?;
        let user = world.catalogue.user_in(database, self.own.login);
        let Some(user) = user.filter(|user| world.catalogue.may_in(database, *user, "CONTROL", None)) else {
            return Err(SqlError::new(4613, "Grantor does not have GRANT permission."));
        };
        let find = |name: &str| {
            let missing = || SqlError::no_such("user", name, "find");
            database.principal(name).map(|found| found.id).ok_or_else(missing)
        };
        let (class, major) = match &change.on {
            None => (0, 0),
            Some((class, _)) if class == "DATABASE" => (0, 0),
            Some((class, name)) if class == "OBJECT" => {
                (1, database.object(name.schema.as_deref().unwrap_or("dbo"), &name.name)?.id)
            }
            Some((class, name)) if class == "SCHEMA" => {
                let missing = || SqlError::no_such("schema", &name.name, "find");
                (3, database.schema(&name.name).ok_or_else(missing)?.id)
            }
            Some((class, name)) if class == "USER" || class == "ROLE" => (4, find(&name.name)?),
            Some((class, _)) => return Err(SqlError::unknown(&format!("permissions on {class}"))),
        };
        let grantor = change.by.as_deref().map_or(Ok(user), find)?;
        let to = change.to.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
        let database = world.catalogue.database_mut(&place)?;
        for grantee in to {
            apply(&mut database.grants, change.verb, permission, [grantee, grantor, class, major]);
        }
        Ok(())
    }
}

/// A new right, in place of what was said of the same before.
fn apply(grants: &mut Vec<Grant>, verb: &str, permission: &str, ids: [i64; 4]) {
    let [grantee, grantor, class, major] = ids;
    grants.retain(|grant| {
        (grant.permission.as_str(), grant.grantee, grant.class, grant.major) != (permission, grantee, class, major)
    });
    let state = match verb {
        "GRANT" => GrantState::Grant,
        "DENY" => GrantState::Deny,
        _ => return,
    };
    grants.push(Grant { permission: permission.to_owned(), state, grantee, grantor, class, major });
}
