//! `sessions explain`: everything of one session, for whoever has to know what happened and who can set it right.

use super::cleanup::can_log_in;
use super::sessions::over;
use super::{Context, audit, facts};
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_wire::cleanup::Owed;
use mayfly_wire::paths;
use mayfly_wire::sessions::Story;

/// Tells of a session. [`Exit::Pending`] when something of it is still owed to a target.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, id: &str) -> Result<Exit, Failure> {
    let story: Story = context.client.get(&paths::with(paths::SESSION, id)).await?;
    context.output.one(&story, &story.session.id, || text(&story))?;
    let owed = story.changes.iter().any(|change| change.state == "withdrawing");
    Ok(if owed { Exit::Pending } else { Exit::Done })
}

fn text(story: &Story) -> String {
    let session = &story.session;
    let mut text = facts(&[
        ("session", &session.id),
        ("person", &session.person),
        ("record", &session.record),
        ("account", &session.account),
        ("target", &session.target),
        ("state", &session.state),
        ("why", session.end_reason.as_deref().unwrap_or_default()),
        ("opened", &session.opened_at),
        (if session.state == "ended" { "over" } else { "over by" }, over(session)),
    ]);
    text.push_str("\nWhat it changed:\n");
    story.changes.iter().for_each(|change| text.push_str(&changed(change)));
    text.push_str("\nWhat happened:\n");
    story.entries.iter().for_each(|entry| text.push_str(&audit::line(entry)));
    if story.more {
        text.push_str("… and more: mayfly audit tail -n all\n");
    }
    text
}

/// One change on a line; below it what failed and who can set it right.
fn changed(change: &Owed) -> String {
    let group = change.group.as_ref().map(|group| format!(" in {group}")).unwrap_or_default();
    let able = if change.state == "withdrawing" || change.state == "kept" {
        format!(", can log in: {}", can_log_in(change))
    } else {
        String::new()
    };
    let line = format!("{} {}{group} at {}: {}{able}", change.kind, change.account, change.endpoint, change.state);
    let mut text = format!("  {}\n", escape::line(&line));
    for (what, said) in [("failed", &change.failure), ("who can help", &change.who), ("tried again", &change.next_try)]
    {
        if let Some(said) = said.as_ref().filter(|_| change.state == "withdrawing") {
            text.push_str(&format!("    {what}: {}\n", escape::line(said)));
        }
    }
    text
}
