//! Percentiles, the table, and what else the machine did meanwhile.

use anyhow::{Context, Result};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    what: String,
    /// What ours is compared with.
    raw: String,
    /// Ours.
    ours: String,
    /// Ours by the other.
    ratio: f64,
    /// What the project promises; empty where it promises nothing.
    target: &'static str,
    /// The machine's load average of a minute before it was measured.
    load: String,
}

impl Row {
    /// A row of two figures, as they are to be shown, and ours by the other.
    pub(crate) fn new(what: &str, raw: String, ours: String, ratio: f64, target: &'static str) -> Self {
        Self { what: what.to_owned(), raw, ours, ratio, target, load: String::new() }
    }

    /// A row that compares two figures of one unit, whether more of it is better or less.
    pub(crate) fn compared(what: &str, raw: f64, ours: f64, unit: &str, target: &'static str) -> Self {
        Self::new(what, format!("{raw:.1} {unit}"), format!("{ours:.1} {unit}"), ours / raw, target)
    }

    /// A row that compares times in milliseconds; the ratio is that of the medians.
    pub(crate) fn latencies(what: &str, raw: &[f64], ours: &[f64], target: &'static str) -> Self {
        let shown = |all: &[f64]| format!("p50 {:.1} ms, p99 {:.1} ms", median(all), percentile(all, 0.99));
        Self::new(what, shown(raw), shown(ours), median(ours) / median(raw), target)
    }

    /// The row with the load average before it was measured.
    pub(crate) fn after(self, load: &str) -> Self {
        Self { load: load.to_owned(), ..self }
    }
}

/// Prints the table as Markdown.
pub(crate) fn print(rows: &[Row]) {
    println!("| what | compared with | ours | ratio | target | load before |\n|---|---:|---:|---:|---|---:|");
    for Row { what, raw, ours, ratio, target, load } in rows {
        println!("| {what} | {raw} | {ours} | {ratio:.2} | {target} | {load} |");
    }
}

/// The value below which this part of all values lies; 0 of no values.
pub(crate) fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of a list that exists")]
    let at = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// The middle value.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// Milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The machine's load averages.
pub(crate) fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The load average of the last minute.
pub(crate) fn load_of_a_minute() -> String {
    load().split(' ').next().unwrap_or_default().to_owned()
}

/// The resident memory of a process, in KiB (`VmRSS`, proc(5)).
pub(crate) fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// How long one write of 4 KiB takes until it is on the disk, in milliseconds: median of 100.
pub(crate) fn fsync(directory: &Path) -> Result<f64> {
    let path = directory.join("fsync-probe");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(millis(start.elapsed()));
    }
    std::fs::remove_file(path)?;
    Ok(median(&times))
}
