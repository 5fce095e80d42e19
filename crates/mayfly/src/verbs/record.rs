//! `record check`: what was looked at on a target, and the statements that set it right.

use super::Context;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use mayfly_wire::paths;
use mayfly_wire::records::{CheckAnswer, CheckRequest, Finding, Level};
use std::net::IpAddr;

/// Checks a record. [`Exit::Pending`] when something is missing or in excess: the findings are the result, and are printed.
///
/// # Errors
/// When the target cannot be asked at all, and whatever else the server says.
pub(super) async fn check(context: &Context, name: &str, from: Option<IpAddr>) -> Result<Exit, Failure> {
    let path = paths::with(paths::RECORD_CHECK, name);
    let request = CheckRequest { second_address: from.map(|address| address.to_string()) };
    let answer: CheckAnswer = context.client.post_slow(&path, &request, "asking the target").await?;
    context.output.one(&answer, &answer.record, || text(&context.output, &answer))?;
    let wanting = answer.findings.iter().any(|finding| matches!(finding.level, Level::Missing | Level::Excess));
    Ok(if wanting { Exit::Pending } else { Exit::Done })
}

fn text(output: &Output, answer: &CheckAnswer) -> String {
    let mut text = String::new();
    for finding in &answer.findings {
        text.push_str(&lines(output, finding));
    }
    let count = |level| answer.findings.iter().filter(|finding| finding.level == level).count();
    text.push_str(&format!("\nif Mayfly is destroyed now: {}\n", escape::line(&answer.if_destroyed)));
    text.push_str(&format!(
        "{}: {} as it should be, {} missing, {} in excess, {} not tried\n",
        escape::line(&answer.record),
        count(Level::Ok),
        count(Level::Missing),
        count(Level::Excess),
        count(Level::NotTried)
    ));
    text
}

/// One finding, with its statements below it as they can be copied.
fn lines(output: &Output, finding: &Finding) -> String {
    let mark = match finding.level {
        Level::Ok => output.paint(32, "✓"),
        Level::Missing => output.paint(31, "✗ missing:"),
        Level::Excess => output.paint(33, "! in excess:"),
        Level::NotTried => output.paint(33, "! not tried:"),
    };
    let mut text = format!("{mark} {}\n", escape::line(&finding.what));
    for line in finding.fix.iter().flat_map(|fix| fix.lines()) {
        text.push_str(&format!("      {}\n", escape::line(line)));
    }
    text
}
