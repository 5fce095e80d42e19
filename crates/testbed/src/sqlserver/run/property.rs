//! Extended properties: `sp_addextendedproperty`, `sp_updateextendedproperty`, `sp_dropextendedproperty`.

use super::super::error::SqlError;
use super::super::state::{Database, Property};
use super::super::value::{Value, same};
use super::Run;
use super::procedure::Arguments;

/// What is to become of a property.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Update,
    Drop,
}

impl Run<'_> {
    pub(super) fn property(&mut self, change: Change, arguments: &Arguments) -> Result<(), SqlError> {
        let names =
            ["name", "value", "level0type", "level0name", "level1type", "level1name", "level2type", "level2name"];
        let names: Vec<&str> = if change == Change::Drop {
            names.into_iter().filter(|name| *name != "value").collect()
        } else {
            names.to_vec()
        };
        arguments.only(&names)?;
        let name = arguments.text(&names, "name")?;
        let mut world = self.write()?;
        let user = self.need_in_database(&world.catalogue, "CONTROL");
        // Whoever may change users may mark them.
        let user = user.or_else(|_| self.need_in_database(&world.catalogue, "ALTER ANY USER"));
        let database = world.catalogue.database_mut(&self.own.database)?;
        let (class, major) = securable(database, &names, arguments)?;
        user?;
        let at = database
            .properties
            .iter()
            .position(|property| (property.class, property.major) == (class, major) && same(&property.name, &name));
        match (change, at) {
            (Change::Add, Some(_)) => {
                let text =
                    format!("Property cannot be added. Property '{name}' already exists for 'object specified'.");
                Err(SqlError::new(15233, text))
            }
            (Change::Update | Change::Drop, None) => {
                let text = format!(
                    "Property cannot be updated or deleted. Property '{name}' does not exist for 'object specified'."
                );
                Err(SqlError::new(15217, text))
            }
            (Change::Add, None) => {
                let value = arguments.value(&names, "value").unwrap_or(Value::Null);
                database.properties.push(Property { class, major, name, value });
                Ok(())
            }
            (Change::Update, Some(at)) => {
                database.properties[at].value = arguments.value(&names, "value").unwrap_or(Value::Null);
                Ok(())
            }
            (Change::Drop, Some(at)) => {
                database.properties.remove(at);
                Ok(())
            }
        }
    }
}

/// The class and the id of what has the property.
fn securable(database: &Database, names: &[&str], arguments: &Arguments) -> Result<(i64, i64), SqlError> {
    let of = |name: &str| arguments.value(names, name).filter(|value| *value != Value::Null).map(|value| value.shown());
    let (kind, name) = (of("level0type"), of("level0name"));
    let invalid = |name: &str| {
        let text = format!(
            "Object is invalid. Extended properties are not permitted on '{name}', or the object does not exist."
        );
        SqlError::new(15135, text)
    };
    let (Some(kind), Some(name)) = (kind, name) else { return Ok((0, 0)) };
    match (kind.to_uppercase().as_str(), of("level1type"), of("level1name")) {
        ("USER", None, _) => {
            let found = database.principal(&name).filter(|found| !found.fixed || found.role);
            found.map(|found| (4, found.id)).ok_or_else(|| invalid(&name))
        }
        ("SCHEMA", None, _) => database.schema(&name).map(|found| (3, found.id)).ok_or_else(|| invalid(&name)),
        ("SCHEMA", Some(kind), Some(object)) if kind.eq_ignore_ascii_case("TABLE") && of("level2type").is_none() => {
            database.object(&name, &object).map(|found| (1, found.id)).map_err(|_| invalid(&object))
        }
        _ => Err(SqlError::unknown(&format!("an extended property on {kind}"))),
    }
}
