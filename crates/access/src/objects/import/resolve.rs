//! Putting the text of a certificate authority in the place of its file, so that an input can be sent to the server, which
//! reads no files that somebody else names.

use super::fields::snake_case;
use super::tree::Node;
use super::{CaReader, documents};
use crate::objects::ObjectError;
use serde_json::{Map, Number, Value};

/// The same stream of documents with every `{file: …}` of a `spec.tls.ca` replaced by `{pem: …}`, and of a
/// `spec.host_key.ca` by `{keys: …}`, as JSON documents, one a line
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
        for (field, inline) in [("tls", "pem"), ("host_key", "keys")] {
            let Some(spec) = child(document, "spec") else { continue };
            let Some(slot) = child(spec, field).and_then(|trust| child(trust, "ca")) else { continue };
            let Some(path) = slot.get("file").and_then(Node::as_text) else { continue };
            if slot.get(inline).is_some() {
                continue;
            }
            let read = ca(path).map_err(|text| {
                let path = format!("spec.{field}.ca.file");
                vec![ObjectError { object: format!("object {}", index + 1), path, line: None, text }]
            })?;
            *slot = Node::Map(vec![(inline.to_owned(), Node::Text(read))]);
        }
        output.push_str("---\n");
        output.extend(json(document).to_string().chars().map(escaped));
        output.push('\n');
    }
    Ok(output)
}

/// YAML 1.1 takes some characters outside ASCII for line breaks, and folds away the spaces beside them even within quotes. In
/// JSON such a character stands in strings only, where YAML reads it back from an escape.
fn escaped(char: char) -> String {
    if matches!(char, ' '..='~') { char.to_string() } else { format!("\\U{:08x}", u32::from(char)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A role whose name ends in a space must not become the role without it.
    #[test]
    fn every_character_that_yaml_reads_comes_through() {
        for name in ["\u{2028} ", " \u{2029}", "a \u{85} b", "\u{a0}", "🦋", "\u{7f}", "\u{feff}", "é\\\"'\n\t "] {
            let written: String = name.chars().map(|char| format!("\\U{:08x}", u32::from(char))).collect();
            let resolved = resolve(&format!("name: \"{written}\"\n"), &|_| Ok(String::new())).unwrap();
            let read = documents(&resolved).unwrap();
            assert_eq!(read[0].get("name").and_then(Node::as_text), Some(name), "{resolved}");
        }
    }
}
