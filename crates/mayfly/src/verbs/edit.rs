//! `edit` and `delete` of one object by its name. Both are an `apply` of that object against the revision that was read, so
//! that nothing is overwritten that somebody else changed meanwhile.

use super::{Context, apply, program};
use crate::args::Kind;
use crate::ask;
use crate::client::with_parameters;
use crate::escape;
use crate::failure::{Exit, Failure};
use mayfly_wire::objects::{Action, ApplyAnswer, ApplyRequest, Listed};
use mayfly_wire::paths;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use tempfile::NamedTempFile;

/// Lets a person change one object as YAML in their editor, and applies it.
///
/// # Errors
/// When there is no such object, the editor fails, what was written is at fault, or somebody changed objects meanwhile. What was
/// written is kept then, and the file named.
pub(super) async fn edit(context: &Context, kinds: &[Kind], name: &str) -> Result<Exit, Failure> {
    let object = find(context, kinds, name).await?;
    let (kind, name) = object.split_once('/').unwrap_or_default();
    let path = with_parameters(paths::EXPORT, &[("kind", Some(kind)), ("name", Some(name))]);
    let before = context.client.text(path.trim_end_matches(['?', '&'])).await?;
    let seen = tried(context, before.clone(), Vec::new()).await?;
    if seen.objects.iter().any(|applied| applied.action != Action::Unchanged) {
        return Err(Failure::own(Exit::Conflict, "somebody changed it at this moment: try again"));
    }
    let Some(file) = written(&before).await? else {
        context.output.remark("nothing was changed");
        return Ok(Exit::Done);
    };
    let applied = applied(context, &file, &object, seen.revision).await;
    applied.map_err(|failure| kept(file, failure))
}

/// Lets a person change a text in their editor. `None` when they left it as it was.
///
/// # Errors
/// When the editor fails, or there is no place for a temporary file.
pub(super) async fn written(before: &str) -> Result<Option<NamedTempFile>, Failure> {
    let file = write(before).map_err(|error| Failure::unexpected(format!("cannot write a temporary file: {error}")))?;
    let after = edited(&file).await?;
    Ok((after != before).then_some(file))
}

/// The failure, and where what was written is kept.
pub(super) fn kept(file: NamedTempFile, failure: Failure) -> Failure {
    match file.keep() {
        Ok((_, path)) => failure.hint(format!("mayfly apply -f {}   (what you wrote)", path.display())),
        Err(_) => failure,
    }
}

/// Deletes one object, once that is confirmed.
///
/// # Errors
/// When there is no such object, something refers to it, nobody confirms it, or somebody changed objects meanwhile.
pub(super) async fn delete(context: &Context, kinds: &[Kind], name: &str, yes: bool) -> Result<Exit, Failure> {
    let object = find(context, kinds, name).await?;
    let seen = tried(context, String::new(), vec![object.clone()]).await?;
    if !yes {
        ask::yes(
            &format!("{object} will be deleted, with what is kept for it. Delete it?"),
            "--yes",
            context.no_input,
        )?;
    }
    let request = request(String::new(), vec![object.clone()], false);
    let answer: ApplyAnswer = context.client.post_if(paths::OBJECTS, &request, Some(seen.revision)).await?;
    context.output.one(&answer, &object, || format!("{object} is deleted\n"))?;
    Ok(Exit::Done)
}

/// `Kind/name` of the object of that name.
pub(super) async fn find(context: &Context, kinds: &[Kind], name: &str) -> Result<String, Failure> {
    let listed: Vec<Listed> = context.client.all_of(paths::OBJECTS, &[("q", Some(name))]).await?;
    let fits = |object: &&Listed| object.name == name && kinds.iter().any(|kind| kind.is(&object.kind));
    let found = listed.iter().find(fits).map(|object| format!("{}/{}", object.kind, object.name));
    found.ok_or_else(|| Failure::own(Exit::NotFound, format!("there is no {name} here")).hint("mayfly ls"))
}

pub(super) fn request(documents: String, delete: Vec<String>, dry_run: bool) -> ApplyRequest {
    ApplyRequest { documents, delete, prune: BTreeMap::new(), dry_run }
}

/// What applying would do.
pub(super) async fn tried(context: &Context, documents: String, delete: Vec<String>) -> Result<ApplyAnswer, Failure> {
    context.client.post(paths::OBJECTS, &request(documents, delete, true)).await
}

fn write(text: &str) -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("mayfly-").suffix(".yaml").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// Runs the person's editor and returns what the file holds then.
async fn edited(file: &NamedTempFile) -> Result<String, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    // An editor may be a command with options, so a shell takes it apart.
    let mut script = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| OsString::from("vi"));
    let shown = script.to_string_lossy().into_owned();
    script.push(" \"$1\"");
    let mut command = program::command(PathBuf::from("/bin/sh"));
    command.arg("-c").arg(script).arg("sh").arg(file.path());
    let code = program::run("the editor", command, std::future::pending()).await?;
    if code != 0 {
        let text = format!("the editor `{}` ended with {code}: nothing was done", escape::line(&shown));
        return Err(Failure::usage(text));
    }
    let read = std::fs::read_to_string(file.path());
    read.map_err(|error| Failure::usage(format!("cannot read what was written: {error}")))
}

/// Applies what was written, if it is this object and no other.
async fn applied(context: &Context, file: &NamedTempFile, object: &str, revision: u64) -> Result<Exit, Failure> {
    let request = request(apply::written(file.path())?, Vec::new(), false);
    let seen = tried(context, request.documents.clone(), Vec::new()).await?;
    if seen.objects.iter().map(|applied| applied.object.as_str()).ne([object]) {
        let text = format!("{object} is what is edited here, under its name: make others with `mayfly apply`");
        return Err(Failure::usage(text));
    }
    let answer: ApplyAnswer = context.client.post_if(paths::OBJECTS, &request, Some(revision)).await?;
    context.output.one(&answer, object, || apply::text(&answer))?;
    Ok(Exit::Done)
}
