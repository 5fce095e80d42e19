//! From YAML to typed objects. A document is first read into a plain tree under a budget, then each field is taken from the
//! tree by name; what nobody took is refused. Every fault is collected, with its path, and its line found afterwards.

mod database;
mod directory;
mod fields;
mod locate;
mod machine;
mod person;
mod resolve;
mod resource;
mod rules;
mod tls;
mod tree;
mod user;

pub use resolve::resolve;

use crate::objects::{Kind, OBJECTS_MOST, Object, ObjectError};
use fields::{Faults, Fields, Path};
use serde::de::DeserializeSeed;
use std::cell::Cell;
use std::collections::BTreeSet;
use tree::{Budget, Node};

/// The longest input, in bytes.
pub const INPUT_MOST: usize = 1024 * 1024;

/// The most `[` and `{` in one document. The scanner of the YAML library takes, for each token, time that grows with the flow
/// collections open around it, so that a megabyte of `[` would keep it busy for minutes; no object needs more than a few.
const BRACKETS_MOST: usize = 200;

/// The most faults that are reported of one input.
const FAULTS_MOST: usize = 50;

/// Reads the text of a certificate authority that an object names as `{file: …}`. Gets the path as written; returns the PEM,
/// or a sentence that says why not. The command line client reads files relative to the folder of the YAML file; the server
/// passes [`no_files`].
pub type CaReader<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// The reader of the server, which reads no files that somebody else names.
///
/// # Errors
/// Always, with what to do.
pub fn no_files(path: &str) -> Result<String, String> {
    Err(format!(
        "the server reads no files: `mayfly apply` puts the text of {path:?} here; through the API give {{pem: …}}"
    ))
}

/// Parses a stream of YAML documents (YAML 1.2; JSON is part of it), one object each; empty documents are passed over.
///
/// At most [`INPUT_MOST`] bytes and [`OBJECTS_MOST`] objects, nested at most 16 deep; aliases count with all that they stand
/// for. References between objects are not checked here, see [`crate::objects::check`].
///
/// # Errors
/// Every fault found, at most 50, each with object, field, line and what to do.
pub fn parse(text: &str, ca: &CaReader<'_>) -> Result<Vec<Object>, Vec<ObjectError>> {
    let (mut objects, mut errors, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, document) in documents(text)?.iter().enumerate() {
        if *document == Node::Null {
            continue;
        }
        let (name, faults) = (describe(document, index), Faults::default());
        let object = read_object(document, &faults, ca);
        if let Some(object) = &object
            && !seen.insert(object.id())
        {
            faults.add(&Path::root().key("name"), "the input has this object twice: remove one".to_owned());
        }
        for (path, fault) in faults.take() {
            let line = locate::line(text, index, &path);
            errors.push(ObjectError { object: name.clone(), path: path.to_string(), line, text: fault });
            if errors.len() >= FAULTS_MOST {
                return Err(errors);
            }
        }
        objects.extend(object);
    }
    if errors.is_empty() { Ok(objects) } else { Err(errors) }
}

/// Reads all documents into trees, under one budget.
fn documents(text: &str) -> Result<Vec<Node>, Vec<ObjectError>> {
    let whole = |text: String| vec![ObjectError { object: String::new(), path: String::new(), line: None, text }];
    if text.len() > INPUT_MOST {
        return Err(whole(format!("the input has {} bytes, at most {INPUT_MOST} are read: split it", text.len())));
    }
    if let Some(line) = brackets(text) {
        let text =
            format!("one object has more than {BRACKETS_MOST} brackets: write it without them, one field a line");
        return Err(vec![ObjectError { object: String::new(), path: String::new(), line: Some(line), text }]);
    }
    let left = Cell::new(INPUT_MOST);
    let mut documents = Vec::new();
    for document in serde_norway::Deserializer::from_str(text) {
        let index = documents.len();
        if index >= OBJECTS_MOST {
            return Err(whole(format!("the input has more than {OBJECTS_MOST} objects: split it")));
        }
        match Budget::new(&left).deserialize(document) {
            Ok(node) => documents.push(node),
            Err(error) => {
                return Err(vec![ObjectError {
                    object: format!("object {}", index + 1),
                    path: String::new(),
                    line: error.location().map(|location| location.line()),
                    text: format!("cannot be read as YAML: {}", tree::words(&error)),
                }]);
            }
        }
    }
    Ok(documents)
}

/// The line at which a document has too many brackets, counted without regard to quotes: too many is at worst a refusal.
/// A line `---` begins a document wherever it stands (YAML 1.2.2 §9.1.2), within quotes and brackets it is a syntax error.
fn brackets(text: &str) -> Option<usize> {
    let mut count = 0;
    for (index, line) in text.split('\n').enumerate() {
        if line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r'])) {
            count = 0;
        }
        count += line.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
        if count > BRACKETS_MOST {
            return Some(index + 1);
        }
    }
    None
}

/// `Kind/name` where both can be read and shown, otherwise the place in the input.
fn describe(document: &Node, index: usize) -> String {
    let short =
        |key| document.get(key).and_then(Node::as_text).filter(|text| text.len() <= 64 && rules::printable(text));
    match (short("kind"), short("name")) {
        (Some(kind), Some(name)) => format!("{kind}/{name}"),
        (Some(kind), None) => format!("{kind} (object {})", index + 1),
        _ => format!("object {}", index + 1),
    }
}

/// Reads one object; `None` when anything of it is at fault.
fn read_object(document: &Node, faults: &Faults, ca: &CaReader<'_>) -> Option<Object> {
    let top = Fields::of(document, Path::root(), faults)?;
    let object = match top.text("kind")?.as_str() {
        "Person" => person::read(&top).map(Object::Person),
        "User" => user::read(&top).map(Object::User),
        "Database" => database::read(&top, ca).map(|database| Object::Database(Box::new(database))),
        "Machine" => machine::read(&top, ca).map(|machine| Object::Machine(Box::new(machine))),
        "Directory" => directory::read(&top, ca).map(|directory| Object::Directory(Box::new(directory))),
        kind => {
            let nearest = fields::nearest(kind, Kind::ALL.into_iter().map(Kind::as_str));
            let hint = nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            faults.add(
                &top.path("kind"),
                format!(
                    "unknown kind {}{hint}; kinds are Person, User, Database, Machine, Directory",
                    fields::quoted(kind)
                ),
            );
            return None;
        }
    };
    top.finish(&[]);
    object.filter(|_| faults.is_empty())
}
