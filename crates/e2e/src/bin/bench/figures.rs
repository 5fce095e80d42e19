//! Percentiles, the table, and what else the machine did meanwhile.

use anyhow::Result;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What ours is compared with.
    pub(crate) raw: String,
    /// Ours.
    pub(crate) ours: String,
    /// Ours by the other.
    pub(crate) ratio: String,
    /// What the project promises; empty where it promises nothing.
    pub(crate) target: &'static str,
}

impl Row {
    /// A row that compares two figures of which more is better or less is better alike: only their ratio is printed.
    pub(crate) fn compared(what: &str, raw: f64, ours: f64, unit: &str, target: &'static str) -> Self {
        Self {
            what: what.to_owned(),
            raw: format!("{raw:.1} {unit}"),
            ours: format!("{ours:.1} {unit}"),
            ratio: format!("{:.2}", ours / raw),
            target,
        }
    }

    /// A row with nothing to compare with.
    pub(crate) fn alone(what: &str, ours: String, target: &'static str) -> Self {
        Self { what: what.to_owned(), raw: "-".into(), ours, ratio: "-".into(), target }
    }
}

/// Prints the table as Markdown.
pub(crate) fn print(rows: &[Row]) {
    println!("| what | compared with | ours | ratio | target |\n|---|---:|---:|---:|---|");
    for Row { what, raw, ours, ratio, target } in rows {
        println!("| {what} | {raw} | {ours} | {ratio} | {target} |");
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
