//! `plan`: what `apply` would do, line by line.

use super::{Context, apply};
use crate::args::Set;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use mayfly_wire::objects::{Action, Applied, ApplyAnswer};
use mayfly_wire::paths;
use similar::{ChangeTag, TextDiff};

/// Shows what would be done. [`Exit::Pending`] when something would.
///
/// # Errors
/// When a file cannot be read, and as the server's answer says.
pub(super) async fn run(context: &Context, set: Set) -> Result<Exit, Failure> {
    let request = apply::request(set, true)?;
    let answer: ApplyAnswer = context.client.post(paths::OBJECTS, &request).await?;
    let changes: Vec<&Applied> = answer.objects.iter().filter(|one| one.action != Action::Unchanged).collect();
    let names: Vec<_> = changes.iter().map(|applied| applied.object.as_str()).collect();
    context.output.one(&answer, &names.join("\n"), || text(&context.output, &answer, &changes))?;
    Ok(if changes.is_empty() { Exit::Done } else { Exit::Pending })
}

fn text(output: &Output, answer: &ApplyAnswer, changes: &[&Applied]) -> String {
    let mut text: String = changes.iter().map(|applied| shown(output, applied)).collect();
    let count = |action| answer.objects.iter().filter(|applied| applied.action == action).count();
    text.push_str(&format!(
        "{} to create, {} to change, {} to delete, {} unchanged, against revision {}\n",
        count(Action::Created),
        count(Action::Updated),
        count(Action::Deleted),
        count(Action::Unchanged),
        answer.revision
    ));
    if !changes.is_empty() {
        text.push_str(&format!("do exactly this with: mayfly apply … --revision {}\n", answer.revision));
    }
    text
}

/// One object with the lines that come and go.
fn shown(output: &Output, applied: &Applied) -> String {
    let (mark, colour) = match applied.action {
        Action::Created => ("+", 32),
        Action::Updated => ("~", 33),
        Action::Deleted => ("-", 31),
        Action::Unchanged => (" ", 0),
    };
    let mut text = output.paint(colour, &format!("{mark} {}", escape::line(&applied.object))) + "\n";
    let (before, after) = (applied.before.as_deref().unwrap_or_default(), applied.after.as_deref().unwrap_or_default());
    if applied.action != Action::Updated {
        return text;
    }
    let diff = TextDiff::from_lines(before, after);
    for part in diff.grouped_ops(1).iter().flatten() {
        for change in diff.iter_changes(part) {
            let (mark, colour) = match change.tag() {
                ChangeTag::Delete => ("-", 31),
                ChangeTag::Insert => ("+", 32),
                ChangeTag::Equal => (" ", 0),
            };
            let line = format!("    {mark} {}", escape::line(change.value().trim_end_matches('\n')));
            text.push_str(&if colour == 0 { line } else { output.paint(colour, &line) });
            text.push('\n');
        }
    }
    text
}
