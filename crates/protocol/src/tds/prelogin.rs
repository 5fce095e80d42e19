//! `PRELOGIN`, with which both sides begin (MS-TDS 2.2.6.5): a list of options, each with its place, and the options. Numbers
//! have their highest byte first.

use super::{DecodeError, EncodeError, read::Reader};

/// The longest message, in bytes. Those of well-known clients have less than 200.
pub const MAX_PRELOGIN_LEN: usize = 4096;

/// The longest name of an instance, in bytes.
pub const MAX_INSTANCE_LEN: usize = 256;

/// The tokens of options.
mod token {
    pub(super) const VERSION: u8 = 0;
    pub(super) const ENCRYPTION: u8 = 1;
    pub(super) const INSTOPT: u8 = 2;
    pub(super) const THREADID: u8 = 3;
    pub(super) const MARS: u8 = 4;
    pub(super) const TRACEID: u8 = 5;
    pub(super) const FEDAUTHREQUIRED: u8 = 6;
    pub(super) const NONCEOPT: u8 = 7;
    pub(super) const TERMINATOR: u8 = 0xff;
}

/// How the connection is to be encrypted, from the client's or from the server's side (MS-TDS 2.2.6.5, `ENCRYPTION`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Encryption {
    /// It could be; of the log-in alone, if both say so.
    Off = 0,
    /// It is wanted.
    On = 1,
    /// It is not possible.
    NotSupported = 2,
    /// It has to be.
    Required = 3,
    /// It is wanted, and the client has a certificate.
    ClientCertificate = 0x81,
    /// It has to be, and the client has a certificate.
    ClientCertificateRequired = 0x83,
}

impl Encryption {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Off,
            1 => Self::On,
            2 => Self::NotSupported,
            3 => Self::Required,
            0x81 => Self::ClientCertificate,
            0x83 => Self::ClientCertificateRequired,
            _ => return None,
        })
    }
}

/// What one side says before the log-in. Options that are not known here are left out.
///
/// ```
/// use mayfly_protocol::tds::{Encryption, Prelogin};
///
/// let prelogin = Prelogin { encryption: Some(Encryption::On), ..Prelogin::of_version([16, 0, 0x10, 0, 0, 0]) };
/// let mut bytes = Vec::new();
/// prelogin.encode(&mut bytes)?;
/// assert_eq!(Prelogin::decode(&bytes)?, prelogin);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelogin<'a> {
    /// Of the sender's program: major, minor, two bytes of build, two of what is below it.
    pub version: [u8; 6],
    /// How to encrypt. A client that leaves it out speaks an old version without TLS.
    pub encryption: Option<Encryption>,
    /// The instance that the client wants, without its terminator; from a server one byte, which says whether it is another.
    pub instance: Option<&'a [u8]>,
    /// The client's thread.
    pub thread_id: Option<[u8; 4]>,
    /// Whether several requests may be under way at once (MARS).
    pub mars: Option<bool>,
    /// Numbers with which the client marks the connection in traces.
    pub trace_id: Option<&'a [u8]>,
    /// Whether the client knows of federated authentication, or the server wants it. Must not be there in the strict form.
    pub federated: Option<u8>,
    /// What a federated authentication is bound to.
    pub nonce: Option<[u8; 32]>,
}

impl<'a> Prelogin<'a> {
    /// One with nothing but a version.
    #[must_use]
    pub fn of_version(version: [u8; 6]) -> Self {
        Self {
            version,
            encryption: None,
            instance: None,
            thread_id: None,
            mars: None,
            trace_id: None,
            federated: None,
            nonce: None,
        }
    }

