//! One entry (docs/audit-format.md §1): its bytes are parsed, written again, and must come out the same.

use crate::tree::{Hash, leaf_hash};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The keys of an entry. They are declared in their canonical order, so that serialising writes that order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    actor: String,
    at_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    installation: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    prev: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    run: String,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    v: u64,
}

/// What verifying needs of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The number that it gives itself.
    pub(crate) sequence: u64,
    /// The leaf hash of the entry before, as it says.
    pub(crate) previous: Hash,
    /// Who wrote it.
    pub(crate) installation: String,
    /// Its own leaf hash.
    pub(crate) leaf: Hash,
}

/// Reads an entry.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn parse(bytes: &[u8]) -> Result<Entry, String> {
    let fields: Fields = serde_json::from_slice(bytes).map_err(|error| format!("it is not an entry: {error}"))?;
    let again = serde_json::to_vec(&fields).map_err(|error| error.to_string())?;
    if again != bytes || fields.detail.as_ref().is_some_and(BTreeMap::is_empty) {
        return Err("it is not in the canonical form".to_owned());
    }
    if fields.v != 1 {
        return Err(format!("it has version {} of the format, and this verifier knows version 1", fields.v));
    }
    let previous = unhex(&fields.prev).ok_or("its `prev` is not 64 lower-case hexadecimal digits")?;
    let leaf = leaf_hash(bytes);
    Ok(Entry { sequence: fields.seq, previous, installation: fields.installation, leaf })
}

fn unhex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(extra: &str, prev: &str, version: &str) -> String {
        format!(
            "{{\"actor\":\"server\",\"at_us\":-5,{extra}\"installation\":\"ins_0000000000000000\",\"kind\":\"a.b\",\
             \"prev\":\"{prev}\",\"run\":\"run_0000000000000000\",\"seq\":7,\"v\":{version}}}"
        )
    }

    #[test]
    fn a_canonical_entry_is_read_and_anything_else_refused() {
        let prev = "ab".repeat(32);
        let good = text("\"detail\":{\"a\":\"\\\" é \\u0001\",\"b\":\"/\"},", &prev, "1");
        let entry = parse(good.as_bytes()).unwrap();
        assert_eq!((entry.sequence, entry.previous), (7, [0xab; 32]));
        assert_eq!(entry.leaf, leaf_hash(good.as_bytes()));
        for bad in [
            String::new(),
            "{}".to_owned(),
            format!(" {good}"),
            good.replace(":7", ": 7"),
            good.replace("/", "\\/"),
            good.replace("é", "\\u00e9"),
            text("\"detail\":{\"b\":\"\",\"a\":\"\"},", &prev, "1"),
            text("\"detail\":{},", &prev, "1"),
            text("\"account\":null,", &prev, "1"),
            text("\"colour\":\"red\",", &prev, "1"),
            text("", &prev, "2"),
            text("", &prev, "1.0"),
            text("", &"AB".repeat(32), "1"),
            text("", &"ab".repeat(31), "1"),
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
