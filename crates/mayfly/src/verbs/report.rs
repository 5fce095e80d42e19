//! `report`: who may open what and who did.

use super::Context;
use crate::args::{Report, ReportAccess};
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::paths;
use mayfly_wire::reports::AccessRow;

/// Runs a verb of `report`.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, verb: Report) -> Result<Exit, Failure> {
    match verb {
        Report::Access(options) => access(context, &options).await,
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
