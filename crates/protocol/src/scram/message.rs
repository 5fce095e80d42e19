//! The grammar of RFC 5802, section 7: each message is parsed into borrowed parts, and nothing is decoded before its
//! length is known to be sane.

use std::num::NonZeroU32;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{ScramError, keys::KEY_LEN};

/// The longest message that is looked at, in bytes. Real ones have less than 300.
pub const MAX_MESSAGE_LEN: usize = 4096;
/// The longest nonce of one side, and of the two together, in bytes.
pub const MAX_NONCE_LEN: usize = 1024;
/// The longest salt, in bytes. PostgreSQL's have 16.
pub const MAX_SALT_LEN: usize = 256;

/// What the client says about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gs2Flag<'a> {
    /// `n`: it cannot bind.
    No,
    /// `y`: it could, but thinks that the server cannot.
    NotOffered,
    /// `p=`: it binds, in this way.
    Bind(&'a str),
}

/// `client-first-message`.
pub(super) struct ClientFirst<'a> {
    pub(super) flag: Gs2Flag<'a>,
    /// The part that goes in front of the channel binding data, with its last comma.
    pub(super) gs2_header: &'a str,
    /// The part that is signed.
    pub(super) bare: &'a str,
    pub(super) nonce: &'a str,
}

/// `server-first-message`.
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: NonZeroU32,
}

/// `client-final-message`.
pub(super) struct ClientFinal<'a> {
    /// `cbind-input`, in base64 still: it is compared, not taken apart.
    pub(super) channel_binding: &'a str,
    pub(super) nonce: &'a str,
    /// The part that is signed.
    pub(super) without_proof: &'a str,
    pub(super) proof: [u8; KEY_LEN],
}

/// `server-final-message`.
pub(super) enum ServerFinal {
    /// `v=`
    Signature([u8; KEY_LEN]),
    /// `e=`
    Error,
}

/// The message as text, if it is not too long.
fn text(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MAX_MESSAGE_LEN {
        return Err(ScramError::TooLong);
    }
    let text = std::str::from_utf8(message).map_err(|_| ScramError::Malformed("not UTF-8"))?;
    if text.contains('\0') { Err(ScramError::Malformed("zero byte")) } else { Ok(text) }
}

/// Splits off the first attribute, which has to have this name, and returns its value and what follows the comma.
fn attribute<'a>(text: &'a str, name: char, fault: &'static str) -> Result<(&'a str, Option<&'a str>), ScramError> {
    let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    let value = value.ok_or(ScramError::Malformed(fault))?;
    Ok(value.split_once(',').map_or((value, None), |(value, rest)| (value, Some(rest))))
}

/// Checks that what is left consists of attributes, which are ignored: extensions are optional unless they are `m=`.
fn extensions(rest: Option<&str>) -> Result<(), ScramError> {
    let well_formed = |attribute: &str| {
        let mut chars = attribute.chars();
        chars.next().is_some_and(|name| name.is_ascii_alphabetic()) && chars.next() == Some('=')
    };
    match rest.map(|rest| rest.split(',').all(well_formed)) {
        Some(false) => Err(ScramError::Malformed("extension")),
        _ => Ok(()),
    }
}

/// Returns the nonce if it is printable ASCII without comma, and of sane length.
pub(super) fn check_nonce(nonce: &str) -> Result<&str, ScramError> {
    let printable = |b: u8| matches!(b, 0x21..=0x7e) && b != b',';
    if nonce.is_empty() || nonce.len() > MAX_NONCE_LEN || !nonce.bytes().all(printable) {
        return Err(ScramError::Malformed("nonce"));
    }
    Ok(nonce)
}

/// A proof or signature in base64.
fn key(text: &str, fault: &'static str) -> Result<[u8; KEY_LEN], ScramError> {
    let bytes = STANDARD.decode(text).map_err(|_| ScramError::Malformed(fault))?;
    bytes.as_slice().try_into().map_err(|_| ScramError::Malformed(fault))
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let message = text(message)?;
        let (flag, rest) = message.split_once(',').ok_or(ScramError::Malformed("channel binding flag"))?;
        let flag = match (flag, flag.strip_prefix("p=")) {
            ("n", _) => Gs2Flag::No,
            ("y", _) => Gs2Flag::NotOffered,
            (_, Some(name)) if !name.is_empty() => Gs2Flag::Bind(name),
            _ => return Err(ScramError::Malformed("channel binding flag")),
        };
        let bare = match rest.strip_prefix(',') {
            Some(bare) => bare,
            None if rest.starts_with("a=") => return Err(ScramError::AuthorizationIdentity),
            None => return Err(ScramError::Malformed("authorization identity")),
        };
        if bare.starts_with("m=") {
            return Err(ScramError::MandatoryExtension);
        }
        // The user's name stands in the start-up message; PostgreSQL's clients leave it empty here and servers ignore it.
        let (_, rest) = attribute(bare, 'n', "user name")?;
        let (nonce, rest) = attribute(rest.unwrap_or_default(), 'r', "nonce")?;
        extensions(rest)?;
        let gs2_header = &message[..message.len() - bare.len()];
        Ok(Self { flag, gs2_header, bare, nonce: check_nonce(nonce)? })
    }
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let message = text(message)?;
        if message.starts_with("m=") {
            return Err(ScramError::MandatoryExtension);
        }
        let (nonce, rest) = attribute(message, 'r', "nonce")?;
        let (salt, rest) = attribute(rest.unwrap_or_default(), 's', "salt")?;
        let (iterations, rest) = attribute(rest.unwrap_or_default(), 'i', "iteration count")?;
        extensions(rest)?;
        // Four characters for three bytes: checked before anything is decoded.
        if salt.is_empty() || salt.len() > MAX_SALT_LEN.div_ceil(3) * 4 {
            return Err(ScramError::Malformed("salt"));
        }
        let salt = STANDARD.decode(salt).map_err(|_| ScramError::Malformed("salt"))?;
        if salt.is_empty() || salt.len() > MAX_SALT_LEN {
            return Err(ScramError::Malformed("salt"));
        }
        if iterations.is_empty() || !iterations.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ScramError::Malformed("iteration count"));
        }
        // What does not fit the type, and 0, is as much out of bounds as what is above the caller's cap.
        let iterations = iterations.parse().map_err(|_| ScramError::Iterations)?;
        Ok(Self { nonce: check_nonce(nonce)?, salt, iterations })
    }
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let message = text(message)?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(ScramError::Malformed("proof"))?;
        let (channel_binding, rest) = attribute(without_proof, 'c', "channel binding")?;
        let (nonce, rest) = attribute(rest.unwrap_or_default(), 'r', "nonce")?;
        extensions(rest)?;
        Ok(Self { channel_binding, nonce: check_nonce(nonce)?, without_proof, proof: key(proof, "proof")? })
    }
}

impl ServerFinal {
    pub(super) fn parse(message: &[u8]) -> Result<Self, ScramError> {
        let message = text(message)?;
        if message.starts_with("e=") {
            return Ok(Self::Error);
        }
        let (signature, rest) = attribute(message, 'v', "server signature")?;
        extensions(rest)?;
        key(signature, "server signature").map(Self::Signature)
    }
}
