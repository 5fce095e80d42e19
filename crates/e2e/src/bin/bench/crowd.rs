//! Everybody at once: as many launches as there are persons begin at one moment, and a lockdown cuts them all.

use crate::api;
use crate::figures::{Row, millis};
use crate::raw::Raw;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::Client;

/// How many administrators make raw accounts at once: as many connections as Mayfly has to one target.
const ADMINISTRATORS: usize = 4;
/// The longest that everybody may take to get in, or out.
const LIMIT: Duration = Duration::from_secs(120);

/// A client, the task that ends with its connection, and how long it took to get in, in milliseconds.
type Entered = (Client, JoinHandle<()>, f64);

/// What was measured of one crowd.
struct Crowd {
    /// For each how long it took to get in, in milliseconds.
    entering: Vec<f64>,
    /// Until the last was in, in seconds.
    all_in: f64,
    /// From the word to the last client's end of stream, in milliseconds.
    cut: f64,
}

/// The crowd, raw and ours; then one at a time, so often.
pub(crate) async fn rows(world: &Arc<World>, times: usize) -> Result<Vec<Row>> {
    let people = world.tickets.len();
    world.let_sessions_last(Duration::from_secs(3600))?;
    let raw = raw(world, people).await?;
    world.settle().await?;
    let ours = ours(world, people).await?;
    let (raw_single, our_single) = (raw_singles(world, times).await?, our_singles(world, times).await?);
    let what = format!("{people} people at once");
    let seconds = |took: f64| format!("{took:.2} s");
    let cut = format!("lockdown of {people} sessions: to the last client's last byte");
    Ok(vec![
        Row::latencies(&format!("{what}: launch"), &raw.entering, &ours.entering, ""),
        Row::new(
            &format!("{what}: until the last is in"),
            seconds(raw.all_in),
            seconds(ours.all_in),
            ours.all_in / raw.all_in,
            "",
        ),
        Row::latencies("lockdown of one session: to the client's last byte", &raw_single, &our_single, "within 1 s"),
        Row::latencies(&cut, &[raw.cut], &[ours.cut], "within 1 s"),
    ])
}

