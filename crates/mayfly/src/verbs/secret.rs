//! `secret set`: the secret of a user record.

use super::Context;
use crate::ask;
use crate::failure::{Exit, Failure};
use mayfly_wire::objects::SecretRequest;
use mayfly_wire::paths;
use std::path::Path;

/// Sets the secret of the user record `name`.
///
/// # Errors
/// When no secret is given, and as the server's answer says.
pub(super) async fn set(context: &Context, name: &str, file: Option<&Path>) -> Result<Exit, Failure> {
    let secret = ask::secret(&format!("secret of {name}"), file, "--secret-file", context.no_input)?;
    let request = SecretRequest { secret: secret.to_string() };
    context.client.put(&paths::with(paths::SECRET, name), &request).await?;
    let done = serde_json::json!({ "name": name, "has_secret": true });
    context.output.one(&done, name, || format!("the secret of {name} is set\n"))?;
    Ok(Exit::Done)
}
