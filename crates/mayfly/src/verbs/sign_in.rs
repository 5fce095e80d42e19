//! Signing a person in for a connect secret.

use super::Context;
use crate::args::Person;
use crate::ask;
use crate::failure::Failure;
use mayfly_wire::connect::{ConnectAnswer, ConnectRequest};
use mayfly_wire::paths;

/// Gets a connect secret for `record`, after asking for the person's password.
///
/// # Errors
/// When nobody is named or asked, and whatever the server refuses.
pub(super) async fn connect_secret(
    context: &Context,
    person: &Person,
    record: &str,
    valid_s: Option<u64>,
) -> Result<ConnectAnswer, Failure> {
    let name = match &person.person {
        Some(name) => name.clone(),
        None => std::env::var("USER")
            .ok()
            .filter(|user| user != "root")
            .ok_or_else(|| Failure::usage("who are you? name yourself with --person NAME or MAYFLY_PERSON"))?,
    };
    let prompt = format!("password of {name} for {record}");
    let password = ask::secret(&prompt, person.password_file.as_deref(), "--password-file", context.no_input)?;
    let request = ConnectRequest { person: name, password: password.to_string(), record: record.to_owned(), valid_s };
    context.client.post(paths::CONNECT, &request).await
}
