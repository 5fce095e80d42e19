//! `show`: what there is to know of a record, or what a person may do with it and why not. `access`: what a person may open.

use super::{Context, facts, sign_in};
use crate::args::{Kind, Person};
use crate::client::with_parameters;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::access::{Access, AccessAnswer, AccessRequest, Credential, RecordAnswer, SecretState};
use mayfly_wire::paths;

/// Shows a record: everything to an administrator, to everybody else what they may do with it.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn show(context: &Context, name: &str, person: &Person) -> Result<Exit, Failure> {
    let asks_as_person =
        person.person.is_some() || person.password_file.is_some() || context.client.way().person().is_some();
    if !asks_as_person {
        match context.client.get::<RecordAnswer>(&paths::with(paths::RECORD, name)).await {
            Ok(answer) => {
                context.output.one(&answer, &answer.record, || told(&answer))?;
                return Ok(Exit::Done);
            }
            Err(failure) if matches!(failure.exit(), Exit::NotPermitted | Exit::SignIn) => {}
            Err(failure) => return Err(failure),
        }
    }
    let answer = ask(context, person, Some(name)).await?;
    let access = answer.records.first().ok_or_else(|| Failure::unexpected("the server's answer is empty"))?;
    context.output.one(access, &access.record, || may(access))?;
    Ok(Exit::Done)
}

/// Lists what a person may open.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn ls(context: &Context, person: &Person) -> Result<Exit, Failure> {
    let answer = ask(context, person, None).await?;
    list(context, &answer.records)
}

/// Lists what somebody who has signed in may open, of this kind and with this text in its name.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn own(context: &Context, kind: Option<Kind>, query: Option<&str>) -> Result<Exit, Failure> {
    let mut answer = ask(context, &Person::default(), None).await?;
    let query = query.unwrap_or_default().to_lowercase();
    let fits = |access: &Access| kind.is_none_or(|kind| kind.is(&access.kind)) && access.record.contains(&query);
    answer.records.retain(fits);
    list(context, &answer.records)
}

fn list(context: &Context, records: &[Access]) -> Result<Exit, Failure> {
    context.output.list(records, |access| access.record.clone(), table)?;
    if records.is_empty() && context.output.format == Format::Table {
        context.output.remark("nothing of that is yours to open: ask an administrator");
    }
    Ok(Exit::Done)
}

async fn ask(context: &Context, person: &Person, record: Option<&str>) -> Result<AccessAnswer, Failure> {
    if sign_in::has_signed_in(context, person) {
        return context.client.get(&with_parameters(paths::ACCESS, &[("record", record)])).await;
    }
    let (person, password) = sign_in::who_and_password(context, person, record)?;
    let request = AccessRequest { person, password: password.to_string(), record: record.map(str::to_owned) };
    context.client.post(paths::ACCESS, &request).await
}

fn table(records: &[Access]) -> Table {
    let mut table = Table::new(&["RECORD", "KIND", "OPENS", "AS"]);
    for access in records {
        let why_not = access.why_not.as_deref().unwrap_or_default();
        let as_what = access.notes.first().map_or(why_not, String::as_str);
        table.row(&[&access.record, &access.kind, if access.allowed { "yes" } else { "NO" }, as_what]);
    }
    table
}

fn may(access: &Access) -> String {
    let record = escape::line(&access.record);
    let Some(why_not) = &access.why_not else {
        let verb = if access.kind == "Machine" { "ssh" } else { "db" };
        let mut text = format!("{record} opens for you: mayfly {verb} {record}\n");
        text.extend(access.notes.iter().map(|note| escape::line(note) + "\n"));
        return text;
    };
    format!("{record} does not open for you: {}\n", escape::line(why_not))
}

fn told(answer: &RecordAnswer) -> String {
    let labels: Vec<_> = answer.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut text = facts(&[
        ("record", &answer.record),
        ("kind", &answer.kind),
        ("labels", &labels.join(",")),
        ("host", &answer.host),
        ("port", &answer.port.to_string()),
        ("administrative port", &format!("{} (from the rotation settings)", answer.administrative_port)),
        ("administrative credential", &credential(&answer.administrative)),
        ("launch credential", &answer.launch.as_ref().map(credential).unwrap_or_default()),
    ]);
    text.push('\n');
    text.extend(answer.notes.iter().map(|note| escape::line(note) + "\n"));
    text.push('\n');
    if answer.people.is_empty() {
        text.push_str("nobody may open it: put it into the may_launch of a Person\n");
    }
    for person in &answer.people {
        let name = escape::line(&person.person);
        text.push_str(&match &person.why_not {
            None => format!("opens for {name}\n"),
            Some(why_not) => format!("does not open for {name}: {}\n", escape::line(why_not)),
        });
    }
    text
}

fn credential(credential: &Credential) -> String {
    let Credential { user, login, secret } = credential;
    match secret {
        SecretState::Set => format!("{user} ({login})"),
        SecretState::Missing => format!("{user} ({login}), NO SECRET: mayfly secret set {user}"),
        SecretState::BoundElsewhere => {
            format!("{user} ({login}), SECRET SET FOR ANOTHER DESTINATION: mayfly secret set {user}")
        }
    }
}
