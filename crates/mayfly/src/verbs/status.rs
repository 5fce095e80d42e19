//! `status`: who the server is and how it is.

use super::{Context, facts};
use crate::failure::{Exit, Failure};
use mayfly_wire::paths;
use mayfly_wire::status::{Mode, Status};

/// Shows the server's state. [`Exit::Pending`] when it is not ready.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn run(context: &Context) -> Result<Exit, Failure> {
    let status: Status = context.client.get(paths::STATUS).await?;
    let way = context.client.way();
    if let (Some(person), None, Some(command)) = (way.person(), &status.person, way.sign_in_with()) {
        let text = format!("the sign-in of {person} at {way} has ended, was taken back, or is void by now");
        return Err(Failure::own(Exit::SignIn, text).hint(command));
    }
    context.output.one(&status, &status.installation, || text(&status))?;
    Ok(if status.ready { Exit::Done } else { Exit::Pending })
}

fn text(status: &Status) -> String {
    let ready = if status.ready { "yes".to_owned() } else { format!("NO: {}", status.unready.join("; ")) };
    let mode = match status.mode {
        Mode::Acting => "acting",
        Mode::Observing => {
            "OBSERVING: nothing is changed until `mayfly server activate` says which copy of the store lives on"
        }
    };
    let owed = match (status.cleanup_pending, status.cleanup_can_log_in) {
        (0, _) => "nothing".to_owned(),
        (changes, 0) => format!("{changes} changes, none of which can log in"),
        (changes, able) => format!("{changes} changes, {able} of which CAN STILL LOG IN: `mayfly cleanup ls`"),
    };
    let orphans = match status.orphans {
        0 => String::new(),
        found => format!("{found} accounts for which nothing in the ledger speaks: `mayfly orphans ls`"),
    };
    facts(&[
        ("version", &status.version),
        ("installation", &status.installation),
        ("run", &status.run),
        ("mode", mode),
        ("epoch", &status.epoch.to_string()),
        ("ready", &ready),
        ("sessions", &status.sessions.to_string()),
        ("owed", &owed),
        ("orphans", &orphans),
        ("locked down", &status.lockdowns.join(", ")),
        ("you are", &who(status)),
    ])
}

fn who(status: &Status) -> String {
    match (&status.person, &status.signed_in_until) {
        (Some(person), Some(until)) => format!("{person}, signed in until {until}"),
        _ if status.administrator => "an administrator".to_owned(),
        _ => "not an administrator".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_still_log_in_is_not_overlooked() {
        let mut status = Status {
            version: "0.1.0".to_owned(),
            installation: "ins_1".to_owned(),
            run: "run_1".to_owned(),
            mode: Mode::Acting,
            epoch: 1,
            draining: false,
            ready: false,
            unready: vec!["the disk is full".to_owned()],
            sessions: 2,
            cleanup_pending: 3,
            cleanup_can_log_in: 1,
            orphans: 0,
            lockdowns: Vec::new(),
            administrator: true,
            person: None,
            signed_in_until: None,
        };
        let shown = text(&status);
        assert!(shown.contains("ready         NO: the disk is full\n"), "{shown}");
        assert!(shown.contains("3 changes, 1 of which CAN STILL LOG IN"), "{shown}");
        status.cleanup_pending = 0;
        assert!(text(&status).contains("owed          nothing\n"));
    }
}
