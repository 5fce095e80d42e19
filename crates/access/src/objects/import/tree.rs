//! A YAML document as a plain tree, read under a budget of bytes and depth, so that neither nesting nor aliases that stand
//! for much ("billion laughs") cost more than the input itself may.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// How deep a document may nest; the objects need five levels.
const DEPTH_MOST: usize = 16;

/// What each node costs of the budget beside its text.
const NODE_COST: usize = 2;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// A whole number that fits; a larger one is a `Float` of YAML's or a text.
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key as written, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What this is, for messages.
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// The parser's words without the place, which is told apart.
pub(super) fn words(error: &serde_norway::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Reads one node, and pays for it.
#[derive(Clone, Copy)]
pub(super) struct Budget<'a> {
    left: &'a Cell<usize>,
    depth: usize,
}

impl<'a> Budget<'a> {
    /// A budget of bytes for everything that is read with it.
    pub(super) const fn new(left: &'a Cell<usize>) -> Self {
        Self { left, depth: 0 }
    }

    /// Pays before anything is copied.
    fn pay<E: Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(bytes.saturating_add(NODE_COST));
        self.left.set(left.ok_or_else(|| E::custom("aliases stand for more than the input may hold: write it out"))?);
        Ok(())
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MOST {
            return Err(E::custom(format!("nested more than {DEPTH_MOST} deep")));
        }
        Ok(Self { left: self.left, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Budget<'_> {
    type Value = Node;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Budget<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, a list, a text, a number, true or false, without tags")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.pay(0).map(|()| Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.pay(0).map(|()| Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.pay(0).map(|()| Node::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.pay(0)?;
        i64::try_from(value).map(Node::Integer).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.pay(0).map(|()| Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.pay(value.len()).map(|()| Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        self.pay(0)?;
        let (within, mut list) = (self.deeper()?, Vec::new());
        while let Some(item) = items.next_element_seed(within)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        self.pay(0)?;
        let (within, mut map) = (self.deeper()?, Vec::<(String, Node)>::new());
        while let Some(key) = entries.next_key_seed(within)? {
            let Node::Text(key) = key else {
                return Err(A::Error::custom("a key is not a text: put it in quotes"));
            };
            map.push((key, entries.next_value_seed(within)?));
        }
        Ok(Node::Map(map))
    }
}
