//! Reading a person.

use super::fields::{Fields, Step};
use super::rules;
use super::tree::Node;
use crate::objects::Person;
use crate::people::PasswordHash;
use mayfly_domain::RecordName;
use std::collections::BTreeMap;

pub(super) fn read(top: &Fields<'_>) -> Option<Person> {
    let name = top.parsed("name", rules::person_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    let email = spec.optional_parsed("email", rules::email);
    let password_hash = spec.optional_parsed("password_hash", |text| {
        PasswordHash::parse(text).map(|hash| hash.as_str().to_owned()).map_err(|error| error.to_string())
    });
    let disabled = spec.switch("disabled", false);
    let may_launch = may_launch(&spec);
    spec.finish(&[
        ("ssh_keys", "`ssh_keys` is not built yet: remove the field; sign in with a password"),
        ("password", "secrets never stand in objects: give the `password_hash` that `mayfly user passwd` prints"),
    ]);
    Some(Person { name: name?, labels, email, password_hash, disabled, may_launch })
}

/// The records that the person may open, without doubles.
fn may_launch(spec: &Fields<'_>) -> Vec<RecordName> {
    let Some(node) = spec.optional("may_launch") else { return Vec::new() };
    let Node::List(items) = node else {
        spec.fault("may_launch", format!("is {}, but has to be a list of record names", node.what()));
        return Vec::new();
    };
    let mut names = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let name = item.as_text().ok_or_else(|| "has to be the name of a record, as text".to_owned());
        match name.and_then(rules::record_name) {
            Ok(name) if names.contains(&name) => {}
            Ok(name) => names.push(name),
            Err(fault) => spec.faults.add(&spec.path("may_launch").item(place), fault),
        }
    }
    names
}

/// Labels, which every object may have. Their keys are the administrator's own and keep their spelling.
pub(super) fn labels(top: &Fields<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some(node) = top.optional("labels") else { return labels };
    let Node::Map(entries) = node else {
        top.fault("labels", format!("is {}, but has to be a map of texts", node.what()));
        return labels;
    };
    if entries.len() > 64 {
        top.fault("labels", "has more than 64 labels");
        return labels;
    }
    for (key, value) in entries {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
        let mut path = top.path("labels");
        path.0.push(Step::Key(key.clone()));
        if key.is_empty() || key.len() > 63 || !key.bytes().all(letter) {
            top.faults.add(&path, "a label's key has 1 to 63 of A-Z a-z 0-9 . _ - /".to_owned());
        }
        match value.as_text() {
            Some(text) if text.len() <= 253 && rules::printable(text) => {
                if labels.insert(key.clone(), text.to_owned()).is_some() {
                    top.faults.add(&path, "stands here twice: keep one".to_owned());
                }
            }
            _ => top.faults.add(&path, "a label's value is a text of at most 253 bytes: put it in quotes".to_owned()),
        }
    }
    labels
}
