//! `cleanup`: what is still owed to a target, or was left there by policy.

use super::{Context, facts};
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::cleanup::{Manual, Owed};
use mayfly_wire::paths;

/// Lists it.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn ls(context: &Context) -> Result<Exit, Failure> {
    let owed: Vec<Owed> = context.client.all(paths::CLEANUP).await?;
    context.output.list(&owed, |change| change.id.clone(), table)?;
    if owed.is_empty() && context.output.format == Format::Table {
        context.output.remark("nothing is owed: every ended session is seen to be gone");
    }
    Ok(Exit::Done)
}

pub(super) fn table(owed: &[Owed]) -> Table {
    let mut table = Table::new(&["CHANGE", "KIND", "STATE", "CAN LOG IN", "ACCOUNT", "ENDPOINT", "TRIES", "FAILURE"]);
    for change in owed {
        let Owed { id, kind, state, account, endpoint, .. } = change;
        let tries = change.tries.to_string();
        let failure = change.failure.as_deref().or(change.failure_class.as_deref()).unwrap_or_default();
        table.row(&[id, kind, state, can_log_in(change), account, endpoint, &tries, failure]);
    }
    table
}

/// Whether the account can still log in. An unknown one is not taken for closed.
pub(super) fn can_log_in(change: &Owed) -> &'static str {
    match change.can_log_in {
        Some(true) => "YES",
        Some(false) => "no",
        None => "not known",
    }
}

/// Shows one change.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn show(context: &Context, id: &str) -> Result<Exit, Failure> {
    let change: Owed = context.client.get(&paths::with(paths::CLEANUP_ONE, id)).await?;
    context.output.one(&change, &change.id, || text(&change))?;
    Ok(Exit::Done)
}

/// Prints how one change is undone by hand, as it is: it is a script.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn manual(context: &Context, id: &str) -> Result<Exit, Failure> {
    let manual: Manual = context.client.get(&paths::with(paths::CLEANUP_MANUAL, id)).await?;
    context.output.one(&manual, &manual.id, || manual.script.clone())?;
    Ok(Exit::Done)
}

fn text(change: &Owed) -> String {
    let (held_by, tries) = (change.held_by.join(", "), change.tries.to_string());
    facts(&[
        ("change", &change.id),
        ("kind", &change.kind),
        ("state", &change.state),
        ("since", &change.since),
        ("can log in", can_log_in(change)),
        ("account", &change.account),
        ("group", change.group.as_deref().unwrap_or_default()),
        ("target", &change.target),
        ("endpoint", &change.endpoint),
        ("session", &change.session),
        ("held by", &held_by),
        ("tries", &tries),
        ("next try", change.next_try.as_deref().unwrap_or_default()),
        ("failure class", change.failure_class.as_deref().unwrap_or_default()),
        ("failure", change.failure.as_deref().unwrap_or_default()),
        ("who can help", change.who.as_deref().unwrap_or_default()),
    ])
}

/// Tries one change now.
///
/// # Errors
/// As the server's answer says; also when the change is still owed after it.
pub(super) async fn retry(context: &Context, id: &str) -> Result<Exit, Failure> {
    let path = paths::with(paths::CLEANUP_RETRY, id);
    let change: Owed = context.client.post_slow(&path, &(), "trying it at the target").await?;
    // What is still withdrawing is still owed; every other state is an end.
    if change.state == "withdrawing" {
        let why = change.failure.as_deref().or(change.failure_class.as_deref());
        let detail = format!("{id} was tried and is still owed: {}", why.unwrap_or("the target did not confirm it"));
        return Err(Failure::own(Exit::Target, detail).hint(format!("mayfly cleanup show {id}")));
    }
    context
        .output
        .one(&change, &change.id, || format!("{} is {}\n", escape::line(&change.id), escape::line(&change.state)))?;
    Ok(Exit::Done)
}
