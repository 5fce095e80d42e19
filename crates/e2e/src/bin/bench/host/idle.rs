//! What a session over SSH that does nothing takes of the server's memory.

use super::{DIRECT, HostWorld, STAY};
use crate::figures::{Row, resident};
use anyhow::{Context, Result};
use std::time::Duration;

/// What memory does after the last change, before it is read.
const REST: Duration = Duration::from_secs(2);

/// Prints the memory of every sshd, what is shared taken in parts (`Pss`, proc(5)), in KiB.
const SSHD: &str = "for p in /proc/[0-9]*; do \
    case $(cat $p/comm 2> /dev/null) in sshd) awk '/^Pss:/ { print $2 }' $p/smaps_rollup 2> /dev/null;; esac; done";

/// Sessions of so many persons, each with an account, a connection and a program of its own, in a server that was just started,
/// and as many log-ins in the host's own sshd.
pub(super) fn row(world: &mut HostWorld, sessions: usize) -> Result<Row> {
    let server = world.restart()?;
    let ours =
        grow(sessions, || resident(server), |number| world.through_us(&world.persons[number], &[STAY]).staying())?;
    world.settle()?;
    let sshd = grow(sessions, || sshd(world), |_| world.direct(DIRECT, &[STAY]).staying())?;
    let shown = |[fresh, one, all]: [f64; 3], each: f64| {
        format!("{each:.1} KiB ({:.1}, {:.1}, {:.1} MiB)", fresh / 1024.0, one / 1024.0, all / 1024.0)
    };
    let each = |[_, one, all]: [f64; 3]| (all - one) / (sessions - 1) as f64;
    Ok(Row::new(
        &format!("memory of an idle SSH session, against sshd (at 0, 1, {sessions} sessions)"),
        shown(sshd, each(sshd)),
        shown(ours, each(ours)),
        each(ours) / each(sshd),
        "at most 512 KiB",
    ))
}

/// Memory in KiB with nobody, with one, and with so many connected.
fn grow<C>(clients: usize, memory: impl Fn() -> Result<f64>, connect: impl Fn(usize) -> Result<C>) -> Result<[f64; 3]> {
    let rested = || {
        std::thread::sleep(REST);
        memory()
    };
    let fresh = rested()?;
    let mut connected = vec![connect(0)?];
    let one = rested()?;
    for number in 1..clients {
        connected.push(connect(number)?);
    }
    Ok([fresh, one, rested()?])
}

/// The memory of the host's sshd in KiB, all of its processes together.
fn sshd(world: &HostWorld) -> Result<f64> {
    let printed = world.machine.host.shell(SSHD)?;
    printed.lines().map(|line| line.trim().parse::<f64>().context("a number")).sum()
}
