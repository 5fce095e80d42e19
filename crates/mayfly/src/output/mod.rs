//! Standard output: the formats, tables, and the rule that a result is composed whole before the first byte of it is
//! written, so that standard output stays empty when a verb fails.

mod table;

pub(crate) use table::Table;

use crate::escape;
use crate::failure::Failure;
use clap::ValueEnum;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal as _, Write as _};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; may change at any time.
    Table,
    /// The API's JSON, whole.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// The API's JSON, whole, written as YAML.
    Yaml,
    /// Names or ids alone, one a line.
    Name,
    /// Lists as comma-separated values, for spreadsheets.
    Csv,
    /// The trail in ArcSight's Common Event Format; of `audit export` only.
    Cef,
    /// The trail in the Open Cybersecurity Schema Framework; of `audit export` only.
    Ocsf,
}

/// Where results and remarks go, and how.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// The format of results.
    pub(crate) format: Format,
    /// Whether remarks and progress are left out.
    pub(crate) quiet: bool,
    /// Whether standard output is coloured.
    pub(crate) colour: bool,
    /// Whether standard output is a terminal.
    pub(crate) terminal: bool,
    /// The columns of the terminal that tables are cut to.
    width: Option<usize>,
}

impl Output {
    /// Looks at standard output. `colourless` forbids colours whatever it is.
    pub(crate) fn new(format: Format, quiet: bool, colourless: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let width = size.map(|size| usize::from(size.ws_col)).filter(|columns| terminal && *columns > 0);
        Self { format, quiet, colour: terminal && !colourless, terminal, width }
    }

    /// Prints a list: as it comes from `table` for people, with `name` of each item for [`Format::Name`].
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn list<T: Serialize>(
        &self,
        items: &[T],
        name: impl Fn(&T) -> String,
        table: impl FnOnce(&[T]) -> Table,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.write(&table(items).render(self.width)),
            Format::Json | Format::Yaml => self.json(&serde_json::json!({ "items": items, "next": null })),
            Format::Jsonl => items.iter().try_for_each(|item| self.json(item)),
            Format::Name => self.write(&items.iter().map(|item| escape::line(&name(item)) + "\n").collect::<String>()),
            Format::Csv => self.write(&table(items).csv()),
            Format::Cef | Format::Ocsf => Err(no_form()),
        }
    }

    /// Prints one thing: `text` for people, which has its own line feeds and is escaped already.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn one<T: Serialize>(&self, item: &T, name: &str, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.write(&text()),
            Format::Json | Format::Jsonl | Format::Yaml => self.json(item),
            Format::Name => self.write(&(escape::line(name) + "\n")),
            Format::Csv | Format::Cef | Format::Ocsf => Err(no_form()),
        }
    }

    /// Prints one JSON value: on one line for `jsonl`, as YAML for `yaml`, spread out otherwise.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        if self.format == Format::Yaml {
            return self.write(&yaml(value)?);
        }
        let text = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            _ => serde_json::to_string_pretty(value),
        };
        let text = text.map_err(|error| Failure::unexpected(format!("the result has no JSON form: {error}")))?;
        self.raw_json(&text)
    }

    /// Prints a text that is JSON as it is; only on a terminal, what a terminal could obey is written in JSON's own escapes.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn raw_json(&self, text: &str) -> Result<(), Failure> {
        if self.terminal { self.write(&(escape::json(text) + "\n")) } else { self.write(&format!("{text}\n")) }
    }

    /// Writes to standard output. A reader that has gone away (`| head`) has what it wanted.
    ///
    /// # Errors
    /// When standard output cannot be written for any other reason.
    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => Err(Failure::unexpected(format!("cannot write to standard output: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Says something beside the result, on standard error, unless that is not wanted.
    pub(crate) fn remark(&self, text: &str) {
        if !self.quiet {
            // A remark that cannot be written is not worth failing for.
            let _ = writeln!(std::io::stderr(), "{}", escape::line(text));
        }
    }

    /// A text in one of the terminal's colours, given as its SGR number, where colours are wanted.
    pub(crate) fn paint(&self, colour: u8, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A value as YAML, in which nothing commands a terminal: what YAML does not escape itself is escaped.
pub(crate) fn yaml<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_norway::to_string(value);
    let text = text.map_err(|error| Failure::unexpected(format!("the result has no YAML form: {error}")))?;
    Ok(text.lines().map(|line| escape::line(line) + "\n").collect())
}

/// A result that is no list, or no part of the trail, was asked for in a form of those.
pub(crate) fn no_form() -> Failure {
    Failure::usage("this result has no such form: CSV is for lists, CEF and OCSF are for `audit export`")
        .hint("mayfly … -o json")
}
