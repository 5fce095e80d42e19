//! `target`: what is owed to each target, and writing one off that no longer exists.

use super::{Context, facts};
use crate::args::Target as Options;
use crate::client::with_parameters;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::targets::{Target, WriteOffAnswer, WriteOffRequest};
use mayfly_wire::{Page, paths};

/// Lists targets, shows one, or writes one off.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, options: Options) -> Result<Exit, Failure> {
    match options {
        Options::Ls => ls(context).await,
        Options::Show { target } => show(context, &target).await,
        Options::WriteOff { target, reason } => write_off(context, target, reason).await,
    }
}

async fn ls(context: &Context) -> Result<Exit, Failure> {
    let targets: Vec<Target> = context.client.all(paths::TARGETS).await?;
    context.output.list(&targets, |target| target.target.clone(), table)?;
    if targets.is_empty() && context.output.format == Format::Table {
        context.output.remark("no target is known yet: a first session, or `mayfly record pin`, makes one known");
    }
    Ok(Exit::Done)
}

fn table(targets: &[Target]) -> Table {
    let mut table =
        Table::new(&["TARGET", "ENDPOINT", "RECORDS", "SESSIONS", "OWED", "CAN LOG IN", "KEPT", "WRITTEN OFF"]);
    for target in targets {
        let count = |number: u64| number.to_string();
        table.row(&[
            &target.target,
            &target.endpoints.join(", "),
            &target.records.join(", "),
            &count(target.sessions),
            &count(target.withdrawing),
            &count(target.can_log_in),
            &count(target.kept),
            &count(target.written_off),
        ]);
    }
    table
}

async fn show(context: &Context, wanted: &str) -> Result<Exit, Failure> {
    let path = with_parameters(paths::TARGETS, &[("target", Some(wanted))]);
    let page: Page<Target> = context.client.get(&path).await?;
    let text = || page.items.iter().map(text).collect::<Vec<_>>().join("\n");
    match page.items.as_slice() {
        [one] => context.output.one(one, &one.target, text)?,
        several => context.output.one(&several, wanted, text)?,
    }
    Ok(Exit::Done)
}

fn text(target: &Target) -> String {
    let count = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    let mut text = facts(&[
        ("target", &target.target),
        ("endpoints", &target.endpoints.join(", ")),
        ("records", &target.records.join(", ")),
        ("sessions", &count(target.sessions)),
        ("owed", &target.withdrawing.to_string()),
        ("can log in", &count(target.can_log_in)),
        ("kept", &count(target.kept)),
        ("written off", &count(target.written_off)),
    ]);
    for write_off in &target.write_offs {
        let back = match &write_off.returned {
            Some(at) => format!("; it answered again {}", escape::line(at)),
            None => String::new(),
        };
        text.push_str(&format!(
            "written off {} by {}: {}{back}\n",
            escape::line(&write_off.at),
            escape::line(&write_off.by),
            escape::line(&write_off.reason)
        ));
    }
    text
}

async fn write_off(context: &Context, target: String, reason: String) -> Result<Exit, Failure> {
    let request = WriteOffRequest { target, reason };
    let answer: WriteOffAnswer =
        context.client.post_slow(paths::TARGET_WRITE_OFF, &request, "looking whether it answers").await?;
    context.output.one(&answer, &answer.target.target, || {
        let seen: String = answer.seen.iter().map(|line| format!("  {}\n", escape::line(line))).collect();
        format!(
            "{} is written off, with {} changes that were owed there:\n{seen}they stay listed (mayfly cleanup ls), and are removed if it \
             ever answers again\n",
            escape::line(&answer.target.target),
            answer.changes
        )
    })?;
    Ok(Exit::Done)
}
