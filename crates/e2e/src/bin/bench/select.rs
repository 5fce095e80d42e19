//! `pgbench --select-only` through Mayfly, through PgBouncer, and direct, in turns.

use crate::figures::{Row, median};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// One run: transactions a second, and the median latency in milliseconds.
type Run = (f64, f64);

/// The three legs at so many clients.
pub(crate) fn rows(world: &World, clients: usize, rounds: usize, seconds: u64) -> Result<Vec<Row>> {
    let ticket = &world.tickets[0];
    let bouncer_ca = world.bouncer.ca_path()?;
    let (mut ours, mut bouncer, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(run(world, &ticket.user, &ticket.secret, ticket.port, &ticket.ca, clients, seconds)?);
        let login = &world.direct;
        bouncer.push(run(world, &login.user, &login.password, world.bouncer.port(), &bouncer_ca, clients, seconds)?);
        let (port, ca) = (world.postgres.port(), world.postgres.ca_path());
        direct.push(run(world, &login.user, &login.password, port, &ca, clients, seconds)?);
    }
    let tps = |runs: &[Run]| median(&runs.iter().map(|run| run.0).collect::<Vec<_>>());
    let p50 = |runs: &[Run]| median(&runs.iter().map(|run| run.1).collect::<Vec<_>>());
    let row = |what: &str, other: &[Run], target| {
        let what = format!("select, {clients} client(s), against {what}");
        Row::compared(&what, tps(other), tps(&ours), "tps", target)
    };
    let added = |runs: &[Run]| p50(runs) - p50(&direct);
    Ok(vec![
        row("PgBouncer", &bouncer, "at least 0.95"),
        row("direct", &direct, ""),
        Row::new(
            &format!("select, {clients} client(s): added p50 (direct has {:.3} ms)", p50(&direct)),
            format!("{:.3} ms (PgBouncer)", added(&bouncer)),
            format!("{:.3} ms", added(&ours)),
            added(&ours) / added(&bouncer),
            if clients == 1 { "at most 0.1 ms" } else { "" },
        ),
    ])
}

fn run(world: &World, user: &str, password: &str, port: u16, ca: &Path, clients: usize, seconds: u64) -> Result<Run> {
    let logs = world.installation.directory().join("pgbench");
    std::fs::create_dir_all(&logs)?;
    let mut pgbench = Command::new("/usr/lib/postgresql/15/bin/pgbench");
    pgbench.args(["--select-only", "--no-vacuum", "--log", "--jobs=1"]).current_dir(&logs);
    // Pgbench's time runs while it still connects, one client after the other.
    let time = seconds + u64::try_from(clients / 8)?;
    pgbench.args([format!("--client={clients}"), format!("--time={time}")]);
    pgbench.env("PGHOST", "localhost").env("PGPORT", port.to_string()).env("PGDATABASE", "orders");
    pgbench.env("PGUSER", user).env("PGPASSWORD", password);
    pgbench.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", ca);
    let output = pgbench.output().context("pgbench cannot be started")?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .with_context(|| format!("pgbench printed no figure: {said}{}", String::from_utf8_lossy(&output.stderr)))?;
    let tps = line.split(' ').next().unwrap_or_default().parse()?;
    let mut latencies = Vec::new();
    for entry in std::fs::read_dir(&logs)? {
        let path = entry?.path();
        let log = std::fs::read_to_string(&path)?;
        latencies.extend(log.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok()));
        std::fs::remove_file(path)?;
    }
    Ok((tps, median(&latencies) / 1000.0))
}
