//! `apply`: objects from YAML files.

use super::Context;
use crate::args::{Apply, Set};
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Table;
use mayfly_server::cli::{ObjectError, parse, resolve};
use mayfly_wire::objects::{Action, ApplyAnswer, ApplyRequest};
use mayfly_wire::paths;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The longest input, in bytes; the server reads no more either.
const INPUT_MOST: u64 = 1024 * 1024;

/// Applies objects and deletes others, as one set: all of it or nothing.
///
/// # Errors
/// When a file cannot be read, and as the server's answer says.
pub(super) async fn run(context: &Context, options: Apply) -> Result<Exit, Failure> {
    let request = request(options.set, false)?;
    let answer: ApplyAnswer = context.client.post_if(paths::OBJECTS, &request, options.revision).await?;
    let names: Vec<_> = answer.objects.iter().map(|applied| applied.object.as_str()).collect();
    context.output.one(&answer, &names.join("\n"), || text(&answer))?;
    Ok(Exit::Done)
}

/// The request for a set of files, as they stand.
///
/// # Errors
/// When a file cannot be read or understood.
pub(super) fn request(set: Set, dry_run: bool) -> Result<ApplyRequest, Failure> {
    let mut documents = String::new();
    for file in files(&set.file)? {
        documents.push_str("---\n");
        let folder = if file == Path::new("-") { None } else { file.parent() };
        documents.push_str(&complete(&file, folder.unwrap_or(Path::new(".")))?);
        documents.push('\n');
    }
    Ok(ApplyRequest { documents, delete: set.delete, prune: set.selector.into_iter().collect(), dry_run })
}

/// The documents of a file that somebody has just written in an editor: other files that it names are looked for where they are, not
/// where the file is.
///
/// # Errors
/// When it cannot be read or understood.
pub(super) fn written(file: &Path) -> Result<String, Failure> {
    complete(file, Path::new("."))
}

/// What was done, for people.
pub(super) fn text(answer: &ApplyAnswer) -> String {
    let mut table = Table::new(&["OBJECT", "DONE"]);
    for applied in &answer.objects {
        let done = match applied.action {
            Action::Created => "created",
            Action::Updated => "updated",
            Action::Unchanged => "unchanged",
            Action::Deleted => "deleted",
        };
        table.row(&[&applied.object, done]);
    }
    let mut text = table.render(None);
    text.extend(answer.notes.iter().map(|note| format!("! {}\n", escape::line(note))));
    text
}

/// The files that are named, folders as the YAML files in them, by name.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error| Failure::usage(format!("cannot read {}: {error}", path.display()));
        let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(failed)?.map(|entry| Ok(entry?.path())).collect();
        let mut found = entries.map_err(failed)?;
        found.retain(|file| file.extension().is_some_and(|kind| kind == "yaml" || kind == "yml"));
        if found.is_empty() {
            return Err(Failure::usage(format!("{} holds no file that ends in .yaml or .yml", path.display())));
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// The objects of one file, with the certificates that they name as files, from this folder, put in their place: the server reads no file
/// that somebody else names. Faults are reported here, with the lines as they were written.
fn complete(path: &Path, folder: &Path) -> Result<String, Failure> {
    let text = read(path)?;
    let certificate = |named: &str| {
        let file = folder.join(named);
        fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
    };
    let faults = |faults: Vec<ObjectError>| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Failure::usage(format!("{}:\n{}", path.display(), lines.join("\n")))
    };
    parse(&text, &certificate).map_err(faults)?;
    resolve(&text, &certificate).map_err(faults)
}

/// The text of one file; `-` is standard input.
fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(INPUT_MOST + 1).read_to_string(&mut text).map_err(failed)?;
    } else {
        fs::File::open(path).map_err(failed)?.take(INPUT_MOST + 1).read_to_string(&mut text).map_err(failed)?;
    }
    if text.len() as u64 > INPUT_MOST {
        return Err(Failure::usage(format!("{} has more than {INPUT_MOST} bytes: split it", path.display())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_yaml_files_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "c.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = files(&[folder.path().to_owned(), PathBuf::from("-")]).unwrap();
        assert_eq!(found, [folder.path().join("a.yml"), folder.path().join("b.yaml"), PathBuf::from("-")]);
        fs::create_dir(folder.path().join("empty")).unwrap();
        assert!(files(&[folder.path().join("empty")]).is_err());
    }
}
