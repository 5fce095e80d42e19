//! Putting the text of a certificate authority in the place of its file, so that an input can be sent to the server, which
//! reads no files that somebody else names.

use super::fields::snake_case;
use super::tree::Node;
use super::{CaReader, documents};
use crate::objects::ObjectError;
use serde_json::{Map, Number, Value};

/// The same stream of documents with every `spec.tls.ca: {file: …}` replaced by `{pem: …}`, as JSON documents, one a line
/// behind `---`, which [`super::parse`] reads. Everything else stays as it was written, faults included.
///
/// Lines in messages about the result are those of the result: call [`super::parse`] with the same reader on the original
/// first.
///
/// # Errors
/// A document that is not YAML, or a file that `ca` could not read.
pub fn resolve(text: &str, ca: &CaReader<'_>) -> Result<String, Vec<ObjectError>> {
    let mut output = String::new();
    for (index, document) in documents(text)?.iter_mut().enumerate() {
        if let Some(slot) = child(document, "spec").and_then(|spec| child(spec, "tls")).and_then(|tls| child(tls, "ca"))
            && let Some(path) = slot.get("file").and_then(Node::as_text)
            && slot.get("pem").is_none()
        {
            let pem = ca(path).map_err(|text| {
                let path = "spec.tls.ca.file".to_owned();
                vec![ObjectError { object: format!("object {}", index + 1), path, line: None, text }]
            })?;
            *slot = Node::Map(vec![("pem".to_owned(), Node::Text(pem))]);
        }
        output.push_str("---\n");
        output.push_str(&json(document).to_string());
        output.push('\n');
    }
    Ok(output)
}

fn child<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    match node {
        Node::Map(entries) => entries.iter_mut().find(|(key, _)| snake_case(key) == name).map(|(_, node)| node),
        _ => None,
    }
}

fn json(node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::Bool(*value),
        Node::Integer(value) => Value::from(*value),
        // Not a number and infinity have no JSON; no field takes either.
        Node::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Node::Text(text) => Value::String(text.clone()),
        Node::List(items) => Value::Array(items.iter().map(json).collect()),
        Node::Map(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.clone(), json(node))).collect::<Map<_, _>>())
        }
    }
}
