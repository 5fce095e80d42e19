//! `report`: who may open what and who did, and who holds on targets what sessions are given for a time.

use super::Context;
use crate::args::{Kind, Report, ReportAccess};
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::objects::Listed;
use mayfly_wire::paths;
use mayfly_wire::reports::{AccessRow, StandingAnswer};
use serde::Serialize;

/// Runs a verb of `report`.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, verb: Report) -> Result<Exit, Failure> {
    match verb {
        Report::Access(options) => access(context, &options).await,
        Report::Standing { record } => standing(context, record).await,
    }
}

async fn access(context: &Context, options: &ReportAccess) -> Result<Exit, Failure> {
    let parameters = [
        ("person", options.person.as_deref()),
        ("record", options.record.as_deref()),
        ("from", options.from.as_deref()),
        ("until", options.until.as_deref()),
    ];
    let rows: Vec<AccessRow> = context.client.all_of(paths::REPORT_ACCESS, &parameters).await?;
    context.output.list(&rows, |row| format!("{}~{}", row.person, row.record), access_table)?;
    if rows.is_empty() && context.output.format == Format::Table {
        context.output.remark("nobody may open anything, and nobody did");
    }
    Ok(Exit::Done)
}

fn access_table(rows: &[AccessRow]) -> Table {
    let head =
        ["PERSON", "RECORD", "OPENS", "ACCOUNT", "IN", "MINUTES", "SESSIONS", "FIRST", "LAST", "SECONDS", "WHY NOT"];
    let mut table = Table::new(&head);
    for row in rows {
        let opens = if row.opens { "yes" } else { "NO" };
        let account = row.account.as_deref().unwrap_or(if row.ephemeral { "(made)" } else { "" });
        let why_not = row.why_not.as_deref().unwrap_or(if row.granted { "" } else { "not granted any more" });
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row(&[
            &row.person,
            &row.record,
            opens,
            account,
            &or_empty(&row.elevated_into),
            &row.longest_s.div_ceil(60).to_string(),
            &row.sessions.to_string(),
            &or_empty(&row.first),
            &or_empty(&row.last),
            &row.lasted_s.to_string(),
            why_not,
        ]);
    }
    table
}

/// What became of asking one target.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Looked {
    Answer(StandingAnswer),
    Failed { record: String, failure: String },
}

impl Looked {
    fn record(&self) -> &str {
        match self {
            Self::Answer(answer) => &answer.record,
            Self::Failed { record, .. } => record,
        }
    }
}

/// Asks each target in turn. One that cannot be asked is in the result, and does not keep the others from being asked.
async fn standing(context: &Context, record: Option<String>) -> Result<Exit, Failure> {
    let records = match record {
        Some(record) => vec![record],
        None => resources(context).await?,
    };
    let (mut looked, mut exit) = (Vec::new(), Exit::Done);
    for record in records {
        let path = paths::with(paths::RECORD_STANDING, &record);
        let doing = format!("asking the target of {record}");
        match context.client.post_slow::<_, StandingAnswer>(&path, &(), &doing).await {
            Ok(answer) => {
                if !answer.accounts.is_empty() && exit == Exit::Done {
                    exit = Exit::Pending;
                }
                looked.push(Looked::Answer(answer));
            }
            Err(failure) if failure.exit() == Exit::Target || failure.exit() == Exit::Conflict => {
                exit = Exit::Target;
                looked.push(Looked::Failed { record, failure: failure.detail().to_owned() });
            }
            Err(failure) => return Err(failure),
        }
    }
    context.output.list(&looked, |looked| looked.record().to_owned(), standing_table)?;
    if exit == Exit::Done && context.output.format == Format::Table {
        context.output.remark(if looked.is_empty() {
            "there are no databases and machines yet"
        } else {
            "nobody was found to hold for good what sessions are given for a time"
        });
    }
    Ok(exit)
}

/// The names of all databases and machines.
async fn resources(context: &Context) -> Result<Vec<String>, Failure> {
    let objects: Vec<Listed> = context.client.all(paths::OBJECTS).await?;
    let has_target = |object: &Listed| Kind::Database.is(&object.kind) || Kind::Machine.is(&object.kind);
    Ok(objects.into_iter().filter(has_target).map(|object| object.name).collect())
}

fn standing_table(looked: &[Looked]) -> Table {
    let mut table = Table::new(&["RECORD", "ACCOUNT", "HOLDS", "UNTIL", "NOTE"]);
    for looked in looked {
        let answer = match looked {
            Looked::Failed { record, failure } => {
                table.row(&[record, "", "", "", &format!("NOT LOOKED AT: {failure}")]);
                continue;
            }
            Looked::Answer(answer) => answer,
        };
        for account in &answer.accounts {
            let note = match &account.session {
                _ if account.administrative => "the administrative credential: mayfly record check".to_owned(),
                Some(session) => format!("lifted by {session}, which may have given some of it"),
                None if answer.lifts.as_ref() == Some(&account.account) => "sessions of the record use it".to_owned(),
                None => String::new(),
            };
            let until = account.deadline.as_deref().unwrap_or_default();
            table.row(&[&answer.record, &account.account, &account.rights.join(", "), until, &note]);
        }
        if answer.more {
            table.row(&[&answer.record, "", "", "", "there are more than are shown"]);
        }
    }
    table
}
