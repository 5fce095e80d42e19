//! `lockdown`: nothing is opened any more, and what is open is cut.

use super::Context;
use crate::args::{Lockdown as Options, LockdownVerb};
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::lockdowns::{Lockdown, LockdownAnswer, LockdownRequest};
use mayfly_wire::paths;

/// Starts a lockdown, lists those that hold, or lifts one.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, options: Options) -> Result<Exit, Failure> {
    match options.verb {
        Some(LockdownVerb::Ls) => ls(context).await,
        Some(LockdownVerb::Lift { lockdown }) => lift(context, &lockdown).await,
        None => {
            let whom = match (options.user, options.record) {
                (Some(name), _) => format!("person:{name}"),
                (None, Some(name)) => format!("record:{name}"),
                (None, None) => "all".to_owned(),
            };
            start(context, whom, options.reason.unwrap_or_default()).await
        }
    }
}

/// [`Exit::Pending`] when it could not be written down, and holds only as long as the server runs.
async fn start(context: &Context, lockdown: String, reason: String) -> Result<Exit, Failure> {
    let answer: LockdownAnswer = context.client.post(paths::LOCKDOWNS, &LockdownRequest { lockdown, reason }).await?;
    let name = &answer.lockdown.lockdown;
    context.output.one(&answer, name, || {
        let recorded = if answer.recorded { "" } else { NOT_RECORDED };
        format!(
            "locked down: {name}; sessions being ended: {}\n{recorded}lift it with: mayfly lockdown lift {name}\n",
            answer.ended
        )
    })?;
    Ok(if answer.recorded { Exit::Done } else { Exit::Pending })
}

/// What is said where the store does not answer.
pub(super) const NOT_RECORDED: &str =
    "NOT WRITTEN DOWN: it holds only as long as this server runs; mend the store and do it again\n";

async fn ls(context: &Context) -> Result<Exit, Failure> {
    let held: Vec<Lockdown> = context.client.all(paths::LOCKDOWNS).await?;
    context.output.list(&held, |held| held.lockdown.clone(), table)?;
    if held.is_empty() && context.output.format == Format::Table {
        context.output.remark("nothing is locked down");
    }
    Ok(Exit::Done)
}

fn table(held: &[Lockdown]) -> Table {
    let mut table = Table::new(&["LOCKDOWN", "SINCE", "BY", "REASON"]);
    for Lockdown { lockdown, reason, by, since } in held {
        table.row(&[lockdown, since, by, reason]);
    }
    table
}

async fn lift(context: &Context, lockdown: &str) -> Result<Exit, Failure> {
    context.client.delete(&paths::with(paths::LOCKDOWN, lockdown)).await?;
    let done = serde_json::json!({ "lockdown": lockdown, "lifted": true });
    context.output.one(&done, lockdown, || format!("{} is lifted\n", escape::line(lockdown)))?;
    Ok(Exit::Done)
}
