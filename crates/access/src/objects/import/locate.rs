//! The line of a field. The tree does not keep lines, so the document is walked again along the path and the parser is made
//! to fail there: it then says where it is.

use super::fields::{Path, Step, snake_case};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The line, from 1, of the field at `path` in the document `index` of `text`; of the nearest enclosing one where the field
/// itself is not there.
pub(super) fn line(text: &str, index: usize, path: &Path) -> Option<usize> {
    (0..=path.0.len()).rev().find_map(|length| {
        let document = serde_norway::Deserializer::from_str(text).nth(index)?;
        let found = Walk { steps: path.0.get(..length)? }.deserialize(document);
        found.err().filter(|error| error.to_string().contains(FOUND)).and_then(|error| Some(error.location()?.line()))
    })
}

/// The words by which our own failure is told from the parser's.
const FOUND: &str = "mayfly found the field";

struct Walk<'a> {
    steps: &'a [Step],
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A scalar: the end of the path, or a dead end.
fn scalar<E: Error>(steps: &[Step]) -> Result<(), E> {
    if steps.is_empty() { Err(E::custom(FOUND)) } else { Ok(()) }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        scalar(self.steps)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.steps.split_first() else { return scalar(self.steps) };
        let mut place = 0;
        loop {
            let more = if *step == Step::Item(place) {
                items.next_element_seed(Walk { steps: rest })?.is_some()
            } else {
                items.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                return Ok(());
            }
            place += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.steps.split_first() else { return scalar(self.steps) };
        while let Some(key) = entries.next_key::<String>()? {
            if *step == Step::Key(snake_case(&key)) {
                entries.next_value_seed(Walk { steps: rest })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}
