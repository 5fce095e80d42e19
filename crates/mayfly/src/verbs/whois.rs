//! `whois`: whose an account is or was.

use super::sessions::over;
use super::{Context, facts};
use crate::client::with_parameters;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_wire::sessions::Session;
use mayfly_wire::{Page, paths};

/// Says who had an account, when, and for what: the newest session of it, or the one at the time asked for.
///
/// # Errors
/// [`Exit::NotFound`] when no session had it then, and whatever the server says.
pub(super) async fn run(context: &Context, account: &str, at: Option<&str>) -> Result<Exit, Failure> {
    let parameters = [("over", Some("true")), ("account", Some(account)), ("from", at), ("until", at)];
    let asked = format!("{}limit=1", with_parameters(paths::SESSIONS, &parameters));
    let page: Page<Session> = context.client.get(&asked).await?;
    let Some(session) = page.items.into_iter().next() else {
        let when = at.map(|at| format!(" at {}", escape::line(at))).unwrap_or_default();
        let detail = format!("no session had the account {}{when}", escape::line(account));
        return Err(Failure::own(Exit::NotFound, detail).hint("mayfly sessions ls --all"));
    };
    context.output.one(&session, &session.person, || text(&session))?;
    Ok(Exit::Done)
}

fn text(session: &Session) -> String {
    let state = match &session.end_reason {
        Some(reason) => format!("{} ({reason})", session.state),
        None => session.state.clone(),
    };
    facts(&[
        ("account", &session.account),
        ("person", &session.person),
        ("record", &session.record),
        ("session", &session.id),
        ("state", &state),
        ("opened", &session.opened_at),
        (if session.state == "ended" { "over" } else { "over by" }, over(session)),
        ("target", &session.target),
    ]) + &format!("\neverything of it: mayfly sessions explain {}\n", escape::line(&session.id))
}
