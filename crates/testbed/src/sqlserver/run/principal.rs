//! Logins and users.

use super::super::error::SqlError;
use super::super::sql::{LoginChange, LoginOptions, UserOf};
use super::super::state::{
    Authentication, Catalogue, DatabasePrincipal, Grant, GrantState, ServerPrincipal, check_name, now,
};
use super::super::value::same;
use super::Run;

impl Run<'_> {
    /// `CREATE LOGIN`.
    pub(super) fn create_login(&mut self, name: &str, options: &LoginOptions) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        if !catalogue.may(self.own.login, "CREATE LOGIN") {
            return Err(SqlError::not_permitted());
        }
        check_name(name)?;
        if name.contains('\\') {
            let text = format!("'{name}' is not a valid name because it contains invalid characters.");
            return Err(SqlError::new(15006, text));
        }
        if catalogue.principal(name).is_some() {
            return Err(SqlError::new(15025, format!("The server principal '{name}' already exists.")));
        }
        let mut login = ServerPrincipal::login(0, name);
        apply(catalogue, &mut login, options)?;
        login.id = catalogue.new_id();
        catalogue.grants.push(connect("CONNECT SQL", login.id, 100));
        catalogue.principals.push(login);
        Ok(())
    }

    /// `ALTER LOGIN`.
    pub(super) fn alter_login(&mut self, name: &str, change: &LoginChange) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        let missing = || SqlError::no_such("login", name, "alter");
        let found = catalogue.login(name).ok_or_else(missing)?;
        let own = found.id == self.own.login;
        // Everybody may change the own password who knows the old one.
        let old = match change {
            LoginChange::With(options) => options.old_password.clone(),
            LoginChange::Enable(_) => None,
        };
        let may = catalogue.may(self.own.login, "ALTER ANY LOGIN")
            && (!catalogue.is_sysadmin(found.id) || catalogue.may(self.own.login, "CONTROL SERVER"));
        let knows = own && old.as_ref().is_some_and(|old| found.accepts(old));
        if !may && !knows {
            return Err(missing());
        }
        let mut login = found.clone();
        match change {
            LoginChange::Enable(enable) => login.disabled = !enable,
            LoginChange::With(options) => {
                if let Some(new) = &options.name {
                    check_name(new)?;
                    if catalogue.principal(new).is_some_and(|other| other.id != login.id) {
                        return Err(SqlError::new(15025, format!("The server principal '{new}' already exists.")));
                    }
                    login.name = new.clone();
                }
                if options.sid.is_some() {
                    return Err(SqlError::unknown("ALTER LOGIN … WITH SID"));
                }
                apply(catalogue, &mut login, options)?;
            }
        }
        login.modified = now();
        if let Some(found) = catalogue.login_mut(name) {
            *found = login;
        }
        Ok(())
    }

    /// `DROP LOGIN`.
    pub(super) fn drop_login(&mut self, name: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let missing = || SqlError::no_such("login", name, "drop");
        let login = world.catalogue.login(name).ok_or_else(missing)?;
        let (id, sid) = (login.id, login.sid.clone());
        let sysadmin = world.catalogue.is_sysadmin(id);
        if !world.catalogue.may(self.own.login, "ALTER ANY LOGIN")
            || sysadmin && !world.catalogue.may(self.own.login, "CONTROL SERVER")
        {
            return Err(missing());
        }
        if id == 1 {
            return Err(SqlError::new(15405, "Cannot use the special principal 'sa'."));
        }
        if world.sessions.iter().any(|session| session.login == id) {
            let text = format!("Could not drop login '{name}' as the user is currently logged in.");
            return Err(SqlError::new(15434, text));
        }
        owns_nothing(&world.catalogue, name, id, &sid)?;
        let catalogue = &mut world.catalogue;
        catalogue.principals.retain(|principal| principal.id != id);
        catalogue.members.retain(|(_, member)| *member != id);
        catalogue.grants.retain(|grant| grant.grantee != id && (grant.class, grant.major) != (101, id));
        Ok(())
    }

    /// `CREATE USER`.
    pub(super) fn create_user(&mut self, name: &str, of: &UserOf, schema: Option<&str>) -> Result<(), SqlError> {
        check_name(name)?;
        let mut world = self.write()?;
        self.need_in_database(&world.catalogue, "CREATE USER")?;
        let login = match of {
            UserOf::Login(login) => {
                let invalid =
                    || SqlError::new(15007, format!("'{login}' is not a valid login or you do not have permission."));
                Some(world.catalogue.login(login).ok_or_else(invalid)?.sid.clone())
            }
            UserOf::Nobody | UserOf::Password(_) => None,
        };
        let database = world.catalogue.database_mut(&self.own.database)?;
        if database.principal(name).is_some() {
            let text = format!("User, group, or role '{name}' already exists in the current database.");
            return Err(SqlError::new(15023, text));
        }
        if login.is_some() && database.principals.iter().any(|user| user.sid == login) {
            return Err(SqlError::new(15063, "The login already has an account under a different user name."));
        }
        let (sid, authentication) = match of {
            UserOf::Login(_) => (login, Authentication::Instance),
            UserOf::Nobody => (None, Authentication::Nobody),
            UserOf::Password(_) if !database.contained => {
                let text = "You can only create a user with a password in a contained database.";
                return Err(SqlError::new(33233, text));
            }
            UserOf::Password(password) => {
                strong(password)?;
                (None, DatabasePrincipal::hidden(password))
            }
        };
        let sid = sid.or_else(|| Some(super::super::state::random::<28>().to_vec()));
        let id = database.new_id();
        database.grants.push(connect("CONNECT", id, 0));
        database.principals.push(DatabasePrincipal {
            id,
            name: name.to_owned(),
            role: false,
            sid,
            authentication,
            default_schema: Some(schema.unwrap_or("dbo").to_owned()),
            owner: None,
            fixed: false,
            created: now(),
        });
        Ok(())
    }

    /// `ALTER USER … WITH DEFAULT_SCHEMA`.
    pub(super) fn alter_user(&mut self, name: &str, schema: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        self.need_in_database(&world.catalogue, "ALTER ANY USER")?;
        let database = world.catalogue.database_mut(&self.own.database)?;
        let user = database.principals.iter_mut().find(|user| !user.role && same(&user.name, name));
        user.ok_or_else(|| SqlError::no_such("user", name, "alter"))?.default_schema = Some(schema.to_owned());
        Ok(())
    }

    /// `ALTER USER … WITH NAME`.
    pub(super) fn rename_user(&mut self, name: &str, new: &str) -> Result<(), SqlError> {
        check_name(new)?;
        let mut world = self.write()?;
        self.need_in_database(&world.catalogue, "ALTER ANY USER")?;
        let database = world.catalogue.database_mut(&self.own.database)?;
        if database.principal(new).is_some() {
            let text = format!("User, group, or role '{new}' already exists in the current database.");
            return Err(SqlError::new(15023, text));
        }
        let user = database.principals.iter_mut().find(|user| !user.role && same(&user.name, name));
        user.ok_or_else(|| SqlError::no_such("user", name, "alter"))?.name = new.to_owned();
        Ok(())
    }

    /// `DROP USER`.
    pub(super) fn drop_user(&mut self, name: &str, if_exists: bool) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let missing = || SqlError::no_such("user", name, "drop");
        let allowed = self.need_in_database(&world.catalogue, "ALTER ANY USER");
        let database = world.catalogue.database_mut(&self.own.database)?;
        let Some(user) = database.principal(name).filter(|user| !user.role) else {
            return if if_exists { Ok(()) } else { Err(missing()) };
        };
        allowed.map_err(|_| missing())?;
        let id = user.id;
        if user.fixed {
            return Err(SqlError::new(15150, format!("Cannot drop the user '{name}'.")));
        }
        if database.schemas.iter().any(|schema| schema.owner == id) {
            let text = "The database principal owns a schema in the database, and cannot be dropped.";
            return Err(SqlError::new(15138, text));
        }
        if database.principals.iter().any(|role| role.owner == Some(id)) {
            return Err(SqlError::new(15421, "The database principal owns a database role and cannot be dropped."));
        }
        if database.objects.iter().any(|object| object.owner == Some(id)) {
            let text = "The database principal owns objects in the database and cannot be dropped.";
            return Err(SqlError::new(15183, text));
        }
        if database.grants.iter().any(|grant| grant.grantor == id) {
            let text = "The database principal has granted or denied permissions to objects in the database and cannot be dropped.";
            return Err(SqlError::new(15284, text));
        }
        database.principals.retain(|user| user.id != id);
        database.members.retain(|(_, member)| *member != id);
        database.grants.retain(|grant| grant.grantee != id);
        database.properties.retain(|property| (property.class, property.major) != (4, id));
        Ok(())
    }

    /// Whether the session has a right in its database.
    ///
    /// # Errors
    /// 15247 if it has not.
    pub(super) fn need_in_database(&self, catalogue: &Catalogue, permission: &str) -> Result<i64, SqlError> {
        let user = self.user_here(catalogue)?;
        let database = catalogue.database(&self.own.database)?;
        if catalogue.may_in(database, user, permission, None) { Ok(user) } else { Err(SqlError::not_permitted()) }
    }

    /// As whom the session is in its database.
    ///
    /// # Errors
    /// 15247 if it may not be there.
    pub(super) fn user_here(&self, catalogue: &Catalogue) -> Result<i64, SqlError> {
        let database = catalogue.database(&self.own.database)?;
        let user = match &self.own.contained {
            Some((_, user)) => Some(*user),
            None => catalogue.user_in(database, self.own.login),
        };
        user.ok_or_else(SqlError::not_permitted)
    }
}

