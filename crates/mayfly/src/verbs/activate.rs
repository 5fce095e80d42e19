//! `server activate`: makes the copy of the store that a server observes the one that acts.

use super::Context;
use crate::failure::{Exit, Failure};
use mayfly_wire::paths;
use mayfly_wire::status::{ActivateAnswer, ActivateRequest, Mode, Status};
use std::time::Duration;

/// How often the server is looked at while it takes itself up anew; it reads its whole trail for that.
const LOOKS_MOST: u32 = 1200;
/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// What the store cannot know, because it is a copy of an earlier moment.
const LOST: &str = "Void from now on: connect secrets and tokens that were issued before. Not known to this copy is what was done since \
it was made:\n  people switched off, lockdowns, objects applied and secrets set: do these again (compare `mayfly plan`);\n  \
accounts made: they end by the deadline that their target holds, and carry our mark;\n  \
memberships given to existing accounts: they carry no mark; look for them with the trail of the other copy.\n";

/// Activates, and waits until the server acts.
///
/// # Errors
/// As the server's answer says, or when it does not come back.
pub(super) async fn run(context: &Context, reason: String) -> Result<Exit, Failure> {
    let answer: ActivateAnswer = context.client.post(paths::ACTIVATE, &ActivateRequest { reason }).await?;
    acts(context, answer.epoch).await?;
    context.output.one(&answer, &answer.epoch.to_string(), || {
        format!("this copy of the store acts: epoch {} has begun\n\n{LOST}", answer.epoch)
    })?;
    Ok(Exit::Done)
}

async fn acts(context: &Context, epoch: u64) -> Result<(), Failure> {
    let mut last = String::new();
    for _ in 0..LOOKS_MOST {
        last = match context.client.get::<Status>(paths::STATUS).await {
            Ok(status) if status.mode == Mode::Acting => return Ok(()),
            Ok(status) => format!("it still observes: {}", status.unready.join("; ")),
            Err(failure) => failure.detail().to_owned(),
        };
        tokio::time::sleep(PAUSE).await;
    }
    let text = format!("epoch {epoch} has begun, and the server does not act yet: {last}");
    Err(Failure::unexpected(text).hint("mayfly status"))
}
