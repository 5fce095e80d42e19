//! `scp` of one large file to the host and back, through us and past us, as fast as the processor allows and over a slow line.

use super::{DIRECT, HostWorld, RECORD, SAME, STAY};
use crate::Effort;
use crate::figures::{Row, median};
use anyhow::{Context, Result, ensure};
use mayfly_e2e::machine::describe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The slow line, in Mbit/s.
const LINE: u32 = 500;

/// The name of the file on the host, in a home.
const THERE: &str = "copy";

/// Which way the file goes.
#[derive(Clone, Copy)]
enum Way {
    To,
    From,
}

/// Both ways, without a limit and over the slow line.
pub(super) fn rows(world: &HostWorld, effort: &Effort) -> Result<Vec<Row>> {
    let mebibytes = effort.copied;
    let here = world.machine.installation.directory().join("copied");
    std::fs::File::create(&here)?.set_len(mebibytes * 1024 * 1024)?;
    // The session stays, so that only the copy is measured.
    let session = world.through_us("person0", &[STAY]).staying()?;
    let mut rows = Vec::new();
    for (line, rounds, target) in [(None, effort.rounds, "at least 0.5"), (Some(LINE), 1, "at least 0.95")] {
        if let Some(line) = line {
            world.machine.host.limit_line(line)?;
        }
        for way in [Way::To, Way::From] {
            let (mut direct, mut ours) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                direct.push(mebibytes as f64 / seconds(past_us(world), way, &here)?);
                ours.push(mebibytes as f64 / seconds(through_us(world), way, &here)?);
            }
            let which = match way {
                Way::To => "to the host",
                Way::From => "from the host",
            };
            let over = line.map_or_else(String::new, |line| format!(" over {line} Mbit/s"));
            let what = format!("scp of {mebibytes} MiB {which}{over}");
            rows.push(Row::compared(&what, median(&direct), median(&ours), "MiB/s", target));
        }
    }
    world.machine.host.unlimit_line()?;
    drop(session);
    std::fs::remove_file(here)?;
    world.settle()?;
    Ok(rows)
}

/// The client, and what stands before the name of a file on the host.
type Scp = (Command, String);

fn past_us(world: &HostWorld) -> Scp {
    let mut scp = Command::new("scp");
    scp.args(world.direct_options());
    (scp, format!("{DIRECT}@{}:", world.machine.host.address()))
}

fn through_us(world: &HostWorld) -> Scp {
    let mut scp = Command::new("scp");
    scp.args(world.machine.options()).args(SAME).args(["-P", &world.machine.installation.ssh_port.to_string()]);
    (scp, format!("person0~{RECORD}@localhost:"))
}

/// Copies; returns how long it took.
fn seconds((mut scp, host): Scp, way: Way, here: &Path) -> Result<f64> {
    let there = format!("{host}{THERE}");
    let back: PathBuf = here.with_extension("back");
    let back = back.to_str().context("a path that is text")?;
    let here = here.to_str().context("a path that is text")?;
    scp.args(["-q", "-B"]);
    match way {
        Way::To => scp.args([here, &there]),
        Way::From => scp.args([there.as_str(), back]),
    };
    let start = Instant::now();
    let output = scp.stdin(Stdio::null()).output()?;
    let took = start.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{}", describe(&output));
    if let Way::From = way {
        std::fs::remove_file(back)?;
    }
    Ok(took)
}
