//! Many sessions that expire at one moment. The server is held still until the last of their deadlines is over, as a machine
//! that sleeps is, and then finds all of them due at once.

use crate::figures::Row;
use crate::raw::{Account, Raw};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::Client;

/// How many administrators send raw statements at once: as many connections as Mayfly has to one target.
const ADMINISTRATORS: usize = 4;
/// How many launches are under way at once; below what one source may have that has not signed in.
const LAUNCHES: usize = 16;
/// A look every so often: each lists every account that is left.
const LOOKS: Duration = Duration::from_millis(10);
/// The longest that everything may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A client and the task that ends with its connection.
type Connected = (Client, JoinHandle<()>);

/// How long it took until the last client was cut off, and until no account was left, in seconds.
struct Took {
    cut: f64,
    absent: f64,
}

/// Raw and ours with so many sessions, each of which lasts `duration`.
pub(crate) async fn rows(world: &Arc<World>, sessions: usize, duration: Duration) -> Result<Vec<Row>> {
    let raw = raw(world, sessions).await?;
    eprintln!("the raw storm is over within {:.1} s", raw.absent);
    let ours = ours(world, sessions, duration).await?;
    let what = |what: &str| format!("{sessions} sessions expired at one moment: {what}");
    let rate = |took: &Took| sessions as f64 / took.absent;
    let seconds =
        |what: &str, raw: f64, ours: f64| Row::new(what, format!("{raw:.2} s"), format!("{ours:.2} s"), ours / raw, "");
    Ok(vec![
        seconds(&what("to the last cut"), raw.cut, ours.cut),
        seconds(&what("to the last verified absent"), raw.absent, ours.absent),
        Row::compared(&what("removals"), rate(&raw), rate(&ours), "/s", ""),
    ])
}

async fn ours(world: &Arc<World>, sessions: usize, duration: Duration) -> Result<Took> {
    ensure!(sessions <= world.tickets.len(), "a session for each person");
    world.let_sessions_last(duration)?;
    let first = Instant::now();
    let opened = open(world, sessions).await?;
    world.hold(Signal::STOP)?;
    // From here on the server is held, so every session that was open stays open until it goes on.
    let (last, opening) = (Instant::now(), first.elapsed());
    eprintln!("{sessions} sessions are open after {:.1} s", opening.as_secs_f64());
    let still = opened.iter().all(|(_, task)| !task.is_finished());
    ensure!(still && opening < duration, "sessions expired while others were still being opened");
    tokio::time::sleep_until((last + duration + Duration::from_secs(1)).into()).await;
    let start = Instant::now();
    world.hold(Signal::CONT)?;
    let took = until_gone(world, opened, start).await?;
    world.nothing_is_owed(LIMIT).await?;
    Ok(took)
}

/// One session for each of the first persons; each has one connection. All are listed by the server.
async fn open(world: &Arc<World>, sessions: usize) -> Result<Vec<Connected>> {
    let mut opened = Vec::with_capacity(sessions);
    for part in world.tickets[..sessions].chunks(LAUNCHES) {
        let opening: Vec<_> = part
            .iter()
            .cloned()
            .map(|ticket| {
                let broker = world.broker.clone();
                tokio::spawn(async move { broker.connect(&ticket.user, &ticket.secret).await })
            })
            .collect();
        for one in opening {
            opened.push(one.await??);
        }
    }
    let listed = world.sessions()?.len();
    ensure!(listed == sessions, "{listed} of {sessions} sessions are listed");
    Ok(opened)
}

async fn raw(world: &Arc<World>, sessions: usize) -> Result<Took> {
    let mut administrators = Vec::new();
    for _ in 0..ADMINISTRATORS {
        administrators.push(Raw::open(world).await?);
    }
    let (mut accounts, mut opened) = (Vec::new(), Vec::new());
    for _ in 0..sessions {
        let account = administrators[0].make().await?;
        opened.push(account.connect(&world.target).await?);
        accounts.push(account);
    }
    let start = Instant::now();
    let mut removing = JoinSet::new();
    for administrator in administrators {
        let share = accounts.split_off(accounts.len().saturating_sub(sessions.div_ceil(ADMINISTRATORS)));
        removing.spawn(remove_all(administrator, share));
    }
    let took = until_gone(world, opened, start).await?;
    while let Some(removed) = removing.join_next().await {
        removed??;
    }
    Ok(took)
}

async fn remove_all(administrator: Raw, accounts: Vec<Account>) -> Result<()> {
    for account in accounts {
        administrator.remove(&account).await?;
    }
    Ok(())
}

/// Waits until every client's stream has ended and no account is on the target.
async fn until_gone(world: &World, opened: Vec<Connected>, start: Instant) -> Result<Took> {
    let mut accounts = world.watch_accounts(LOOKS).await?;
    // The clients stay until their streams end: who drops one leaves.
    let (clients, tasks): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    let cut = async {
        for task in tasks {
            task.await?;
        }
        anyhow::Ok(start.elapsed().as_secs_f64())
    };
    let absent = async {
        accounts.wait_for(|seen| seen.is_empty()).await?;
        anyhow::Ok(start.elapsed().as_secs_f64())
    };
    let both = async { tokio::join!(cut, absent) };
    let (cut, absent) = tokio::time::timeout(LIMIT, both).await.context("sessions or accounts stay")?;
    drop(clients);
    Ok(Took { cut: cut?, absent: absent? })
}
