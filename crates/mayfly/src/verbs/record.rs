//! `record check`: what was looked at on a target, and the statements that set it right. `record pin`: which server it is.
//! `record install-helpers`: what limits us there.

use super::Context;
use crate::ask;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use mayfly_wire::paths;
use mayfly_wire::records::{
    CheckAnswer, CheckRequest, Finding, HelpersAnswer, HelpersRequest, Level, PinAnswer, PinRequest,
};
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

/// Prints the script that installs the helper of a record's target, and nothing else, so that it can be piped there.
///
/// # Errors
/// When the server cannot make it, and whatever else it says.
pub(super) async fn install_helpers(context: &Context, name: &str, from: Option<IpAddr>) -> Result<Exit, Failure> {
    let path = paths::with(paths::RECORD_HELPERS, name);
    let request = HelpersRequest { from: from.map(|address| address.to_string()) };
    let answer: HelpersAnswer = context.client.post_slow(&path, &request, "asking the target").await?;
    // A shell gets it as it is; a terminal, which could obey it, gets no control characters.
    let text = || answer.script.lines().map(|line| escape::line(line) + "\n").collect::<String>();
    context
        .output
        .one(&answer, &answer.record, || if context.output.terminal { text() } else { answer.script.clone() })?;
    Ok(Exit::Done)
}

/// Shows who answers at a record's address and, once that is confirmed, pins it.
///
/// # Errors
/// When the target cannot be asked, when nobody can be asked, and whatever else the server says.
pub(super) async fn pin(context: &Context, name: &str, identity: Option<String>) -> Result<Exit, Failure> {
    let path = paths::with(paths::RECORD_PIN, name);
    let post = |identity| async {
        context.client.post_slow::<_, PinAnswer>(&path, &PinRequest { identity }, "asking the target").await
    };
    let answer = if identity.is_some() { post(identity).await? } else { confirmed(context, post).await? };
    context.output.one(&answer, &answer.record, || {
        let (endpoint, identity) = (escape::line(&answer.endpoint), escape::line(&answer.identity));
        let mut text = format!("sessions of {endpoint} are opened on {identity} and on no other server\n");
        if is_host_key(&identity) {
            // What is applied is the whole object: a field that is absent there means its default.
            text.push_str(&format!(
                "write it into the record's file too, or the next apply takes it out: host_key: {{pin: \"{identity}\"}}\n"
            ));
        }
        text
    })?;
    Ok(Exit::Done)
}

/// Whether an identity is the fingerprint of a host key, as that of a machine is.
fn is_host_key(identity: &str) -> bool {
    identity.starts_with("SHA256:")
}

/// Asks the target, and then the person where another server is known or none.
async fn confirmed<F: Future<Output = Result<PinAnswer, Failure>>>(
    context: &Context,
    post: impl Fn(Option<String>) -> F,
) -> Result<PinAnswer, Failure> {
    let seen = post(None).await?;
    let was = match &seen.pinned {
        // The same host key may be shown by a machine that was set up anew, which only its administrator can tell.
        Some(pinned) if *pinned == seen.identity && is_host_key(pinned) => "it is pinned already".to_owned(),
        Some(pinned) if *pinned == seen.identity => return Ok(seen),
        Some(pinned) => format!("until now {} was there", escape::line(pinned)),
        None => "nothing was ever opened there".to_owned(),
    };
    let (endpoint, identity) = (escape::line(&seen.endpoint), escape::line(&seen.identity));
    let question = format!("{endpoint} answers as {identity}; {was}. Open sessions on {identity} from now on?");
    ask::yes(&question, "--identity IDENTITY", context.no_input)?;
    post(Some(seen.identity)).await
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
        Level::Excess => output.paint(31, "✗ in excess:"),
        Level::NotTried => output.paint(33, "! not tried:"),
    };
    let mut text = format!("{mark} {}\n", escape::line(&finding.what));
    for line in finding.fix.iter().flat_map(|fix| fix.lines()) {
        text.push_str(&format!("      {}\n", escape::line(line)));
    }
    text
}