/// The right to connect, which everybody who is made gets from the owner of the server or the database.
fn connect(permission: &str, grantee: i64, class: i64) -> Grant {
    Grant { permission: permission.to_owned(), state: GrantState::Grant, grantee, grantor: 1, class, major: 0 }
}

/// What keeps a login from being dropped.
fn owns_nothing(catalogue: &Catalogue, name: &str, id: i64, sid: &[u8]) -> Result<(), SqlError> {
    if catalogue.databases.iter().any(|database| database.owner_sid == sid) {
        let text = format!(
            "Login '{name}' owns one or more database(s). Change the owner of the database(s) before dropping the login."
        );
        return Err(SqlError::new(15174, text));
    }
    let jobs = catalogue.jobs.iter().filter(|job| job.owner_sid == sid).count();
    if jobs > 0 {
        let text = format!(
            "This login is the owner of {jobs} job(s). You must delete or reassign these jobs before the login can be dropped."
        );
        return Err(SqlError::new(15170, text));
    }
    for (there, what) in [
        (catalogue.principals.iter().any(|role| role.owner == Some(id)), "server role"),
        (catalogue.endpoints.iter().any(|endpoint| endpoint.owner == id), "endpoint"),
    ] {
        if there {
            return Err(SqlError::new(15141, format!("The server principal owns a {what} and cannot be dropped.")));
        }
    }
    if catalogue.grants.iter().any(|grant| grant.grantor == id && grant.state == GrantState::Grant) {
        let text = format!(
            "Server principal '{name}' has granted one or more permission(s). Revoke the permission(s) before dropping the server principal."
        );
        return Err(SqlError::new(15173, text));
    }
    Ok(())
}

