//! Taking fields from a tree by name. Every name asked for becomes a known one, so that whatever nobody asked for is an
//! unknown field, and the nearest known one can be named.

use super::rules;
use super::tree::Node;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A key, in snake case.
    Key(String),
    /// A place in a list, from 0.
    Item(usize),
}

/// The way from the top of a document to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Step>);

impl Path {
    pub(super) const fn root() -> Self {
        Self(Vec::new())
    }

    pub(super) fn key(&self, name: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(name.to_owned()));
        Self(steps)
    }

    pub(super) fn item(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Item(index));
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(name) if rules::plain_key(name) => {
                    f.write_str(if index == 0 { "" } else { "." })?;
                    f.write_str(name)?;
                }
                Step::Key(name) => write!(f, "[{}]", quoted(name))?,
                Step::Item(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}

/// Untrusted text for a message: escaped, and cut when it is long.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(64).collect();
    format!("{short:?}")
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<(Path, String)>>);

impl Faults {
    pub(super) fn add(&self, path: &Path, text: String) {
        self.0.borrow_mut().push((path.clone(), text));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(super) fn take(&self) -> Vec<(Path, String)> {
        self.0.take()
    }
}

/// `createEphemeral` and `create_ephemeral` are one name.
pub(super) fn snake_case(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    for (index, letter) in key.char_indices() {
        if letter.is_ascii_uppercase() {
            if index > 0 {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        } else {
            name.push(letter);
        }
    }
    name
}

/// The known name that was probably meant.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let short: String = name.chars().take(64).collect();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&short, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

struct Entry<'a> {
    name: String,
    node: &'a Node,
    taken: Cell<bool>,
}

/// The fields of one map.
pub(super) struct Fields<'a> {
    path: Path,
    entries: Vec<Entry<'a>>,
    known: RefCell<BTreeSet<&'static str>>,
    pub(super) faults: &'a Faults,
}

impl<'a> Fields<'a> {
    /// The fields of a map; a fault when it is none, or has a field twice.
    pub(super) fn of(node: &'a Node, path: Path, faults: &'a Faults) -> Option<Self> {
        let Node::Map(map) = node else {
            faults.add(&path, format!("is {}, but has to be a map of fields", node.what()));
            return None;
        };
        let (mut entries, mut seen) = (Vec::with_capacity(map.len()), BTreeSet::new());
        for (key, node) in map {
            let name = snake_case(key);
            if seen.insert(name.clone()) {
                entries.push(Entry { name, node, taken: Cell::new(false) });
            } else {
                faults.add(&path.key(&name), "stands here twice: keep one".to_owned());
            }
        }
        Some(Self { path, entries, known: RefCell::default(), faults })
    }

    /// The path of a field of this map.
    pub(super) fn path(&self, name: &str) -> Path {
        self.path.key(name)
    }

