//! `server drain`: nothing new is opened, and what is open is waited for.

use super::Context;
use crate::failure::{Exit, Failure};
use mayfly_wire::paths;
use mayfly_wire::status::{DrainAnswer, DrainRequest, Status};
use std::time::Duration;

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(500);

/// Begins, shows how many are left each time that changes, and ends when nobody is. Interrupting it leaves the server as it is.
///
/// # Errors
/// As the server's answer says, or when it is not drained any more.
pub(super) async fn begin(context: &Context, within_s: Option<u64>) -> Result<Exit, Failure> {
    let answer: DrainAnswer = context.client.post(paths::DRAIN, &DrainRequest { within_s }).await?;
    let until = answer.until.as_deref().map_or_else(String::new, |until| format!("; what is left at {until} is ended"));
    let mut left = answer.sessions;
    context.output.remark(&format!("nothing new is opened; {left} sessions are open{until}"));
    while left > 0 {
        tokio::time::sleep(PAUSE).await;
        let status: Status = context.client.get(paths::STATUS).await?;
        if !status.draining {
            return Err(Failure::own(Exit::Conflict, "the server opens sessions again: the drain was cancelled"));
        }
        if status.sessions != left {
            left = status.sessions;
            context.output.remark(&format!("{left} sessions are open"));
        }
    }
    let status: Status = context.client.get(paths::STATUS).await?;
    context.output.one(&status, "drained", || {
        let owed = match status.cleanup_pending {
            0 => String::new(),
            changes => format!("{changes} changes are still owed to their targets; the next run goes on with them\n"),
        };
        format!("nothing is open: the server can be stopped\n{owed}")
    })?;
    Ok(if status.cleanup_pending == 0 { Exit::Done } else { Exit::Pending })
}

/// Lets the server open sessions again.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn cancel(context: &Context) -> Result<Exit, Failure> {
    context.client.delete(paths::DRAIN).await?;
    let done = serde_json::json!({ "draining": false });
    context.output.one(&done, "", || "sessions are opened again\n".to_owned())?;
    Ok(Exit::Done)
}
