//! Launch and removal, against the same statements sent raw.

use crate::figures::{Row, median, millis};
use crate::raw::Raw;
use crate::world::{LOOKS, World};
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Raw and ours at so many workers, in rounds.
pub(crate) async fn rows(world: &Arc<World>, workers: usize, rounds: usize, time: Duration) -> Result<Vec<Row>> {
    let (mut raw, mut ours, mut raw_latencies, mut latencies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        raw.push(rate(workers, time, |_, until| raw_worker(Arc::clone(world), until)).await?.0);
        raw_latencies.extend(rate(workers, time / 2, |_, until| raw_launches(Arc::clone(world), until)).await?.1);
        let (rate, took) =
            rate(workers, time, |worker, until| our_worker(Arc::clone(world), worker, workers, until)).await?;
        ours.push(rate);
        latencies.extend(took);
        world.settle().await?;
    }
    let what = format!("launch + removal, {workers} worker(s)");
    Ok(vec![
        Row::compared(&what, median(&raw), median(&ours), "/s", "none yet"),
        Row::latencies(&format!("launch, {workers} worker(s)"), &raw_latencies, &latencies, "none yet"),
    ])
}

/// Runs workers for a time. Returns how many cycles a second all did together, and what each of them measured.
async fn rate<F>(workers: usize, time: Duration, work: impl Fn(usize, Instant) -> F) -> Result<(f64, Vec<f64>)>
where
    F: Future<Output = Result<Vec<f64>>> + Send + 'static,
{
    let start = Instant::now();
    let running: Vec<_> = (0..workers).map(|worker| tokio::spawn(work(worker, start + time))).collect();
    let mut all = Vec::new();
    for one in running {
        all.extend(one.await??);
    }
    Ok((all.len() as f64 / start.elapsed().as_secs_f64(), all))
}

/// Makes an account and takes it away, again and again.
async fn raw_worker(world: Arc<World>, until: Instant) -> Result<Vec<f64>> {
    let raw = Raw::open(&world).await?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        raw.remove(&raw.make().await?).await?;
        times.push(millis(start.elapsed()));
    }
    Ok(times)
}

/// Makes an account and connects as it. Taking it away is not measured.
async fn raw_launches(world: Arc<World>, until: Instant) -> Result<Vec<f64>> {
    let raw = Raw::open(&world).await?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        let account = raw.make().await?;
        let (client, task) = account.connect(&world.target).await?;
        times.push(millis(start.elapsed()));
        drop(client);
        task.await?;
        raw.remove(&account).await?;
    }
    Ok(times)
}

/// Connects, leaves, and waits until the account is seen to be gone; each time another of this worker's persons.
async fn our_worker(world: Arc<World>, worker: usize, workers: usize, until: Instant) -> Result<Vec<f64>> {
    let mut accounts = world.watch_accounts(LOOKS).await?;
    let mut times = Vec::new();
    let persons = world.tickets.len() / workers;
    while Instant::now() < until {
        let ticket = &world.tickets[worker + (times.len() % persons) * workers];
        let start = Instant::now();
        let (client, task) = world.broker.connect(&ticket.user, &ticket.secret).await?;
        times.push(millis(start.elapsed()));
        let account: String = client.query_one("select current_user::text", &[]).await?.get(0);
        drop(client);
        task.await?;
        accounts.mark_unchanged();
        // What was seen before the removal began does not count.
        accounts.changed().await?;
        accounts.wait_for(|seen| !seen.contains(&account)).await?;
    }
    Ok(times)
}
