//! Roles of the server and of databases, and their members.

use super::super::error::SqlError;
use super::super::state::{
    Authentication, DatabasePrincipal, PrincipalKind, ServerPrincipal, check_name, now, random, role_sid,
};
use super::Run;

impl Run<'_> {
    /// `CREATE SERVER ROLE`.
    pub(super) fn create_server_role(&mut self, name: &str, owner: Option<&str>) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        if !catalogue.may(self.own.login, "ALTER ANY SERVER ROLE") {
            return Err(SqlError::not_permitted());
        }
        check_name(name)?;
        if catalogue.principal(name).is_some() {
            return Err(SqlError::new(15025, format!("The server principal '{name}' already exists.")));
        }
        let owner = match owner {
            Some(owner) => {
                catalogue.principal(owner).ok_or_else(|| SqlError::no_such("server principal", owner, "find"))?.id
            }
            None => self.own.login,
        };
        let id = catalogue.new_id();
        catalogue.principals.push(ServerPrincipal::role(id, name, owner, false));
        Ok(())
    }

    /// `DROP SERVER ROLE`.
    pub(super) fn drop_server_role(&mut self, name: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        let missing = || SqlError::no_such("server role", name, "drop");
        let role = catalogue.principal(name).filter(|role| role.kind == PrincipalKind::Role).ok_or_else(missing)?;
        let (id, fixed, owner) = (role.id, role.fixed, role.owner);
        if !catalogue.may(self.own.login, "ALTER ANY SERVER ROLE") && owner != Some(self.own.login) {
            return Err(missing());
        }
        if fixed {
            return Err(SqlError::new(15150, format!("Cannot drop the server role '{name}'.")));
        }
        if catalogue.members.iter().any(|(role, _)| *role == id) {
            return Err(SqlError::new(15144, "The role has members. It must be empty before it can be dropped."));
        }
        catalogue.principals.retain(|role| role.id != id);
        catalogue.members.retain(|(_, member)| *member != id);
        catalogue.grants.retain(|grant| grant.grantee != id);
        Ok(())
    }

    /// `ALTER SERVER ROLE … ADD MEMBER` and `DROP MEMBER`.
    pub(super) fn alter_server_role(&mut self, role: &str, add: bool, member: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        let missing = || SqlError::no_such("server role", role, "alter");
        let found = catalogue.principal(role).filter(|role| role.kind == PrincipalKind::Role).ok_or_else(missing)?;
        let (id, fixed) = (found.id, found.fixed);
        if id == 2 {
            return Err(SqlError::new(15081, "Membership of the public role cannot be changed."));
        }
        let roles = catalogue.roles_of(self.own.login);
        // Of a role that came with the server one has to be a member oneself.
        let may = catalogue.is_sysadmin(self.own.login)
            || (fixed && roles.contains(&id))
            || (!fixed && catalogue.may_on_principal(self.own.login, id, "ALTER"));
        if !may {
            return Err(missing());
        }
        let verb = if add { "add" } else { "drop" };
        let other = catalogue.principal(member).ok_or_else(|| SqlError::no_such("server principal", member, verb))?.id;
        if !add {
            catalogue.members.retain(|pair| *pair != (id, other));
            return Ok(());
        }
        if catalogue.roles_of(id).contains(&other) {
            return Err(SqlError::new(15413, "Cannot make a role a member of itself."));
        }
        if !catalogue.members.contains(&(id, other)) {
            catalogue.members.push((id, other));
        }
        Ok(())
    }

    /// `CREATE ROLE`.
    pub(super) fn create_role(&mut self, name: &str, owner: Option<&str>) -> Result<(), SqlError> {
        check_name(name)?;
        let mut world = self.write()?;
        let user = self.need_in_database(&world.catalogue, "CREATE ROLE")?;
        let database = world.catalogue.database_mut(&self.own.database)?;
        if database.principal(name).is_some() {
            let text = format!("User, group, or role '{name}' already exists in the current database.");
            return Err(SqlError::new(15023, text));
        }
        let owner = match owner {
            Some(owner) => database.principal(owner).ok_or_else(|| SqlError::no_such("user", owner, "find"))?.id,
            None => user,
        };
        let id = database.new_id();
        database.principals.push(DatabasePrincipal {
            id,
            name: name.to_owned(),
            role: true,
            sid: Some(role_sid(random())),
            authentication: Authentication::Nobody,
            default_schema: None,
            owner: Some(owner),
            fixed: false,
            created: now(),
        });
        Ok(())
    }

    /// `DROP ROLE`.
    pub(super) fn drop_role(&mut self, name: &str, if_exists: bool) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let missing = || SqlError::no_such("role", name, "drop");
        let allowed = self.need_in_database(&world.catalogue, "ALTER ANY ROLE");
        let database = world.catalogue.database_mut(&self.own.database)?;
        let Some(role) = database.principal(name).filter(|role| role.role) else {
            return if if_exists { Ok(()) } else { Err(missing()) };
        };
        let id = role.id;
        allowed.map_err(|_| missing())?;
        if role.fixed || id == 0 {
            return Err(SqlError::new(15150, format!("Cannot drop the role '{name}'.")));
        }
        if database.members.iter().any(|(role, _)| *role == id) {
            return Err(SqlError::new(15144, "The role has members. It must be empty before it can be dropped."));
        }
        if database.schemas.iter().any(|schema| schema.owner == id) {
            let text = "The database principal owns a schema in the database, and cannot be dropped.";
            return Err(SqlError::new(15138, text));
        }
        if database.principals.iter().any(|role| role.owner == Some(id)) {
            return Err(SqlError::new(15421, "The database principal owns a database role and cannot be dropped."));
        }
        database.principals.retain(|role| role.id != id);
        database.members.retain(|(_, member)| *member != id);
        database.grants.retain(|grant| grant.grantee != id);
        database.properties.retain(|property| (property.class, property.major) != (4, id));
        Ok(())
    }

    /// `ALTER ROLE … ADD MEMBER` and `DROP MEMBER`.
    pub(super) fn alter_role(&mut self, role: &str, add: bool, member: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let missing = || SqlError::no_such("role", role, "alter");
        let owner = self.need_in_database(&world.catalogue, "CONTROL").is_ok();
        let allowed = {
            let database = world.catalogue.database(&self.own.database)?;
            let user = self.user_here(&world.catalogue)?;
            let id = database.principal(role).map(|role| role.id);
            world.catalogue.may_in(database, user, "ALTER ANY ROLE", None)
                || world.catalogue.may_in(database, user, "ALTER", id.map(|id| (4, id)))
        };
        let database = world.catalogue.database_mut(&self.own.database)?;
        let found = database.principal(role).filter(|role| role.role).ok_or_else(missing)?;
        let (id, fixed) = (found.id, found.fixed);
        if id == 0 {
            return Err(SqlError::new(15081, "Membership of the public role cannot be changed."));
        }
        if (fixed && !owner) || !allowed {
            return Err(missing());
        }
        let verb = if add { "add" } else { "drop" };
        let other = database.principal(member).ok_or_else(|| SqlError::no_such("principal", member, verb))?;
        if other.fixed {
            return Err(SqlError::new(15405, format!("Cannot use the special principal '{member}'.")));
        }
        let other = other.id;
        if !add {
            database.members.retain(|pair| *pair != (id, other));
            return Ok(());
        }
        if database.roles_of(id).contains(&other) {
            return Err(SqlError::new(15413, "Cannot make a role a member of itself."));
        }
        if !database.members.contains(&(id, other)) {
            database.members.push((id, other));
        }
        Ok(())
    }
}
