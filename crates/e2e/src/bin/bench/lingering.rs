//! Very many sessions that wait for another connection and expire at one moment, and how the API answers meanwhile. The server
//! is held still until the last of their deadlines is over, as in `storm`.

use crate::api;
use crate::figures::{Row, millis, percentile};
use crate::raw::{Account, Raw};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use mayfly_e2e::client::Ticket;
use rustix::process::Signal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many administrators send raw statements at once: as many connections as Mayfly has to one target.
const ADMINISTRATORS: usize = 4;
/// Launches at once: below what one source may have that has not signed in.
const LAUNCHES: usize = 32;
/// How often the API is asked.
const QUESTIONS: Duration = Duration::from_millis(20);
/// What is asked: a page of what is going on.
const QUESTION: &str = "/v1/sessions?limit=50";
/// How long the API is asked while nothing happens.
const IDLE: Duration = Duration::from_secs(5);
/// The longest that everything may take.
const LIMIT: Duration = Duration::from_secs(900);

/// How many sessions there are, and how long each lasts: long enough to open them all.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Records that each person opens.
    pub(crate) records: usize,
    /// How long a session lasts.
    pub(crate) duration: Duration,
}

/// Sessions of every person on so many records; none has a connection when they expire.
pub(crate) async fn rows(world: &Arc<World>, size: Size) -> Result<Vec<Row>> {
    let sessions = size.records * world.tickets.len();
    let raw = raw(world, sessions).await?;
    eprintln!("the raw removals are over within {raw:.1} s");
    let tickets = world.lingering_tickets(size.records, size.duration)?;
    let first = Instant::now();
    open(world, tickets).await?;
    let socket = world.installation.socket();
    let idle = ask_until(&socket, tokio::time::sleep(IDLE)).await?;
    world.hold(Signal::STOP)?;
    let (last, opening) = (Instant::now(), first.elapsed());
    eprintln!("{sessions} sessions are open after {:.1} s", opening.as_secs_f64());
    ensure!(opening < size.duration, "sessions expired while others were still being opened");
    tokio::time::sleep_until((last + size.duration + Duration::from_secs(1)).into()).await;
    let mut accounts = world.watch_accounts(Duration::from_millis(100)).await?;
    ensure!(accounts.borrow().len() == sessions, "an account for each session");
    let start = Instant::now();
    world.hold(Signal::CONT)?;
    let absent = async {
        let empty = accounts.wait_for(|seen| seen.is_empty());
        let seen = tokio::time::timeout(LIMIT, empty).await.context("accounts stay").map(|_| ());
        (seen, start.elapsed().as_secs_f64())
    };
    let (absent, busy) = ask_while(&socket, absent).await?;
    absent.0?;
    world.nothing_is_owed(LIMIT).await?;
    let what = |what: &str| format!("{sessions} idle sessions expired at one moment: {what}");
    let rate = |took: f64| sessions as f64 / took;
    let shown = |all: &[f64]| format!("p50 {:.1} ms, p99 {:.1} ms", percentile(all, 0.5), percentile(all, 0.99));
    let slower = percentile(&busy, 0.99) / percentile(&idle, 0.99);
    Ok(vec![
        Row::compared(&what("removals"), rate(raw), rate(absent.1), "/s", ""),
        Row::new(
            &what("a page of the API meanwhile, against idle (ratio of p99)"),
            shown(&idle),
            shown(&busy),
            slower,
            "",
        ),
    ])
}

/// Opens one session with each ticket and leaves it.
async fn open(world: &Arc<World>, tickets: Vec<Ticket>) -> Result<()> {
    let (mut opening, expected) = (JoinSet::new(), tickets.len());
    for ticket in tickets {
        if opening.len() >= LAUNCHES {
            opening.join_next().await.context("a launch")???;
        }
        let broker = world.broker.clone();
        opening.spawn(async move {
            let (client, task) = broker.connect(&ticket.user, &ticket.secret).await?;
            drop(client);
            anyhow::Ok(task.await?)
        });
    }
    while let Some(one) = opening.join_next().await {
        one??;
    }
    let listed = world.sessions()?.len();
    ensure!(listed == expected, "{listed} of {expected} sessions are listed");
    Ok(())
}

/// How long each answer of the API took until that is over, in milliseconds.
async fn ask_until(socket: &Path, over: impl Future<Output = ()>) -> Result<Vec<f64>> {
    Ok(ask_while(socket, over).await?.1)
}

/// Asks the API again and again while something goes on; returns what that gave, and how long each answer took, in milliseconds.
async fn ask_while<T>(socket: &Path, work: impl Future<Output = T>) -> Result<(T, Vec<f64>)> {
    let (mut work, mut took) = (std::pin::pin!(work), Vec::new());
    loop {
        let asking = async {
            let start = Instant::now();
            let answer = api::get(socket, QUESTION).await;
            let one = millis(start.elapsed());
            tokio::time::sleep(QUESTIONS).await;
            answer.map(|_| one)
        };
        tokio::select! {
            biased;
            given = &mut work => return Ok((given, took)),
            one = asking => took.push(one?),
        }
    }
}

/// As many raw accounts, made and then removed over as many connections as Mayfly has; how long the removal took, in seconds.
async fn raw(world: &Arc<World>, sessions: usize) -> Result<f64> {
    let mut making = JoinSet::new();
    for number in 0..ADMINISTRATORS {
        let world = Arc::clone(world);
        let share = sessions / ADMINISTRATORS + usize::from(number < sessions % ADMINISTRATORS);
        making.spawn(async move {
            let (raw, mut accounts) = (Raw::open(&world).await?, Vec::new());
            for _ in 0..share {
                accounts.push(raw.make().await?);
            }
            anyhow::Ok((raw, accounts))
        });
    }
    let mut made: Vec<(Raw, Vec<Account>)> = Vec::new();
    while let Some(one) = making.join_next().await {
        made.push(one??);
    }
    let start = Instant::now();
    let mut removing = JoinSet::new();
    for (raw, accounts) in made {
        removing.spawn(async move {
            for account in accounts {
                raw.remove(&account).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(one) = removing.join_next().await {
        one??;
    }
    Ok(start.elapsed().as_secs_f64())
}
