//! A log-in over SSH as a session of ours, with one command that only reads.

use super::pool::Pool;
use crate::visit::{Visit, VisitRequest};
use async_trait::async_trait;
use mayfly_dial::DialError;
use mayfly_dial::ssh::{SshConnection, SshKey, SshLogin};
use mayfly_domain::{Failure, FailureClass, Permit};
use std::time::Duration;

/// From the first packet to the end of the log-in, and what a command may take.
const LIMIT: Duration = Duration::from_secs(20);
/// What the command may answer, in bytes: the account's own start-up files run before it.
const ANSWER_MOST: usize = 16 * 1024;
/// Who one is and the groups one is in, as separate lines at the end; whatever the account's shell is, it only has to run this.
const QUESTION: &str = "exec /bin/sh -c 'id -un; id -Gn'";

/// Somebody who is logged in.
struct Visitor {
    ssh: SshConnection,
    elevate: Option<String>,
}

/// Logs in.
///
/// # Errors
/// A [`Failure`] that says how far it came and what to do.
pub(super) async fn log_in(pool: &Pool, request: &VisitRequest<'_>) -> Result<Box<dyn Visit>, Failure> {
    let secret = &request.credential.secret;
    let login = match (request.made, request.certificate) {
        (true, Some(certificate)) => SshLogin::Certificate(SshKey::of_session(secret), certificate.clone()),
        (true, None) => SshLogin::Key(SshKey::of_session(secret)),
        (false, _) => SshLogin::of_secret(secret)?,
    };
    let (permit, user) = (Permit::Open(request.permit), &request.credential.login);
    let dialled = pool.services().dialer.ssh(permit, request.destination, user, &login, LIMIT).await;
    let ssh = dialled.map_err(|error| refused(&error, request))?;
    Ok(Box::new(Visitor { ssh, elevate: request.elevate.map(str::to_owned) }))
}

fn refused(error: &DialError, request: &VisitRequest<'_>) -> Failure {
    let DialError::LoginRefused { endpoint, user } = error else {
        return Failure::new(error.class(), error.person_text());
    };
    let record = request.permit.record();
    let what = match (request.made, request.certificate) {
        (true, Some(_)) => {
            "the certificate of this session, though its settings trust the record's authority: sshd has to be told to \
                            read them again"
        }
        (true, None) => {
            "the key that was placed there for it: sshd's AuthorizedKeysFile, AllowUsers or AllowGroups leave it out"
        }
        (false, _) => "the launch credential of the record",
    };
    Failure::new(
        FailureClass::Conflict,
        format!("{endpoint} refuses {user} with {what} (mayfly record check {record})"),
    )
}

#[async_trait]
impl Visit for Visitor {
    fn native(&self) -> Option<String> {
        None
    }

    async fn look_around(&mut self) -> Result<String, Failure> {
        let ran = self.ssh.run(QUESTION, b"", ANSWER_MOST, LIMIT).await;
        let failed = |text: String| Failure::new(FailureClass::Conflict, text);
        let ran = ran.map_err(|error| failed(format!("a command was not run as the account: {error}")))?;
        let answer = String::from_utf8_lossy(&ran.stdout);
        let mut lines = answer.lines().rev();
        let (groups, user) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let plain = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        if ran.status != Some(0) || !plain(user) || !plain(groups) {
            return Err(failed("the account's shell did not run `id`: set another `shell` in the record".to_owned()));
        }
        match &self.elevate {
            None => Ok(format!("{user:?} runs a command")),
            Some(group) if groups.split(' ').any(|one| one == group) => {
                Ok(format!("{user:?} runs a command as a member of {group:?}"))
            }
            Some(group) => Err(failed(format!(
                "{user:?} runs a command but is not in the group {group:?}: the host has not read its groups anew (nscd, sssd)"
            ))),
        }
    }
}
