//! `orphans`: accounts on targets that carry a mark and for which nothing in the ledger speaks.

use super::Context;
use crate::args::Orphans as Options;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::orphans::{
    Claim, ClaimRequest, IgnoreRequest, Ignored, Orphan, Orphans, RemoveAnswer, RemoveRequest, ScanRequest, Whose,
};
use mayfly_wire::paths;

/// Lists, searches, removes, ignores, or claims an installation.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, options: Options) -> Result<Exit, Failure> {
    match options {
        Options::Ls { all } => show(context, &context.client.get(paths::ORPHANS).await?, all),
        Options::Scan { record } => {
            let request = ScanRequest { record };
            let found: Orphans =
                context.client.post_slow(paths::ORPHANS_SCAN, &request, "searching the targets").await?;
            show(context, &found, false)
        }
        Options::Remove { account, record } => remove(context, account, record).await,
        Options::Ignore { account, record, reason, until } => {
            let request = IgnoreRequest { account, record, reason, for_s: until.seconds };
            ignore(context, &request).await
        }
        Options::ClaimInstallation { installation, reason } => claim(context, installation, reason).await,
        Options::Claims => claims(context).await,
    }
}

/// Shows what is known. [`Exit::Pending`] when there is something to remove, or a target could not be searched.
fn show(context: &Context, known: &Orphans, all: bool) -> Result<Exit, Failure> {
    let not_scanned = known.scans.iter().filter(|scan| scan.state == "not_scanned").count();
    let shown: Vec<&Orphan> = known.orphans.iter().filter(|orphan| all || orphan.ignored.is_none()).collect();
    let open = known.orphans.iter().any(|orphan| orphan.removable && orphan.ignored.is_none());
    let outcome = if open || not_scanned > 0 { Exit::Pending } else { Exit::Done };
    if context.output.format == Format::Json {
        context.output.json(known)?;
        return Ok(outcome);
    }
    if context.output.format == Format::Table {
        let text: String = known.scans.iter().map(scan_line).collect();
        let gap = if shown.is_empty() { "" } else { "\n" };
        context.output.write(&(text + gap))?;
    }
    context.output.list(&shown, |orphan| orphan.account.clone(), table)?;
    if known.scans.iter().all(|scan| scan.state == "never") {
        context.output.remark("nothing was searched yet: mayfly orphans scan");
    } else if known.orphans.is_empty() {
        context.output.remark("no account was found for which nothing in the ledger speaks");
    } else if shown.len() < known.orphans.len() {
        context.output.remark("ignored ones are left out: mayfly orphans ls --all");
    }
    Ok(outcome)
}

fn scan_line(scan: &mayfly_wire::orphans::Scanned) -> String {
    let at = scan.at.as_deref().unwrap_or_default();
    let what = match (scan.state.as_str(), &scan.failure) {
        ("scanned", _) => format!("scanned {at}"),
        ("never", _) => "never scanned".to_owned(),
        (_, failure) => format!("NOT SCANNED {at}: {}", failure.as_deref().unwrap_or_default()),
    };
    format!("{}: {}\n", escape::line(&scan.record), escape::line(&what))
}

fn table(orphans: &[&Orphan]) -> Table {
    let mut table = Table::new(&[
        "ACCOUNT",
        "RECORD",
        "WHOSE",
        "CAN LOG IN",
        "SESSIONS",
        "DEADLINE",
        "MADE",
        "LAST LOG-IN",
        "SESSION",
    ]);
    for orphan in orphans {
        let whose = match (orphan.whose, &orphan.installation) {
            (Whose::Ours, _) => "ours".to_owned(),
            (Whose::Claimed, Some(id)) => format!("ours, as {id}"),
            (Whose::Another, Some(id)) => format!("not ours: {id}"),
            _ => "not ours: no mark".to_owned(),
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row(&[
            &orphan.account,
            &orphan.record,
            &whose,
            if orphan.can_log_in { "YES" } else { "no" },
            &orphan.sessions.to_string(),
            &text(&orphan.deadline),
            &text(&orphan.made),
            &text(&orphan.last_log_in),
            &text(&orphan.session),
        ]);
    }
    table
}

async fn remove(context: &Context, account: String, record: Option<String>) -> Result<Exit, Failure> {
    let request = RemoveRequest { account, record };
    let answer: RemoveAnswer =
        context.client.post_slow(paths::ORPHANS_REMOVE, &request, "removing it from the target").await?;
    // What is still withdrawing is still owed; every other state is an end.
    if let Some(change) = answer.change.as_ref().filter(|change| change.state == "withdrawing") {
        let why = change.failure.as_deref().unwrap_or("the target did not confirm it yet");
        let detail = format!("{} is owed from now on, and not removed yet: {why}", answer.account);
        return Err(Failure::own(Exit::Target, detail).hint(format!("mayfly cleanup show {}", change.id)));
    }
    context.output.one(&answer, &answer.account, || {
        let account = escape::line(&answer.account);
        match &answer.change {
            None => format!("{account} is not there any more\n"),
            Some(change) => format!("{account} is {} ({})\n", escape::line(&change.state), escape::line(&change.id)),
        }
    })?;
    Ok(Exit::Done)
}

async fn ignore(context: &Context, request: &IgnoreRequest) -> Result<Exit, Failure> {
    let answer: Ignored = context.client.post(paths::ORPHANS_IGNORE, request).await?;
    context.output.one(&answer, &request.account, || {
        format!("{} is ignored until {}\n", escape::line(&request.account), escape::line(&answer.until))
    })?;
    Ok(Exit::Done)
}

async fn claim(context: &Context, installation: String, reason: String) -> Result<Exit, Failure> {
    let request = ClaimRequest { installation, reason };
    let claim: Claim = context.client.post(paths::CLAIMS, &request).await?;
    context.output.one(&claim, &claim.installation, || {
        format!(
            "what {} left on targets is this installation's to remove from now on\nnext: mayfly orphans scan\n",
            escape::line(&claim.installation)
        )
    })?;
    Ok(Exit::Done)
}

async fn claims(context: &Context) -> Result<Exit, Failure> {
    let claims: Vec<Claim> = context.client.all(paths::CLAIMS).await?;
    let table = |claims: &[Claim]| {
        let mut table = Table::new(&["INSTALLATION", "SINCE", "BY", "REASON"]);
        for Claim { installation, by, reason, at } in claims {
            table.row(&[installation, at, by, reason]);
        }
        table
    };
    context.output.list(&claims, |claim| claim.installation.clone(), table)?;
    Ok(Exit::Done)
}
