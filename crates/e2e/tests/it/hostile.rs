//! Two hundred hostile names on each version: roles to be lifted into, schemas that a session makes, and databases in which it
//! leaves them. Names that are refused are refused by name of the field; after all the others nothing on the server differs.

use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::{Flavour, admin, hostile_names};
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

const NAMES: usize = 200;
/// Of the names, so many are databases too: a snapshot reads each of them.
const DATABASES: usize = 12;
/// Records, each with a session at a time.
const AT_ONCE: usize = 8;
const RECORDS: [&str; AT_ONCE] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"];

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_change_nothing_else_on_15() {
    hostile(Flavour::Debian15, 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_change_nothing_else_on_the_newer() {
    hostile(Flavour::Newer, 18).await;
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn hostile(flavour: Flavour, seed: u64) {
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

    let template = |name| Record { leftovers: "drop", linger: "0s", ..Record::new(name) };
    let _running = world.serve(&["mallory"], &RECORDS.map(|name| (template(name), None))).unwrap();
    let tickets: Vec<Ticket> = RECORDS.iter().map(|record| world.ticket("mallory", record).unwrap()).collect();
    let (mut opened, mut refused) = (0, 0);
    for (round, roles) in names.chunks(AT_ONCE).enumerate() {
        let records: Vec<Record<'_>> = roles
            .iter()
            .zip(RECORDS)
            .map(|(role, record)| Record { elevate: Some(role), ..template(record) })
            .collect();
        // Whoever comes while the session before is still live joins that one, in its role.
        let left = || Ok(world.sessions()?.iter().all(|session| session["state"] == "ending"));
        wait::until("the sessions before are left", Duration::from_secs(20), left).unwrap();
        let taken = apply(&world, &records);
        refused += records.len() - taken.len();
        opened += open_all(&tickets, &taken, &databases, round);
    }
    assert!(opened > NAMES / 2 && opened + refused == NAMES, "{opened} opened, {refused} refused");
    world.as_before("two hundred hostile names").await.unwrap();
}

/// Applies the records, all at once, and returns those that are taken; a name that is refused is one that nobody could read.
fn apply<'a>(world: &World, records: &'a [Record<'a>]) -> Vec<&'a Record<'a>> {
    let ca = world.server.ca_path();
    let mut taken: Vec<&Record<'_>> = records.iter().collect();
    loop {
        let yaml: String =
            taken.iter().map(|record| record.yaml(world.server.handle(), ca.to_str().unwrap())).collect();
        let output = world.installation.run_with(&["apply", "-f", "-"], &yaml).unwrap();
        if taken.is_empty() || output.status.success() {
            return taken;
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.chars().all(|char| char == '\n' || !char.is_control()), "{words:?}");
        let is_refused =
            |record: &Record<'_>| words.contains(&format!("Database/{}: spec.jit.elevation_string", record.name));
        let before = taken.len();
        taken.retain(|record| {
            let role = record.elevate.unwrap();
            let refused = is_refused(record);
            assert!(!refused || role.chars().any(char_is_refused), "{role:?} is a role as good as any: {words}");
            !refused
        });
        assert!(taken.len() < before, "none of them is refused: {words}");
    }
}

fn char_is_refused(char: char) -> bool {
    char.is_control() || matches!(char, '\u{200b}' | '\u{2028}' | '\u{202e}' | '\u{feff}' | '\u{200d}')
}

/// A session for each record, all at once; each leaves a schema and a table with names like its role's.
fn open_all(tickets: &[Ticket], taken: &[&Record<'_>], databases: &[&str], round: usize) -> usize {
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for record in taken {
            let at = RECORDS.iter().position(|name| *name == record.name).unwrap();
            let (ticket, failed) = (&tickets[at], &failed);
            let database = databases[(round * AT_ONCE + at) % databases.len()];
            scope.spawn(move || {
                let role = record.elevate.unwrap();
                let (schema, text) = (ident(role), role.replace('\'', "''"));
                // Escapes are off in the literal, whatever is in the name.
                let script = format!(
                    "create schema {schema}; create table {schema}.{schema} ({schema} text default '{text}');\n\
                     create function {schema}.{schema}() returns int language sql security definer as 'select 1';\n\
                     comment on schema {schema} is '{text}'; select pg_has_role('{text}', 'usage');\n"
                );
                let command = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", &script];
                let output = ticket.tool("psql", database).args(command).output().unwrap();
                if !output.status.success() || output.stdout != b"t\n" {
                    let words = String::from_utf8_lossy(&output.stderr).into_owned();
                    let said = String::from_utf8_lossy(&output.stdout);
                    failed.lock().unwrap().push(format!("{role:?} in {database:?}: {said:?} {words}"));
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
    taken.len()
}