/// What is said of a login becomes so.
fn apply(catalogue: &Catalogue, login: &mut ServerPrincipal, options: &LoginOptions) -> Result<(), SqlError> {
    login.check_policy = options.check_policy.unwrap_or(login.check_policy);
    login.check_expiration = options.check_expiration.unwrap_or(login.check_expiration);
    if login.check_expiration && !login.check_policy {
        let text = "The CHECK_EXPIRATION option cannot be used when CHECK_POLICY is OFF.";
        return Err(SqlError::new(15122, text));
    }
    if options.must_change && !login.check_expiration {
        let text = "The CHECK_EXPIRATION option cannot be OFF when the MUST_CHANGE option is ON.";
        return Err(SqlError::new(15128, text));
    }
    if let Some(password) = &options.password {
        if login.check_policy {
            strong(password)?;
        }
        if password.encode_utf16().count() > 128 {
            return Err(SqlError::new(15117, "Password validation failed. The password is too long."));
        }
        login.set_password(password);
        login.must_change = options.must_change;
    }
    if let Some(stored) = &options.hashed
        && !login.set_hashed(stored)
    {
        let text = "Invalid value given for parameter PASSWORD. Specify a valid parameter value.";
        return Err(SqlError::new(15021, text));
    }
    if let Some(name) = &options.default_database {
        let missing = |_| SqlError::new(15010, format!("The database '{name}' does not exist."));
        login.default_database = catalogue.database(name).map_err(missing)?.name.clone();
    }
    if let Some(sid) = &options.sid {
        if sid.len() != 16 {
            return Err(SqlError::new(15419, "Supplied parameter sid should be binary(16)."));
        }
        if catalogue.by_sid(sid).is_some() {
            return Err(SqlError::new(15433, "Supplied parameter sid is in use."));
        }
        login.sid.clone_from(sid);
    }
    Ok(())
}

/// The policy that Windows has by default for servers in a domain: eight characters of three kinds.
fn strong(password: &str) -> Result<(), SqlError> {
    let has = |kind: fn(&char) -> bool| usize::from(password.chars().any(|c| kind(&c)));
    let kinds = has(|c| c.is_uppercase())
        + has(|c| c.is_lowercase())
        + has(char::is_ascii_digit)
        + has(|c| !c.is_alphanumeric());
    let complaint = if password.chars().count() < 8 {
        (15116, "too short")
    } else if kinds < 3 {
        (15118, "not complex enough")
    } else {
        return Ok(());
    };
    let text = format!(
        "Password validation failed. The password does not meet the operating system policy requirements because it is {}.",
        complaint.1
    );
    Err(SqlError::new(complaint.0, text))
}