    /// Decodes the data of a message.
    ///
    /// # Errors
    /// [`DecodeError::Order`] if it does not begin with the version or an option stands twice; [`DecodeError::Truncated`] for a
    /// place outside of the message; [`DecodeError::Length`] and [`DecodeError::Value`] for options that are none.
    pub fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        if data.len() > MAX_PRELOGIN_LEN {
            return Err(DecodeError::Length(u64::try_from(data.len()).unwrap_or(u64::MAX)));
        }
        let mut list = Reader::new(data);
        if list.peek() != Some(token::VERSION) {
            return Err(DecodeError::Order);
        }
        let mut prelogin = Self::of_version([0; 6]);
        let mut seen = [false; 256];
        loop {
            let token = list.u8()?;
            if token == token::TERMINATOR {
                return Ok(prelogin);
            }
            let (offset, len) = (usize::from(list.u16_be()?), usize::from(list.u16_be()?));
            let value = data.get(offset..offset + len).ok_or(DecodeError::Truncated)?;
            if std::mem::replace(&mut seen[usize::from(token)], true) {
                return Err(DecodeError::Order);
            }
            prelogin.take(token, value)?;
        }
    }

    /// Takes one option. Those of a server are often there and empty.
    fn take(&mut self, token: u8, value: &'a [u8]) -> Result<(), DecodeError> {
        let wrong = DecodeError::Length(u64::try_from(value.len()).unwrap_or(u64::MAX));
        match token {
            token::VERSION => self.version = value.try_into().map_err(|_| wrong)?,
            token::ENCRYPTION => {
                self.encryption = Some(Encryption::from_byte(one(value)?).ok_or(DecodeError::Value)?);
            }
            token::INSTOPT => {
                let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
                self.instance = Some(name).filter(|name| name.len() <= MAX_INSTANCE_LEN);
                self.instance.ok_or(wrong)?;
            }
            token::THREADID if value.is_empty() => {}
            token::THREADID => self.thread_id = Some(value.try_into().map_err(|_| wrong)?),
            token::MARS => {
                self.mars = match one(value)? {
                    0 => Some(false),
                    1 => Some(true),
                    _ => return Err(DecodeError::Value),
                }
            }
            token::TRACEID if value.is_empty() => {}
            token::TRACEID => self.trace_id = Some(value),
            token::FEDAUTHREQUIRED => self.federated = Some(one(value)?),
            token::NONCEOPT => self.nonce = Some(value.try_into().map_err(|_| wrong)?),
            _ => {}
        }
        Ok(())
    }

    /// Appends the data of a message.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for an instance or a mark that cannot be read again.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let encryption = self.encryption.map(|encryption| [encryption as u8]);
        let instance = self.instance.map(|name| [name, b"\0"].concat());
        let mars = self.mars.map(|mars| [u8::from(mars)]);
        let federated = self.federated.map(|byte| [byte]);
        let options: [(u8, Option<&[u8]>); 8] = [
            (token::VERSION, Some(&self.version)),
            (token::ENCRYPTION, encryption.as_ref().map(<[u8; 1]>::as_slice)),
            (token::INSTOPT, instance.as_deref()),
            (token::THREADID, self.thread_id.as_ref().map(<[u8; 4]>::as_slice)),
            (token::MARS, mars.as_ref().map(<[u8; 1]>::as_slice)),
            (token::TRACEID, self.trace_id),
            (token::FEDAUTHREQUIRED, federated.as_ref().map(<[u8; 1]>::as_slice)),
            (token::NONCEOPT, self.nonce.as_ref().map(<[u8; 32]>::as_slice)),
        ];
        let named = self.instance.unwrap_or_default();
        if named.len() > MAX_INSTANCE_LEN || named.contains(&0) || self.trace_id.is_some_and(|id| id.len() > 256) {
            return Err(EncodeError::TooLong);
        }
        let there = options.iter().filter_map(|(token, value)| Some((*token, (*value)?)));
        let mut offset = 5 * there.clone().count() + 1;
        for (token, value) in there.clone() {
            let place = [offset, value.len()].map(|number| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
            out.push(token);
            out.extend(place.concat());
            offset += value.len();
        }
        out.push(token::TERMINATOR);
        there.for_each(|(_, value)| out.extend_from_slice(value));
        Ok(())
    }
}

/// The only byte of an option.
fn one(value: &[u8]) -> Result<u8, DecodeError> {
    match value {
        [byte] => Ok(*byte),
        _ => Err(DecodeError::Length(u64::try_from(value.len()).unwrap_or(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn a_prelogin_comes_back(
            version: [u8; 6],
            encryption in option::of(prop::sample::select(vec![0u8, 1, 2, 3, 0x81, 0x83])),
            instance in option::of(prop::collection::vec(1u8..=255, 0..40)),
            (thread_id, mars, federated) in any::<(Option<[u8; 4]>, Option<bool>, Option<u8>)>(),
            trace_id in option::of(prop::collection::vec(any::<u8>(), 1..40)),
            nonce in option::of(any::<[u8; 32]>()),
        ) {
            let encryption = encryption.and_then(Encryption::from_byte);
            let (instance, trace_id) = (instance.as_deref(), trace_id.as_deref());
            let prelogin = Prelogin { version, encryption, instance, thread_id, mars, trace_id, federated, nonce };
            let mut bytes = Vec::new();
            prelogin.encode(&mut bytes).unwrap();
            prop_assert_eq!(Prelogin::decode(&bytes), Ok(prelogin));
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Prelogin::decode(&bytes);
            let _ = Prelogin::decode(&[&b"\0"[..], &bytes].concat());
        }
    }

    #[test]
    fn options_have_to_be_what_they_say() {
        let decode = |rest: &[u8]| Prelogin::decode(&[&b"\0\0\x06\0\x06"[..], rest].concat()).err();
        assert_eq!(decode(b"\xff\x01\x02\x03\x04\x05\x06"), None);
        assert_eq!(decode(b"\xff"), Some(DecodeError::Truncated));
        assert_eq!(decode(b"\x01\x02\x03\x04\x05\x06\x07"), Some(DecodeError::Truncated));
        assert_eq!(decode(b"\x09\0\0\0\x02\xff......."), None, "unknown options are left out");
        assert_eq!(decode(b"\x09\0\0\0\x02\x09\0\0\0\x02\xff......."), Some(DecodeError::Order));
        assert_eq!(decode(b"\x01\0\x01\0\x01\xff......."), None);
        assert_eq!(decode(b"\x01\0\x05\0\x01\xff......."), None);
        assert_eq!(decode(b"\x01\0\x05\0\x02\xff......."), Some(DecodeError::Length(2)));
        assert_eq!(decode(b"\x04\0\x05\0\x01\xff......."), Some(DecodeError::Value));
        assert_eq!(Prelogin::decode(b"\x01\0\x06\0\x01\xff"), Err(DecodeError::Order));
        assert_eq!(Prelogin::decode(b""), Err(DecodeError::Order));
        assert_eq!(Prelogin::decode(&[0; MAX_PRELOGIN_LEN + 1]), Err(DecodeError::Length(4097)));
    }
}
