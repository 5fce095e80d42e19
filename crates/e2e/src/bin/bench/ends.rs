//! How fast access ends, one session at a time.

use crate::api;
use crate::figures::{Row, millis};
use crate::raw::Raw;
use crate::world::{LOOKS, World};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Instant;

/// For each end: until the client's last byte, and until the account was seen to be gone, in milliseconds.
#[derive(Default)]
struct Ends {
    cut: Vec<f64>,
    absent: Vec<f64>,
}

/// From the request to end a session to the client's end of stream, and to the account seen to be gone.
pub(crate) async fn rows(world: &World, times: usize) -> Result<Vec<Row>> {
    let raw = raw(world, times).await?;
    let ours = ours(world, times).await?;
    Ok(vec![
        Row::latencies("end of a session: to the client's last byte", &raw.cut, &ours.cut, ""),
        Row::latencies("end of a session: to verified absent on the target", &raw.absent, &ours.absent, "within 1 s"),
    ])
}

async fn ours(world: &World, times: usize) -> Result<Ends> {
    let mut ends = Ends::default();
    let mut accounts = world.watch_accounts(LOOKS).await?;
    for time in 0..times {
        let ticket = &world.tickets[time % world.tickets.len()];
        let (client, task) = world.broker.connect(&ticket.user, &ticket.secret).await?;
        let account: String = client.query_one("select current_user::text", &[]).await?.get(0);
        let id = world.sessions()?.into_iter().find(|(_, of)| *of == account).context("no such session")?.0;
        let start = Instant::now();
        let ending = tokio::spawn(end(world.installation.socket(), id));
        task.await?;
        ends.cut.push(millis(start.elapsed()));
        accounts.mark_unchanged();
        accounts.changed().await?;
        accounts.wait_for(|seen| !seen.contains(&account)).await?;
        ends.absent.push(millis(start.elapsed()));
        ending.await??;
        drop(client);
    }
    Ok(ends)
}

async fn raw(world: &World, times: usize) -> Result<Ends> {
    let mut ends = Ends::default();
    let raw = Raw::open(world).await?;
    let mut accounts = world.watch_accounts(LOOKS).await?;
    for _ in 0..times {
        let account = raw.make().await?;
        let (client, task) = account.connect(&world.target).await?;
        let start = Instant::now();
        let cut = async {
            task.await?;
            anyhow::Ok(millis(start.elapsed()))
        };
        let (cut, removed) = tokio::join!(cut, raw.remove(&account));
        removed?;
        ends.cut.push(cut?);
        accounts.wait_for(|seen| !seen.contains(&account.name)).await?;
        ends.absent.push(millis(start.elapsed()));
        drop(client);
    }
    Ok(ends)
}

/// Ends a session as `mayfly sessions end` does.
async fn end(socket: PathBuf, id: String) -> Result<()> {
    api::post(&socket, &format!("/v1/sessions/{id}/end"), r#"{"reason":"the benchmark"}"#).await?;
    Ok(())
}