    /// Notes a fault of a field.
    pub(super) fn fault(&self, name: &str, text: impl Into<String>) {
        self.faults.add(&self.path(name), text.into());
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// Takes a field. One that is there without a value is a fault: nobody knows what was meant.
    pub(super) fn optional(&self, name: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().insert(name);
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        entry.taken.set(true);
        if *entry.node == Node::Null {
            self.fault(name, "has no value: give one, or leave the field out for its default");
            return None;
        }
        Some(entry.node)
    }

    /// Takes a field that has to be there.
    pub(super) fn required(&self, name: &'static str) -> Option<&'a Node> {
        let node = self.optional(name);
        if !self.has(name) {
            self.fault(name, "is missing");
        }
        node
    }

    /// Takes a map that has to be there.
    pub(super) fn map(&self, name: &'static str) -> Option<Fields<'a>> {
        Fields::of(self.required(name)?, self.path(name), self.faults)
    }

    /// Takes a map that may be left out.
    pub(super) fn optional_map(&self, name: &'static str) -> Option<Fields<'a>> {
        Fields::of(self.optional(name)?, self.path(name), self.faults)
    }

    fn as_text(&self, name: &str, node: &Node) -> Option<String> {
        if let Node::Text(text) = node {
            return Some(text.clone());
        }
        let hint =
            if matches!(node, Node::Bool(_) | Node::Integer(_) | Node::Float(_)) { ": put it in quotes" } else { "" };
        self.fault(name, format!("is {}, but has to be a text{hint}", node.what()));
        None
    }

    /// Takes a text that has to be there.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.as_text(name, self.required(name)?)
    }

    /// Takes a text that may be left out.
    pub(super) fn optional_text(&self, name: &'static str) -> Option<String> {
        self.as_text(name, self.optional(name)?)
    }

    /// Takes a switch. On a fault the default stands in, and the object is refused anyway.
    pub(super) fn switch(&self, name: &'static str, default: bool) -> bool {
        match self.optional(name) {
            None => default,
            Some(Node::Bool(value)) => *value,
            Some(node) => {
                self.fault(name, format!("is {}, but has to be true or false", node.what()));
                default
            }
        }
    }

    /// Takes a whole number within limits.
    pub(super) fn number(&self, name: &'static str, default: u16, least: u16, most: u16) -> u16 {
        let Some(node) = self.optional(name) else { return default };
        let value = match node {
            Node::Integer(value) => u16::try_from(*value).ok().filter(|value| (least..=most).contains(value)),
            _ => None,
        };
        value.unwrap_or_else(|| {
            self.fault(name, format!("has to be a whole number from {least} to {most}"));
            default
        })
    }

    /// Takes a whole number that may be left out, whatever it is.
    pub(super) fn optional_number(&self, name: &'static str) -> Option<u32> {
        let value = match self.optional(name)? {
            Node::Integer(value) => u32::try_from(*value).ok(),
            _ => None,
        };
        if value.is_none() {
            self.fault(name, format!("has to be a whole number of at most {}", u32::MAX));
        }
        value
    }

    /// Takes a list of at most `most` texts that may be left out, each of which a rule turns into what it stands for; `what` is what
    /// each of them is.
    pub(super) fn optional_list<T>(
        &self,
        name: &'static str,
        most: usize,
        what: &str,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let node = self.optional(name)?;
        let Node::List(items) = node else {
            self.fault(name, format!("is {}, but has to be a list of {what}", node.what()));
            return None;
        };
        if items.len() > most {
            self.fault(name, format!("has more than {most} of {what}"));
            return None;
        }
        let mut taken = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let text = item.as_text().ok_or_else(|| "has to be a text".to_owned());
            match text.and_then(&rule) {
                Ok(value) => taken.push(value),
                Err(fault) => self.faults.add(&self.path(name).item(place), fault),
            }
        }
        Some(taken)
    }

    /// Takes a length of time, in seconds, within limits.
    pub(super) fn seconds(&self, name: &'static str, default: u64, least: u64, most: u64) -> u64 {
        let Some(node) = self.optional(name) else { return default };
        let value = match node {
            Node::Integer(value) => u64::try_from(*value).ok(),
            Node::Text(text) => rules::duration(text),
            _ => None,
        };
        let Some(value) = value else {
            self.fault(name, "has to be a length of time: `8h`, `90m`, `30s` or a whole number of seconds");
            return default;
        };
        if value < least || value > most {
            let (least, most) = (rules::show_duration(least), rules::show_duration(most));
            self.fault(name, format!("is {}, but has to be from {least} to {most}", rules::show_duration(value)));
            return default;
        }
        value
    }

    /// Takes a text that a rule turns into something else.
    pub(super) fn parsed<T>(&self, name: &'static str, rule: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        rule(&text).map_err(|fault| self.fault(name, fault)).ok()
    }

    /// As [`Fields::parsed`], for a field without which nothing can be opened: when it is missing it is named in `words`, by
    /// which people know it.
    pub(super) fn needed<T>(
        &self,
        name: &'static str,
        words: &str,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.has(name) {
            return self.parsed(name, rule);
        }
        self.known.borrow_mut().insert(name);
        self.fault(name, format!("is missing: {words} has to be named"));
        None
    }

    /// As [`Fields::parsed`], for a field that may be left out.
    pub(super) fn optional_parsed<T>(&self, name: &'static str, rule: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.optional_text(name)?;
        rule(&text).map_err(|fault| self.fault(name, fault)).ok()
    }

    /// Ends the reading: what nobody took is refused, by name. `refused` gives fields that people look for, with the reason
    /// for which they are not taken here.
    pub(super) fn finish(&self, refused: &[(&str, &str)]) {
        let known = self.known.borrow();
        for entry in self.entries.iter().filter(|entry| !entry.taken.get()) {
            let text = match refused.iter().find(|(name, _)| *name == entry.name) {
                Some((_, reason)) => (*reason).to_owned(),
                None => match nearest(&entry.name, known.iter().copied()) {
                    Some(near) => format!("unknown field; did you mean `{near}`?"),
                    None => format!(
                        "unknown field; known here are {}",
                        known.iter().copied().collect::<Vec<_>>().join(", ")
                    ),
                },
            };
            self.fault(&entry.name, text);
        }
    }
}
