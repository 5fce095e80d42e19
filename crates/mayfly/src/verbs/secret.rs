//! `secret set`: the secret of a user record. `secret rebind`: where it may be sent from now on.

use super::Context;
use crate::ask;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_wire::objects::{RebindAnswer, RebindRequest, SecretRequest};
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

/// Binds the stored secret of the user record `name` to where its record leads now, once that is confirmed.
///
/// # Errors
/// When nobody can be asked, and as the server's answer says.
pub(super) async fn rebind(context: &Context, name: &str, to: Option<String>) -> Result<Exit, Failure> {
    let path = paths::with(paths::SECRET_REBIND, name);
    let post = |to| async { context.client.post::<_, RebindAnswer>(&path, &RebindRequest { to }).await };
    let mut answer = post(to).await?;
    if !answer.bound {
        let (was, now) = (escape::line(&answer.was), escape::line(&answer.now));
        let question = format!("the secret of {name} was set for {was}. Send it for {now} from now on?");
        ask::yes(&question, "--to DESTINATION", context.no_input)?;
        answer = post(Some(answer.now)).await?;
    }
    let text = || format!("the secret of {name} is sent for {} and for nothing else\n", escape::line(&answer.now));
    context.output.one(&answer, name, text)?;
    Ok(Exit::Done)
}
