//! `sessions`: the list of them, and ending one.

use super::Context;
use super::cleanup::can_log_in;
use crate::args::SessionsLs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::paths;
use mayfly_wire::sessions::{EndAnswer, EndRequest, Session};
use std::fmt::Write as _;

/// Lists sessions.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn ls(context: &Context, options: SessionsLs) -> Result<Exit, Failure> {
    let parameters = [
        ("over", options.all.then_some("true")),
        ("person", options.person.as_deref()),
        ("record", options.record.as_deref()),
        ("from", options.from.as_deref()),
        ("until", options.until.as_deref()),
    ];
    let sessions: Vec<Session> = context.client.all_of(paths::SESSIONS, &parameters).await?;
    context.output.list(&sessions, |session| session.id.clone(), table)?;
    if sessions.is_empty() && context.output.format == Format::Table {
        context.output.remark("no sessions");
    }
    Ok(Exit::Done)
}

fn table(sessions: &[Session]) -> Table {
    let mut table = Table::new(&["SESSION", "PERSON", "RECORD", "ACCOUNT", "STATE", "OPENED", "OVER"]);
    for session in sessions {
        let state = match &session.end_reason {
            Some(reason) => format!("{} ({reason})", session.state),
            None => session.state.clone(),
        };
        let Session { id, person, record, account, opened_at, .. } = session;
        table.row(&[id, person, record, account, &state, opened_at, over(session)]);
    }
    table
}

/// When a session was over, or when it has to be.
pub(super) fn over(session: &Session) -> &str {
    if session.state == "ended" { &session.since } else { &session.deadline }
}

/// Ends a session and waits until everything of it is seen to be gone, as long as the server does: some seconds.
///
/// # Errors
/// As the server's answer says; also when the session is over but its traces are not yet seen to be gone.
pub(super) async fn end(context: &Context, id: &str, reason: Option<String>) -> Result<Exit, Failure> {
    let path = paths::with(paths::SESSION_END, id);
    let doing = "ending the session and looking that everything of it is gone";
    let answer: EndAnswer = context.client.post_slow(&path, &EndRequest { reason }, doing).await?;
    if !answer.clean {
        return Err(Failure::own(Exit::Target, still_owed(id, &answer)).hint("mayfly cleanup ls"));
    }
    context.output.one(&answer, &answer.id, || format!("{id} is over; everything of it is seen to be gone\n"))?;
    Ok(Exit::Done)
}

/// What is said of a session that is over and has left something, a line for each.
fn still_owed(id: &str, answer: &EndAnswer) -> String {
    let mut text = format!(
        "{id} is over and its connections are cut, but not everything of it is seen to be gone from the target yet: that is \
         tried again until it is"
    );
    for change in &answer.owed {
        let _ = write!(
            text,
            "\n{} {} at {}: can still log in: {}",
            change.kind,
            change.account,
            change.endpoint,
            can_log_in(change)
        );
    }
    text
}
