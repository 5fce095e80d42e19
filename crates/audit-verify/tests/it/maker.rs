//! A trail, made by the page: entries as text, hashes, checkpoints signed with a key of the test's own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use mayfly_audit_verify::{Line, Note, PublicKey, Whence};
use sha2::{Digest, Sha256};

pub(crate) type Hash = [u8; 32];

/// A source of numbers from a seed, so that a failing round can be run again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        // xorshift64* (Vigna, 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most
    }
}

pub(crate) fn leaf(bytes: &[u8]) -> Hash {
    Sha256::digest([&[0], bytes].concat()).into()
}

/// RFC 6962 §2.1, word for word.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            Sha256::digest([&[1], &root(&leaves[..k])[..], &root(&leaves[k..])[..]].concat()).into()
        }
    }
}

pub(crate) fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn entry(number: usize, previous: &Hash) -> Vec<u8> {
    format!(
        "{{\"actor\":\"person:alice\",\"at_us\":{},\"detail\":{{\"note\":\"number {number}\"}},\
         \"installation\":\"ins_0123456789abcdef\",\"kind\":\"account.created\",\"prev\":\"{}\",\
         \"run\":\"run_0123456789abcdef\",\"seq\":{number},\"v\":1}}",
        1_764_000_000_000_000 + number,
        hex(previous)
    )
    .into_bytes()
}

/// A chain of that many entries.
pub(crate) fn chain(count: usize) -> Vec<Vec<u8>> {
    let mut previous = [0; 32];
    (0..count)
        .map(|number| {
            let bytes = entry(number, &previous);
            previous = leaf(&bytes);
            bytes
        })
        .collect()
}

pub(crate) fn signing_key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

pub(crate) fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(&key.verifying_key().to_bytes()).unwrap()
}

/// A signed checkpoint of the first `size` entries.
pub(crate) fn checkpoint(entries: &[Vec<u8>], size: usize, key: &SigningKey) -> String {
    let leaves: Vec<Hash> = entries[..size].iter().map(|bytes| leaf(bytes)).collect();
    let text = format!("mayfly/ins_0123456789abcdef\n{size}\n{}\nat_us 17\n", STANDARD.encode(root(&leaves)));
    sign(&text, key)
}

pub(crate) fn sign(text: &str, key: &SigningKey) -> String {
    let name = "mayfly/ins_0123456789abcdef";
    let public = key.verifying_key().to_bytes();
    let hash = Sha256::digest([name.as_bytes(), b"\n\x01", &public].concat());
    let signature = [&hash[..4], &key.sign(text.as_bytes()).to_bytes()].concat();
    format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(signature))
}

pub(crate) fn notes(texts: &[String], whence: Whence) -> Vec<Note> {
    let named = texts.iter().enumerate();
    named.map(|(number, text)| Note { text: text.clone(), name: format!("note {number}"), whence }).collect()
}

pub(crate) fn lines(entries: &[Vec<u8>]) -> Vec<Result<Line, mayfly_audit_verify::ReadError>> {
    entries.iter().map(|bytes| Ok(Line { bytes: bytes.clone(), leaf: None })).collect()
}
