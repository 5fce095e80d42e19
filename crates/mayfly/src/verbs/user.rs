//! `user`: people who sign in, switched off and on; and the hash of a sign-in password, for which the server is not asked.

use super::Context;
use super::lockdown::NOT_RECORDED;
use crate::ask;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_server::cli::{OsEntropy, PasswordHash, Secret};
use mayfly_wire::paths;
use mayfly_wire::people::{SwitchAnswer, SwitchRequest};

/// Asks for a password and prints its hash, for the `password_hash` of a Person.
///
/// # Errors
/// When nothing usable was typed.
pub(super) fn passwd(context: &Context) -> Result<Exit, Failure> {
    let password = ask::new_password(context.no_input)?;
    let hash = PasswordHash::make(&Secret::new(password.to_string()), &mut OsEntropy)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let text = hash.as_str().to_owned();
    context.output.one(&serde_json::json!({ "password_hash": text }), &text, || format!("{text}\n"))?;
    Ok(Exit::Done)
}

/// Switches a person off or on, as `path` says. [`Exit::Pending`] when it could not be written down.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn switch(context: &Context, path: &str, name: &str, reason: Option<String>) -> Result<Exit, Failure> {
    let answer: SwitchAnswer = context.client.post(&paths::with(path, name), &SwitchRequest { reason }).await?;
    context.output.one(&answer, name, || {
        let name = escape::line(name);
        if !answer.disabled {
            return format!("{name} is switched on\n");
        }
        let recorded = if answer.recorded { "" } else { NOT_RECORDED };
        format!("{name} is switched off; sessions being ended: {}\n{recorded}", answer.ended)
    })?;
    Ok(if answer.recorded { Exit::Done } else { Exit::Pending })
}