/// Everybody through Mayfly, each from an address of their own, as people come.
async fn ours(world: &Arc<World>, people: usize) -> Result<Crowd> {
    let start = Instant::now();
    let mut entering = JoinSet::new();
    for (number, ticket) in world.tickets.iter().take(people).cloned().enumerate() {
        let broker = world.broker.clone();
        entering.spawn(async move {
            let (client, task) = broker.connect_from(address(number)?, &ticket.user, &ticket.secret).await?;
            anyhow::Ok((client, task, millis(start.elapsed())))
        });
    }
    let entered = all(entering).await?;
    let all_in = start.elapsed().as_secs_f64();
    let listed = world.sessions()?.len();
    ensure!(listed == people, "{listed} of {people} sessions are listed");
    let (socket, start) = (world.installation.socket(), Instant::now());
    let locking = tokio::spawn(async move {
        api::post(&socket, "/v1/lockdowns", r#"{"lockdown":"all","reason":"the benchmark"}"#).await
    });
    let (entering, cut) = until_cut(entered, start).await?;
    locking.await??;
    world.nothing_is_owed(LIMIT).await?;
    world.installation.must(&["lockdown", "lift", "all"], "")?;
    Ok(Crowd { entering, all_in, cut })
}

/// As many raw accounts, each connected to as soon as it is made, by as many administrators as Mayfly has; all are cut by one
/// statement.
async fn raw(world: &Arc<World>, people: usize) -> Result<Crowd> {
    let start = Instant::now();
    let mut making = JoinSet::new();
    for number in 0..ADMINISTRATORS {
        let (world, share) =
            (Arc::clone(world), people / ADMINISTRATORS + usize::from(number < people % ADMINISTRATORS));
        making.spawn(async move {
            let (raw, mut accounts, mut entering) = (Raw::open(&world).await?, Vec::new(), JoinSet::new());
            for _ in 0..share {
                let account = Arc::new(raw.make().await?);
                let (target, name) = (world.target.clone(), Arc::clone(&account));
                entering.spawn(async move {
                    let (client, task) = name.connect(&target).await?;
                    anyhow::Ok((client, task, millis(start.elapsed())))
                });
                accounts.push(account);
            }
            anyhow::Ok((raw, accounts, all(entering).await?))
        });
    }
    let (mut made, mut entered) = (Vec::new(), Vec::new());
    while let Some(one) = making.join_next().await {
        let (raw, accounts, clients) = one??;
        made.push((raw, accounts));
        entered.extend(clients);
    }
    let all_in = start.elapsed().as_secs_f64();
    ensure!(entered.len() == people, "everybody is in");
    let (administrator, start) = (Raw::open(world).await?, Instant::now());
    let cutting = tokio::spawn(async move { administrator.cut("raw\\_%").await });
    let (entering, cut) = until_cut(entered, start).await?;
    cutting.await??;
    for (raw, accounts) in made {
        for account in accounts {
            raw.remove(&account).await?;
        }
    }
    Ok(Crowd { entering, all_in, cut })
}

/// One session at a time, cut by a lockdown of its record, in milliseconds.
async fn our_singles(world: &World, times: usize) -> Result<Vec<f64>> {
    let mut cuts = Vec::new();
    for ticket in world.tickets.iter().cycle().take(times) {
        let (client, task) = world.broker.connect(&ticket.user, &ticket.secret).await?;
        let (socket, start) = (world.installation.socket(), Instant::now());
        let locking = tokio::spawn(async move {
            api::post(&socket, "/v1/lockdowns", r#"{"lockdown":"record:orders","reason":"the benchmark"}"#).await
        });
        task.await?;
        cuts.push(millis(start.elapsed()));
        locking.await??;
        drop(client);
        world.installation.must(&["lockdown", "lift", "record:orders"], "")?;
        world.settle().await?;
    }
    Ok(cuts)
}

/// One raw account at a time, cut by the statement that ends its connections, in milliseconds.
async fn raw_singles(world: &World, times: usize) -> Result<Vec<f64>> {
    let (raw, mut cuts) = (Arc::new(Raw::open(world).await?), Vec::new());
    for _ in 0..times {
        let account = raw.make().await?;
        let (client, task) = account.connect(&world.target).await?;
        let (administrator, name, start) = (Arc::clone(&raw), account.name.clone(), Instant::now());
        let cutting = tokio::spawn(async move { administrator.cut(&name).await });
        task.await?;
        cuts.push(millis(start.elapsed()));
        cutting.await??;
        drop(client);
        raw.remove(&account).await?;
    }
    Ok(cuts)
}

/// Waits for everybody who is on the way in.
async fn all(mut entering: JoinSet<Result<Entered>>) -> Result<Vec<Entered>> {
    let mut entered = Vec::new();
    while let Some(one) = tokio::time::timeout(LIMIT, entering.join_next()).await.context("people wait outside")? {
        entered.push(one??);
    }
    Ok(entered)
}

/// Waits until every stream has ended. Returns how long each took to get in, and how long it took until the last was out.
async fn until_cut(entered: Vec<Entered>, start: Instant) -> Result<(Vec<f64>, f64)> {
    let (mut clients, mut entering) = (Vec::new(), Vec::new());
    for (client, task, took) in entered {
        tokio::time::timeout(LIMIT, task).await.context("somebody stays")??;
        // Who drops a client leaves, so all are kept to the end.
        clients.push(client);
        entering.push(took);
    }
    Ok((entering, millis(start.elapsed())))
}

/// An address of the loopback network for each person (RFC 1122, section 3.2.1.3: all of 127.0.0.0/8 is this machine).
fn address(number: usize) -> Result<Ipv4Addr> {
    let number = u16::try_from(number)?;
    Ok(Ipv4Addr::new(127, 1, u8::try_from(number / 250)?, u8::try_from(number % 250 + 1)?))
}
