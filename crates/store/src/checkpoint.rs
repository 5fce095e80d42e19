//! Checkpoints as docs/audit-format.md §3 says: the text of a C2SP checkpoint, made a signed note by the holder of the key,
//! and as much of reading one back as is needed to hold the store against it. Whether a signature is good is for the
//! verifier to say; here a checkpoint can only stop the store from being opened, never vouch for it.

use crate::error::OpenError;
use crate::merkle::{Hash, Tree};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mayfly_domain::{InstallationId, WallTime};
use mayfly_engine::ports::trail::CheckpointSigner;
use sha2::{Digest, Sha256};

/// The first line of every checkpoint of an installation.
pub(crate) fn origin(installation: &InstallationId) -> String {
    format!("mayfly/{installation}")
}

/// Makes the signed note of a tree.
pub(crate) fn sign(installation: &InstallationId, tree: &Tree, at: WallTime, signer: &dyn CheckpointSigner) -> String {
    let root = STANDARD.encode(tree.root());
    let text = format!("{}\n{}\n{root}\nat_us {}\n", origin(installation), tree.size(), at.micros());
    let mut signature = key_hash(signer).to_vec();
    signature.extend_from_slice(&signer.sign(text.as_bytes()));
    format!("{text}\n\u{2014} {} {}\n", signer.key_name(), STANDARD.encode(signature))
}

/// The key hash of a signed note for Ed25519 (<https://c2sp.org/signed-note>).
fn key_hash(signer: &dyn CheckpointSigner) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(signer.key_name())
        .chain_update([0x0a, 0x01])
        .chain_update(signer.public_key())
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// Refuses a key whose name would break the note that it signs.
pub(crate) fn check_key_name(name: &str) -> Result<(), OpenError> {
    if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+') {
        return Err(OpenError::KeyName(name.to_owned()));
    }
    Ok(())
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Whose trail it is of.
    pub(crate) origin: String,
    /// How many entries.
    pub(crate) size: u64,
    /// Their root.
    pub(crate) root: Hash,
}

impl Checkpoint {
    /// Reads the text of a note; `None` when it is no checkpoint.
    pub(crate) fn parse(note: &str) -> Option<Self> {
        let mut lines = note.lines();
        let origin = lines.next()?.to_owned();
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        Some(Self { origin, size, root })
    }
}

/// Splits a file of notes, each followed by an empty line. A torn note at the end is left out; the number is how many bytes
/// of the text are whole.
pub(crate) fn split(text: &str) -> (Vec<&str>, usize) {
    let (mut notes, mut whole) = (Vec::new(), 0);
    while let Some(note) = first_note(&text[whole..]) {
        notes.push(note);
        // The note and the line feed of the empty line after it.
        whole += note.len() + 1;
    }
    (notes, whole)
}

/// The note that `text` begins with, up to the line feed of its last signature line.
fn first_note(text: &str) -> Option<&str> {
    let body = text.find("\n\n")? + 2;
    let end = body + text[body..].find("\n\n")? + 1;
    Some(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;
    impl CheckpointSigner for Nobody {
        fn key_name(&self) -> &str {
            "mayfly/test"
        }
        fn public_key(&self) -> [u8; 32] {
            [7; 32]
        }
        fn sign(&self, _: &[u8]) -> [u8; 64] {
            [9; 64]
        }
    }

    fn note(size: u64) -> String {
        let installation = InstallationId::parse("ins_0000000000000000").unwrap();
        let mut tree = Tree::default();
        (0..size).for_each(|number| tree.append(crate::merkle::leaf(&number.to_be_bytes())));
        sign(&installation, &tree, WallTime::from_micros(5), &Nobody)
    }

    #[test]
    fn a_note_has_the_lines_of_the_format() {
        let text = note(0);
        let lines: Vec<_> = text.split('\n').collect();
        assert_eq!(lines[..3], ["mayfly/ins_0000000000000000", "0", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]);
        assert_eq!(lines[3..5], ["at_us 5", ""]);
        assert!(lines[5].starts_with("\u{2014} mayfly/test "), "{text}");
        assert_eq!(lines[6..], [""]);
        let parsed = Checkpoint::parse(&text).unwrap();
        assert_eq!((parsed.size, parsed.root), (0, Tree::default().root()));
    }

    #[test]
    fn a_torn_note_at_the_end_is_left_out_wherever_it_was_torn() {
        let (one, two) = (note(1), note(2));
        let whole = format!("{one}\n{two}\n");
        assert_eq!(split(&whole), (vec![one.as_str(), two.as_str()], whole.len()));
        for end in (one.len() + 1..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert_eq!(split(&whole[..end]), (vec![one.as_str()], one.len() + 1), "torn at {end}");
        }
    }

    #[test]
    fn names_that_break_a_note_are_refused() {
        for bad in ["", "a b", "a+b", "a\nb"] {
            assert!(check_key_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_key_name("mayfly/ins_0000000000000000").is_ok());
    }
}
