//! How fast access ends: one session at a time, and many at one moment. And what an idle connection costs.

use crate::figures::{Row, median, millis, percentile};
use crate::world::World;
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// From the request to end a session to the client's end of stream, and to the account seen to be gone.
pub(crate) async fn one_by_one(world: &Arc<World>, times: usize) -> Result<Vec<Row>> {
    let (mut cut, mut absent) = (Vec::new(), Vec::new());
    let mut accounts = world.watch_accounts().await?;
    for time in 0..times {
        let ticket = &world.tickets[time % world.tickets.len()];
        let (client, task) = world.broker.connect(&ticket.user, &ticket.secret).await?;
        let account: String = client.query_one("select current_user::text", &[]).await?.get(0);
        let id = sessions(world)?.into_iter().find(|(_, of)| *of == account).context("no such session")?.0;
        let start = Instant::now();
        let ending = tokio::spawn(end(world.installation.socket(), id));
        task.await?;
        cut.push(millis(start.elapsed()));
        accounts.mark_unchanged();
        accounts.changed().await?;
        accounts.wait_for(|seen| !seen.contains(&account)).await?;
        absent.push(millis(start.elapsed()));
        ending.await??;
        drop(client);
    }
    let shown = |values: &[f64]| format!("p50 {:.1} ms, p99 {:.1} ms", median(values), percentile(values, 0.99));
    Ok(vec![
        Row::alone("end of a session: to the client's last byte", shown(&cut), ""),
        Row::alone("end of a session: to verified absent on the target", shown(&absent), "within 1 s"),
    ])
}

/// All sessions ended at one moment.
pub(crate) async fn storm(world: &Arc<World>, most: usize) -> Result<Row> {
    let mut opened = Vec::new();
    for part in world.tickets[..most.min(world.tickets.len())].chunks(16) {
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
    let mut accounts = world.watch_accounts().await?;
    let ids = sessions(world)?;
    let number = ids.len();
    let start = Instant::now();
    let ending: Vec<_> = ids.into_iter().map(|(id, _)| tokio::spawn(end(world.installation.socket(), id))).collect();
    accounts.wait_for(|seen| seen.is_empty()).await?;
    let took = start.elapsed();
    for one in ending {
        one.await??;
    }
    let each = took.as_secs_f64() * 1000.0 / number as f64;
    let ours = format!("{:.2} s ({each:.1} ms each)", took.as_secs_f64());
    Ok(Row::alone(&format!("{number} sessions ended at one moment: to the last verified absent"), ours, ""))
}

/// The sessions that are not ended, with their accounts; the list comes in pages.
fn sessions(world: &World) -> Result<Vec<(String, String)>> {
    let listed = world.installation.json(&["sessions", "ls"])?;
    let items = listed["items"].as_array().context("a list of sessions")?;
    let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    Ok(items.iter().map(|item| (text(item, "id"), text(item, "account"))).collect())
}

/// Ends a session as `mayfly sessions end` does, without the time that a process takes to start.
async fn end(socket: std::path::PathBuf, id: String) -> Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    let body = r#"{"reason":"the benchmark"}"#;
    let request = format!(
        "POST /v1/sessions/{id}/end HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("the session was not ended: {answer}");
    }
    Ok(())
}

/// The server's memory with 0, 200 and 1,000 idle connections.
pub(crate) async fn memory(world: &Arc<World>, steps: [usize; 2]) -> Result<Row> {
    let pid = world.running.pid();
    let mut seen = vec![resident(pid)?];
    let mut open = Vec::new();
    for step in steps {
        while open.len() < step {
            let ticket = &world.tickets[0];
            open.push(world.broker.connect(&ticket.user, &ticket.secret).await?);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        seen.push(resident(pid)?);
    }
    let each = (seen[2] - seen[1]) / (steps[1] - steps[0]) as f64;
    let what = format!("memory of an idle connection (server at 0, {}, {} connections)", steps[0], steps[1]);
    let ours = format!("{each:.1} KiB ({:.1}, {:.1}, {:.1} MiB)", seen[0] / 1024.0, seen[1] / 1024.0, seen[2] / 1024.0);
    drop(open);
    world.settle().await?;
    Ok(Row::alone(&what, ours, ""))
}

/// The resident memory of a process, in KiB (`VmRSS`, proc(5)).
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
