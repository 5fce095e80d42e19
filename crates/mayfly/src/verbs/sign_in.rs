//! Signing a person in for a connect secret.

use super::Context;
use crate::args::Person;
use crate::ask;
use crate::complete;
use crate::failure::Failure;
use mayfly_wire::connect::{ConnectAnswer, ConnectRequest};
use mayfly_wire::paths;
use zeroize::Zeroizing;

/// The name of the person: as they say, or else that of their account here.
///
/// # Errors
/// When neither says it.
pub(super) fn who(person: &Person) -> Result<String, Failure> {
    let own = || std::env::var("USER").ok().filter(|user| user != "root");
    let asked = || Failure::usage("who are you? name yourself with --person NAME or MAYFLY_PERSON");
    person.person.clone().or_else(own).ok_or_else(asked)
}

/// The name of the person and the sign-in password, which is asked for where no file has it.
///
/// # Errors
/// When nobody is named or asked.
pub(super) fn who_and_password(
    context: &Context,
    person: &Person,
    record: Option<&str>,
) -> Result<(String, Zeroizing<String>), Failure> {
    let name = who(person)?;
    let what = record.map_or_else(String::new, |record| format!(" for {record}"));
    let prompt = format!("password of {name}{what}");
    let password = ask::secret(&prompt, person.password_file.as_deref(), "--password-file", context.no_input)?;
    Ok((name, password))
}

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
    let (name, password) = who_and_password(context, person, Some(record))?;
    let request = ConnectRequest { person: name, password: password.to_string(), record: record.to_owned(), valid_s };
    let answer: ConnectAnswer = context.client.post(paths::CONNECT, &request).await?;
    complete::remember(&context.client, &answer.protocol, record);
    Ok(answer)
}
