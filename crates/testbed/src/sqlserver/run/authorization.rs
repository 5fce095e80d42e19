//! `ALTER AUTHORIZATION`: who owns a thing.

use super::super::error::SqlError;
use super::super::sql::{Authorization, AuthorizationOf};
use super::super::state::{Catalogue, PrincipalKind};
use super::super::value::same;
use super::Run;

impl Run<'_> {
    /// `ALTER AUTHORIZATION`.
    pub(super) fn alter_authorization(&mut self, change: &Authorization) -> Result<(), SqlError> {
        let name = &change.name.name;
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        if matches!(change.class, AuthorizationOf::Database | AuthorizationOf::Endpoint | AuthorizationOf::ServerRole) {
            return self.of_server_thing(catalogue, change);
        }
        let missing = |kind| SqlError::no_such(kind, name, "find");
        self.need_in_database(catalogue, "CONTROL")?;
        let database = catalogue.database_mut(&self.own.database)?;
        let to = match change.to.as_deref() {
            Some(to) => Some(database.principal(to).ok_or_else(|| SqlError::no_such("principal", to, "find"))?.id),
            None => None,
        };
        match (change.class, to) {
            (AuthorizationOf::Schema, Some(to)) => {
                let found = database.schemas.iter_mut().find(|schema| same(&schema.name, name));
                found.ok_or_else(|| missing("schema"))?.owner = to;
            }
            (AuthorizationOf::Role, Some(to)) => {
                let found = database.principals.iter_mut().find(|role| role.role && same(&role.name, name));
                found.ok_or_else(|| missing("role"))?.owner = Some(to);
            }
            (AuthorizationOf::Object, to) => {
                let schema = change.name.schema.as_deref().unwrap_or("dbo");
                database.object_mut(schema, name).map_err(|_| missing("object"))?.owner = to;
            }
            _ => return Err(SqlError::syntax("SCHEMA OWNER")),
        }
        Ok(())
    }

    /// Of a thing of the server: the new owner is a login, or for roles a role as well.
    fn of_server_thing(&self, catalogue: &mut Catalogue, change: &Authorization) -> Result<(), SqlError> {
        let name = &change.name.name;
        let missing = |kind| SqlError::no_such(kind, name, "find");
        let to = change.to.as_deref().unwrap_or_default();
        let new = catalogue.principal(to).ok_or_else(|| SqlError::no_such("principal", to, "find"))?;
        let (id, sid) = (new.id, new.sid.clone());
        // The new owner has to be one that the session could act as, and the thing one that it has in its hands.
        let hands = match change.class {
            AuthorizationOf::Database => {
                let database = catalogue.database(name)?;
                let user = catalogue.user_in(database, self.own.login);
                user.is_some_and(|user| catalogue.may_in(database, user, "TAKE OWNERSHIP", None))
            }
            AuthorizationOf::Endpoint => catalogue.may(self.own.login, "ALTER ANY ENDPOINT"),
            _ => catalogue.may(self.own.login, "ALTER ANY SERVER ROLE"),
        };
        let acts = catalogue.may_on_principal(self.own.login, id, "IMPERSONATE");
        let whole = catalogue.may(self.own.login, "CONTROL SERVER");
        if !whole && (!hands || !acts) {
            return Err(SqlError::no_such("principal", to, "find"));
        }
        match change.class {
            AuthorizationOf::Database => {
                let database = catalogue.database_mut(name)?;
                if database.principals.iter().any(|user| user.id != 1 && user.sid.as_ref() == Some(&sid)) {
                    let text = "The proposed new database owner is already a user or aliased in the database.";
                    return Err(SqlError::new(15110, text));
                }
                database.owner_sid.clone_from(&sid);
                if let Some(dbo) = database.principals.iter_mut().find(|user| user.id == 1) {
                    dbo.sid = Some(sid);
                }
            }
            AuthorizationOf::Endpoint => {
                let found = catalogue.endpoints.iter_mut().find(|endpoint| same(&endpoint.name, name));
                found.ok_or_else(|| missing("endpoint"))?.owner = id;
            }
            _ => {
                let mut roles = catalogue.principals.iter_mut();
                let found = roles.find(|role| role.kind == PrincipalKind::Role && same(&role.name, name));
                found.ok_or_else(|| missing("server role"))?.owner = Some(id);
            }
        }
        Ok(())
    }
}
