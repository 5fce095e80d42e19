//! `audit export`: the trail in a form that others read, page by page, to standard output or a new file.

use super::Context;
use crate::args::AuditExport;
use crate::client::with_parameters;
use crate::failure::{Exit, Failure};
use crate::output::Format;
use mayfly_wire::audit::ExportAnswer;
use mayfly_wire::paths;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Exports the trail.
///
/// # Errors
/// As the server's answers say; a file that is there already is not written over.
pub(super) async fn run(context: &Context, options: &AuditExport) -> Result<Exit, Failure> {
    let form = match context.output.format {
        Format::Table | Format::Json | Format::Jsonl => "jsonl",
        Format::Csv => "csv",
        Format::Cef => "cef",
        Format::Ocsf => "ocsf",
        Format::Yaml | Format::Name => {
            return Err(Failure::usage("an export has no such form: use -o jsonl, csv, cef or ocsf"));
        }
    };
    let wanted = [("form", Some(form)), ("from", options.from.as_deref()), ("until", options.until.as_deref())];
    let asked = with_parameters(paths::AUDIT_EXPORT, &wanted);
    let mut page: ExportAnswer = context.client.get(&asked).await?;
    let mut out = options.file.as_deref().map(create).transpose()?;
    let mut write = |lines: Vec<String>| {
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        match &mut out {
            None => context.output.write(&text),
            Some((path, file)) => file.write_all(text.as_bytes()).map_err(|error| unwritten(path, &error)),
        }
    };
    write(page.head.take().into_iter().collect())?;
    let mut count = 0;
    loop {
        count += page.lines.len();
        write(page.lines)?;
        let Some(next) = page.next else { break };
        page = context.client.get(&format!("{asked}first={next}")).await?;
    }
    if let Some((path, file)) = out {
        file.sync_all().map_err(|error| unwritten(path, &error))?;
        context.output.remark(&format!("{count} entries in {}", path.display()));
    }
    Ok(Exit::Done)
}

fn create(path: &Path) -> Result<(&Path, File), Failure> {
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    made.map(|file| (path, file)).map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unexpected(format!("{}: {error}", path.display()))
}
