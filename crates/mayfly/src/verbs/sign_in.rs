//! Signing a person in for a connect secret.

use super::Context;
use crate::args::Person;
use crate::ask;
use crate::complete;
use crate::failure::{Exit, Failure};
use mayfly_wire::connect::{ConnectAnswer, ConnectRequest};
use mayfly_wire::paths;
use zeroize::Zeroizing;

/// The name of the person: as they say, or else who has signed in, or else that of their account here.
///
/// # Errors
/// When nothing says it.
pub(super) fn who(context: &Context, person: &Person) -> Result<String, Failure> {
    let signed_in = || context.client.way().person().map(str::to_owned);
    let own = || std::env::var("USER").ok().filter(|user| user != "root");
    let asked = || Failure::usage("who are you? name yourself with --person NAME or MAYFLY_PERSON");
    person.person.clone().or_else(signed_in).or_else(own).ok_or_else(asked)
}

/// Whether the person is whoever has signed in, who is not asked for a password.
pub(super) fn has_signed_in(context: &Context, person: &Person) -> bool {
    let named = person.person.as_deref();
    person.password_file.is_none()
        && context.client.way().person().is_some_and(|signed_in| named.is_none_or(|named| named == signed_in))
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
    let name = who(context, person)?;
    let what = record.map_or_else(String::new, |record| format!(" for {record}"));
    let prompt = format!("password of {name}{what}");
    if context.no_input
        && person.password_file.is_none()
        && let Some(command) = context.client.way().sign_in_with()
    {
        let text = format!("nobody has signed in at {}, and --no-input forbids asking", context.client.way());
        return Err(Failure::own(Exit::SignIn, text).hint(command));
    }
    let password = ask::secret(&prompt, person.password_file.as_deref(), "--password-file", context.no_input)?;
    Ok((name, password))
}

/// Gets a connect secret for `record`, after asking for the person's password unless they have signed in.
///
/// # Errors
/// When nobody is named or asked, and whatever the server refuses.
pub(super) async fn connect_secret(
    context: &Context,
    person: &Person,
    record: &str,
    valid_s: Option<u64>,
) -> Result<ConnectAnswer, Failure> {
    let record = record.to_owned();
    let request = if has_signed_in(context, person) {
        ConnectRequest { person: None, password: None, record, valid_s }
    } else {
        let (name, password) = who_and_password(context, person, Some(&record))?;
        ConnectRequest { person: Some(name), password: Some(password.to_string()), record, valid_s }
    };
    let answer: ConnectAnswer = context.client.post(paths::CONNECT, &request).await?;
    complete::remember(&context.client, &answer.protocol, &request.record);
    Ok(answer)
}
