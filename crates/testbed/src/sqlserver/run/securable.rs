//! What can be owned: databases, schemas, tables, endpoints.

use super::super::error::SqlError;
use super::super::sql::ObjectName;
use super::super::state::{Column, Database, Endpoint, Object, Schema, Trigger, check_name, now};
use super::super::value::{Kind, Value, same};
use super::super::views::denied;
use super::Run;
use super::rows::fitting;

impl Run<'_> {
    /// `CREATE TRIGGER … ON DATABASE`.
    pub(super) fn create_trigger(&mut self, name: &str) -> Result<(), SqlError> {
        check_name(name)?;
        let mut world = self.write()?;
        let database = world.catalogue.database_mut(&self.own.database)?;
        let id = database.new_id();
        database.triggers.push(Trigger { id, name: name.to_owned(), disabled: false, changed: now() });
        Ok(())
    }

    /// `DISABLE TRIGGER … ON DATABASE`.
    pub(super) fn disable_trigger(&mut self, name: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let database = world.catalogue.database_mut(&self.own.database)?;
        let found = database.triggers.iter_mut().find(|trigger| same(&trigger.name, name));
        found.ok_or_else(|| SqlError::no_such("trigger", name, "disable"))?.disabled = true;
        Ok(())
    }

    /// `CREATE DATABASE`.
    pub(super) fn create_database(&mut self, name: &str, contained: bool) -> Result<(), SqlError> {
        self.no_transaction("CREATE DATABASE")?;
        check_name(name)?;
        let mut world = self.write()?;
        let catalogue = &mut world.catalogue;
        if !catalogue.may(self.own.login, "CREATE ANY DATABASE") {
            return Err(SqlError::of_class(14, 262, "CREATE DATABASE permission denied in database 'master'."));
        }
        if catalogue.database(name).is_ok() {
            return Err(SqlError::new(
                1801,
                format!("Database '{name}' already exists. Choose a different database name."),
            ));
        }
        let owner = catalogue.by_id(self.own.login).map(|login| login.sid.clone()).unwrap_or_default();
        let id = catalogue.databases.iter().map(|database| database.id).max().unwrap_or(0) + 1;
        catalogue.databases.push(Database::new(id, name, &owner, contained));
        Ok(())
    }

    /// `DROP DATABASE`.
    pub(super) fn drop_database(&mut self, name: &str, if_exists: bool) -> Result<(), SqlError> {
        self.no_transaction("DROP DATABASE")?;
        let mut world = self.write()?;
        let Ok(database) = world.catalogue.database(name) else {
            let text =
                format!("Cannot drop the database '{name}', because it does not exist or you do not have permission.");
            return if if_exists { Ok(()) } else { Err(SqlError::of_class(11, 3701, text)) };
        };
        if database.id <= 4 {
            return Err(SqlError::new(
                3708,
                format!("Cannot drop the database '{name}' because it is a system database."),
            ));
        }
        if world.sessions.iter().any(|session| same(&session.database, name)) {
            return Err(SqlError::new(
                3702,
                format!("Cannot drop database \"{name}\" because it is currently in use."),
            ));
        }
        world.catalogue.databases.retain(|database| !same(&database.name, name));
        Ok(())
    }

    fn no_transaction(&self, what: &str) -> Result<(), SqlError> {
        if self.own.transactions == 0 {
            return Ok(());
        }
        Err(SqlError::new(226, format!("{what} statement not allowed within multi-statement transaction.")))
    }

    /// `CREATE SCHEMA`.
    pub(super) fn create_schema(&mut self, name: &str, owner: Option<&str>) -> Result<(), SqlError> {
        check_name(name)?;
        let mut world = self.write()?;
        let user = self.need_in_database(&world.catalogue, "CREATE SCHEMA")?;
        let database = world.catalogue.database_mut(&self.own.database)?;
        if database.schema(name).is_some() {
            return Err(SqlError::new(2714, format!("There is already an object named '{name}' in the database.")));
        }
        let owner = match owner {
            Some(owner) => database.principal(owner).ok_or_else(|| SqlError::no_such("user", owner, "find"))?.id,
            None => user,
        };
        let id = database.new_id();
        database.schemas.push(Schema { id, name: name.to_owned(), owner });
        Ok(())
    }

    /// `DROP SCHEMA`.
    pub(super) fn drop_schema(&mut self, name: &str, if_exists: bool) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let missing = || SqlError::no_such("schema", name, "drop");
        let allowed = self.need_in_database(&world.catalogue, "ALTER ANY SCHEMA");
        let database = world.catalogue.database_mut(&self.own.database)?;
        let Some(schema) = database.schema(name) else {
            return if if_exists { Ok(()) } else { Err(missing()) };
        };
        let id = schema.id;
        allowed.map_err(|_| missing())?;
        if let Some(object) = database.objects.iter().find(|object| object.schema == id) {
            let text =
                format!("Cannot drop schema '{name}' because it is being referenced by object '{}'.", object.name);
            return Err(SqlError::new(3729, text));
        }
        database.schemas.retain(|schema| schema.id != id);
        database.properties.retain(|property| (property.class, property.major) != (3, id));
        Ok(())
    }

    /// The database and the schema that a name means.
    fn place(&self, name: &ObjectName) -> (String, String) {
        let database = name.database.clone().unwrap_or_else(|| self.own.database.clone());
        (database, name.schema.clone().unwrap_or_else(|| "dbo".to_owned()))
    }

    /// `CREATE TABLE`.
    pub(super) fn create_table(&mut self, name: &ObjectName, columns: &[(String, Kind)]) -> Result<(), SqlError> {
        check_name(&name.name)?;
        let (place, schema) = self.place(name);
        let mut world = self.write()?;
        let database = world.catalogue.database(&place)?;
        let denied = || SqlError::of_class(14, 262, format!("CREATE TABLE permission denied in database '{place}'."));
        let user = world.catalogue.user_in(database, self.own.login).ok_or_else(denied)?;
        if !world.catalogue.may_in(database, user, "CREATE TABLE", None) {
            return Err(denied());
        }
        let id = world.catalogue.new_id();
        let database = world.catalogue.database_mut(&place)?;
        let missing = || {
            SqlError::new(
                2760,
                format!(
                    "The specified schema name \"{schema}\" either does not exist or you do not have permission to use it."
                ),
            )
        };
        let schema_id = database.schema(&schema).ok_or_else(missing)?.id;
        if database.object(&schema, &name.name).is_ok() {
            let text = format!("There is already an object named '{}' in the database.", name.name);
            return Err(SqlError::new(2714, text));
        }
        let columns = columns.iter().map(|(name, kind)| Column { name: name.clone(), kind: *kind }).collect();
        database.objects.push(Object {
            id,
            schema: schema_id,
            name: name.name.clone(),
            owner: None,
            columns,
            rows: Vec::new(),
            created: now(),
        });
        Ok(())
    }

    /// `DROP TABLE`.
    pub(super) fn drop_table(&mut self, name: &ObjectName, if_exists: bool) -> Result<(), SqlError> {
        let (place, schema) = self.place(name);
        let mut world = self.write()?;
        let database = world.catalogue.database(&place)?;
        let missing = || {
            let text = format!(
                "Cannot drop the table '{}', because it does not exist or you do not have permission.",
                name.name
            );
            SqlError::of_class(11, 3701, text)
        };
        let Ok(object) = database.object(&schema, &name.name) else {
            return if if_exists { Ok(()) } else { Err(missing()) };
        };
        let id = object.id;
        let user = world.catalogue.user_in(database, self.own.login).ok_or_else(missing)?;
        if !world.catalogue.may_in(database, user, "CONTROL", Some((1, id))) {
            return Err(missing());
        }
        world.catalogue.database_mut(&place)?.objects.retain(|object| object.id != id);
        Ok(())
    }

    /// Puts rows into a table.
    pub(super) fn insert_rows(&mut self, name: &ObjectName, rows: Vec<Vec<Value>>) -> Result<(), SqlError> {
        let (place, schema) = self.place(name);
        let mut world = self.write()?;
        let database = world.catalogue.database(&place)?;
        let object = database.object(&schema, &name.name)?;
        let user = world.catalogue.user_in(database, self.own.login);
        if !user.is_some_and(|user| world.catalogue.may_in(database, user, "INSERT", Some((1, object.id)))) {
            return Err(denied("INSERT", &name.name, &place, &schema));
        }
        let kinds: Vec<Kind> = object.columns.iter().map(|column| column.kind).collect();
        let values = rows.into_iter().map(|row| fitting(row, &kinds)).collect::<Result<Vec<_>, _>>()?;
        world.catalogue.database_mut(&place)?.object_mut(&schema, &name.name)?.rows.extend(values);
        Ok(())
    }

    /// `CREATE ENDPOINT`.
    pub(super) fn create_endpoint(&mut self, name: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        if !world.catalogue.may(self.own.login, "ALTER ANY ENDPOINT") {
            return Err(SqlError::not_permitted());
        }
        let id = world.catalogue.new_id();
        world.catalogue.endpoints.push(Endpoint { id, name: name.to_owned(), owner: self.own.login });
        Ok(())
    }

    /// `DROP ENDPOINT`.
    pub(super) fn drop_endpoint(&mut self, name: &str) -> Result<(), SqlError> {
        let mut world = self.write()?;
        let before = world.catalogue.endpoints.len();
        if world.catalogue.may(self.own.login, "ALTER ANY ENDPOINT") {
            world.catalogue.endpoints.retain(|endpoint| !same(&endpoint.name, name));
        }
        if world.catalogue.endpoints.len() == before {
            return Err(SqlError::no_such("endpoint", name, "drop"));
        }
        Ok(())
    }
}
