//! `user`: the hash of a sign-in password. The server is not asked and never sees the password.

use super::Context;
use crate::ask;
use crate::failure::{Exit, Failure};
use mayfly_server::cli::{OsEntropy, PasswordHash, Secret};

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
