//! Reading a person.

use super::fields::{Fields, Step};
use super::rules;
use super::tree::Node;
use crate::objects::Person;
use crate::people::PasswordHash;
use mayfly_domain::RecordName;
use std::collections::BTreeMap;

/// Keys of one person.
const KEYS_MOST: usize = 32;

pub(super) fn read(top: &Fields<'_>) -> Option<Person> {
    let name = top.parsed("name", rules::person_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    let email = spec.optional_parsed("email", rules::email);
    let password_hash = spec.optional_parsed("password_hash", |text| {
        PasswordHash::parse(text).map(|hash| hash.as_str().to_owned()).map_err(|error| error.to_string())
    });
    let disabled = spec.switch("disabled", false);
    let ssh_keys = ssh_keys(&spec);
    let may_launch = may_launch(&spec);
    spec.finish(&[(
        "password",
        "secrets never stand in objects: give the `password_hash` that `mayfly user passwd` prints",
    )]);
    Some(Person { name: name?, labels, email, password_hash, ssh_keys, disabled, may_launch })
}

/// The public keys of the person, without doubles.
fn ssh_keys(spec: &Fields<'_>) -> Vec<String> {
    let Some(node) = spec.optional("ssh_keys") else { return Vec::new() };
    let Node::List(items) = node else {
        spec.fault("ssh_keys", format!("is {}, but has to be a list of public keys", node.what()));
        return Vec::new();
    };
    if items.len() > KEYS_MOST {
        spec.fault("ssh_keys", format!("has more than {KEYS_MOST} keys"));
        return Vec::new();
    }
    let mut keys = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let key = item.as_text().ok_or_else(|| "has to be a public key, as text".to_owned());
        match key.and_then(rules::public_key) {
            Ok(key) if keys.contains(&key) => {}
            Ok(key) => keys.push(key),
            Err(fault) => spec.faults.add(&spec.path("ssh_keys").item(place), fault),
        }
    }
    keys
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
