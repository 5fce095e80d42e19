//! Launch and removal, against the same statements sent raw.

use crate::figures::{Row, median, millis, percentile};
use crate::world::World;
use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The statements of one session as the provider sends them (`crates/providers/src/postgres`), each line one request: make
/// the account, look at it, close it to log-in, end its sessions, remove it, look again.
const RAW: [&str; 6] = [
    "SELECT pg_advisory_xact_lock({key}); \
     DO LANGUAGE plpgsql 'BEGIN IF clock_timestamp() >= ''2100-01-01''::timestamptz THEN RAISE EXCEPTION ''late''; END IF; END'; \
     CREATE ROLE \"{name}\" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT PASSWORD \
     'SCRAM-SHA-256$1:DbojgYsC3eSxeuDl0OEyvw==$Byw9ODDPHpSc30e8WzKWpXo/VJo7ZAJjvW/hRc3M7Z8=:ok2sN5JicyIdxPQJLIebxoJOF0sud4LA62BhcHg372U=' \
     VALID UNTIL '2100-01-01' CONNECTION LIMIT 20 IN ROLE readonly; \
     COMMENT ON ROLE \"{name}\" IS 'mark of the benchmark'; SELECT oid, true FROM pg_roles WHERE rolname = '{name}'",
    "SELECT clock_timestamp(), oid, rolcanlogin, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{name}'",
    "BEGIN; DO LANGUAGE plpgsql 'BEGIN EXECUTE format(''ALTER ROLE %I NOLOGIN'', ''{name}''); END'; COMMIT; SELECT clock_timestamp()",
    "BEGIN; DO LANGUAGE plpgsql 'BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ''{name}''; END'; COMMIT; SELECT clock_timestamp()",
    "BEGIN; DO LANGUAGE plpgsql 'BEGIN PERFORM pg_advisory_xact_lock({key}); EXECUTE format(''DROP ROLE %I'', ''{name}''); END'; COMMIT; SELECT clock_timestamp()",
    "SELECT pg_advisory_xact_lock_shared({key}); \
     SELECT clock_timestamp(), r.oid FROM (VALUES (true)) one LEFT JOIN pg_roles r ON r.rolname = '{name}'; \
     SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'",
];

/// Raw and ours at so many workers, in rounds.
pub(crate) async fn rows(world: &Arc<World>, workers: usize, rounds: usize, time: Duration) -> Result<Vec<Row>> {
    let (mut raw, mut ours, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        raw.push(rate(workers, time, |worker, until| raw_worker(Arc::clone(world), round, worker, until)).await?.0);
        let (rate, took) =
            rate(workers, time, |worker, until| our_worker(Arc::clone(world), worker, workers, until)).await?;
        ours.push(rate);
        latencies.extend(took);
        world.settle().await?;
    }
    let what = format!("launch + removal, {workers} worker(s)");
    let latency = format!("p50 {:.1} ms, p99 {:.1} ms", median(&latencies), percentile(&latencies, 0.99));
    Ok(vec![
        Row::compared(&what, median(&raw), median(&ours), "/s", "none yet"),
        Row::alone(&format!("launch, {workers} worker(s): from connect to ready for queries"), latency, "none yet"),
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

async fn raw_worker(world: Arc<World>, round: usize, worker: usize, until: Instant) -> Result<Vec<f64>> {
    let (client, _task) = world.target.connect(&world.admin.user, &world.admin.password).await?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let start = Instant::now();
        let (name, key) = (format!("raw_{round}_{worker}_{}", times.len()), worker * 1_000_000 + times.len());
        for statement in RAW {
            let sql = statement.replace("{name}", &name).replace("{key}", &key.to_string());
            client.batch_execute(&sql).await.context("a raw statement")?;
        }
        times.push(millis(start.elapsed()));
    }
    Ok(times)
}

/// Connects, leaves, and waits until the account is seen to be gone; each time another of this worker's persons.
async fn our_worker(world: Arc<World>, worker: usize, workers: usize, until: Instant) -> Result<Vec<f64>> {
    let mut accounts = world.watch_accounts().await?;
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
