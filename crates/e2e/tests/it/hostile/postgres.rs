//! Hostile names on PostgreSQL: roles, schemas and everything else that a session makes, and databases in which it leaves
//! them.

use super::{AT_ONCE, NAMES, PERSON, RECORDS, Scene, hostile};
use mayfly_e2e::World;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::Record;
use mayfly_testbed::{Flavour, admin, hostile_names};
use std::fmt::Write;

/// Of the names, so many are databases too: a snapshot reads each of them.
const DATABASES: usize = 12;

struct Postgres {
    world: World,
    tickets: Vec<Ticket>,
    databases: Vec<String>,
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn template(name: &str) -> Record<'_> {
    Record { leftovers: "drop", linger: "0s", ..Record::new(name) }
}

impl Scene for Postgres {
    type On = World;
    const KIND: &str = "Database";

    fn target(&self) -> &World {
        &self.world
    }

    fn yaml(&self, record: &'static str, name: &str) -> String {
        let ca = self.world.server.ca_path();
        Record { elevate: Some(name), ..template(record) }.yaml(self.world.server.handle(), ca.to_str().unwrap())
    }

    /// Only what nobody could read.
    fn may_be_refused(name: &str) -> bool {
        let hides = |char: char| matches!(char, '\u{200b}' | '\u{2028}' | '\u{202e}' | '\u{feff}' | '\u{200d}');
        name.chars().any(|char| char.is_control() || hides(char))
    }

    fn visit(&self, record: usize, name: &str, lifted: bool, turn: usize) -> Result<(), String> {
        let database = &self.databases[turn % self.databases.len()];
        let (schema, text) = (ident(name), name.replace('\'', "''"));
        // Escapes are off in the literal, whatever is in the name.
        let script = format!(
            "create schema {schema}; create table {schema}.{schema} ({schema} text default '{text}');\n\
             create function {schema}.{schema}() returns int language sql security definer as 'select 1';\n\
             comment on schema {schema} is '{text}'; select pg_has_role('{text}', 'usage');\n"
        );
        let command = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", &script];
        let output = self.tickets[record].tool("psql", database).args(command).output().unwrap();
        let expected: &[u8] = if lifted { b"t\n" } else { b"f\n" };
        if output.status.success() && output.stdout == expected {
            return Ok(());
        }
        let (said, words) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(format!("in {database:?}: {said:?} {words}"))
    }
}

async fn on(flavour: Flavour, seed: u64) {
    let names = hostile_names(seed, NAMES);
    let databases: Vec<&str> = names.iter().step_by(NAMES / DATABASES).map(String::as_str).take(DATABASES).collect();
    let mut setup = String::new();
    for name in &names {
        let _ = write!(setup, "CREATE ROLE {};", ident(name));
    }
    let mut world = World::new(flavour, &setup).await.unwrap();
    for database in &databases {
        world.server.create_database(database).await.unwrap();
    }
    let grants: String =
        databases.iter().map(|name| format!("GRANT CREATE ON DATABASE {} TO PUBLIC;", ident(name))).collect();
    world.server.client("postgres").await.unwrap().batch_execute(&grants).await.unwrap();
    let roles: Vec<&str> = names.iter().map(String::as_str).collect();
    admin::extend(world.server.handle(), &roles, &databases).await.unwrap();
    world.settle().await.unwrap();

    let _running = world.serve(&[PERSON], &RECORDS.map(|name| (template(name), None))).unwrap();
    let tickets = RECORDS.iter().map(|record| world.ticket(PERSON, record).unwrap()).collect();
    let databases = databases.into_iter().map(str::to_owned).collect();
    let scene = Postgres { world, tickets, databases };
    let taken = hostile(&scene, &names).await;
    assert!(taken > NAMES / 2 && taken < NAMES - AT_ONCE, "{taken} of {NAMES}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_change_nothing_else_on_15() {
    on(Flavour::Debian15, 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_change_nothing_else_on_the_newer() {
    on(Flavour::Newer, 18).await;
}
