//! What stays in the server's memory: after sign-ins, and for each connection that does nothing.

use crate::figures::{Row, resident};
use crate::tls::Address;
use crate::world::World;
use anyhow::Result;
use mayfly_testbed::{Login, PgBouncer, PoolMode};
use std::time::Duration;

/// What memory does after the last change, before it is read.
const REST: Duration = Duration::from_secs(1);

/// Resident memory of a process in KiB: when nobody is connected, with one connection, and with so many more.
struct Grown {
    fresh: f64,
    one: f64,
    all: f64,
}

impl Grown {
    /// What one of so many connections takes, in KiB.
    fn each(&self, connections: usize) -> f64 {
        (self.all - self.one) / connections as f64
    }

    /// The three figures, in MiB.
    fn shown(&self) -> String {
        let Self { fresh, one, all } = self;
        format!("{:.1}, {:.1}, {:.1} MiB", fresh / 1024.0, one / 1024.0, all / 1024.0)
    }
}

/// Idle connections of one session through a server that was just started, and as many through a PgBouncer that was just
/// started too; each client holds a connection of the target.
pub(crate) async fn idle(world: &World, connections: usize) -> Result<Row> {
    let ticket = &world.tickets[0];
    world.let_sessions_last(Duration::from_secs(3600))?;
    let ours = grow(world.restart()?, &world.broker, &ticket.user, &ticket.secret, connections).await?;
    world.settle().await?;
    let Login { user, password } = &world.direct;
    let pool = u32::try_from(connections)? + 1;
    let bouncer = PgBouncer::start(&world.postgres, PoolMode::Session, std::slice::from_ref(&world.direct), pool)?;
    let address = Address::new(bouncer.port(), bouncer.ca_pem())?;
    let other = grow(bouncer.pid(), &address, user, password, connections).await?;
    let shown = |grown: &Grown| format!("{:.1} KiB ({})", grown.each(connections), grown.shown());
    Ok(Row::new(
        &format!("memory of an idle connection, against PgBouncer (process at 0, 1, {} connections)", connections + 1),
        shown(&other),
        shown(&ours),
        ours.each(connections) / other.each(connections),
        "",
    ))
}

async fn grow(pid: u32, server: &Address, user: &str, password: &str, connections: usize) -> Result<Grown> {
    tokio::time::sleep(REST).await;
    let fresh = resident(pid)?;
    let mut open = vec![idling(server, user, password).await?];
    tokio::time::sleep(REST).await;
    let one = resident(pid)?;
    for _ in 0..connections {
        open.push(idling(server, user, password).await?);
    }
    tokio::time::sleep(REST).await;
    let all = resident(pid)?;
    drop(open);
    Ok(Grown { fresh, one, all })
}

/// A connection that has asked one question: PgBouncer connects to the target no earlier.
async fn idling(server: &Address, user: &str, password: &str) -> Result<tokio_postgres::Client> {
    let (client, _task) = server.connect(user, password).await?;
    client.batch_execute("select 1").await?;
    Ok(client)
}

/// The server before and after everybody has signed in.
pub(crate) fn sign_ins(world: &World) -> Row {
    let (before, after) = world.resident_at_sign_ins;
    let what = format!("memory of the server, after {} sign-ins against before", world.tickets.len());
    Row::compared(&what, before / 1024.0, after / 1024.0, "MiB", "")
}
