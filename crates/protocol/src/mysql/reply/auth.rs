//! What a server answers to a log-in and to what follows it: `Protocol::AuthSwitchRequest`, `Protocol::AuthMoreData`, and
//! the end of either kind.

use crate::mysql::{
    Capabilities, DecodeError, Nonce,
    auth::{AuthPlugin, MAX_PLUGIN_LEN},
    frame::{self, MAX_LOGIN_LEN, Sequence},
    read::{Reader, capped},
};

use super::{ErrPacket, OkPacket, tag};

/// The server wants another plugin. The client answers with what that plugin makes of the nonce, as the whole payload, or
/// goes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSwitchRequest<'a> {
    /// The plugin's name.
    pub plugin: &'a [u8],
    /// What the plugin begins with: for those here a nonce and a zero byte.
    pub data: &'a [u8],
}

impl<'a> AuthSwitchRequest<'a> {
    /// The new nonce.
    ///
    /// # Errors
    /// [`DecodeError::Nonce`] if the data are not one, with or without the zero byte.
    pub fn nonce(&self) -> Result<Nonce, DecodeError> {
        Nonce::new(self.data.strip_suffix(&[0]).unwrap_or(self.data))
    }

    /// Appends the packet that asks for one of our plugins.
    pub fn encode(plugin: AuthPlugin, nonce: &Nonce, sequence: &mut Sequence, out: &mut Vec<u8>) {
        let name = plugin.name().as_bytes();
        let payload = [&[tag::AUTH_SWITCH_REQUEST], name, &[0], nonce.as_bytes(), &[0]].concat();
        frame::encode(&payload, sequence, out);
    }

    fn read(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            // `Protocol::OldAuthSwitchRequest`, for passwords of before 4.1.
            return Err(DecodeError::TooOld);
        }
        Ok(Self { plugin: reader.cstr(MAX_PLUGIN_LEN)?, data: reader.rest() })
    }
}

/// The plugin has more to say. The client answers as the plugin wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthMoreData<'a> {
    /// What it says.
    pub data: &'a [u8],
}

impl AuthMoreData<'_> {
    /// `caching_sha2_password`: the answer to the nonce is right. `OK` follows; the client sends nothing.
    pub const FAST_AUTH_SUCCESS: &'static [u8] = &[3];
    /// `caching_sha2_password`: the server cannot judge the answer to the nonce and wants the password in clear.
    pub const FULL_AUTHENTICATION: &'static [u8] = &[4];

    /// Appends the packet.
    pub fn encode(&self, sequence: &mut Sequence, out: &mut Vec<u8>) {
        frame::encode(&[&[tag::AUTH_MORE_DATA], self.data].concat(), sequence, out);
    }
}

/// Any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthReply<'a> {
    /// The client is logged in.
    Ok(OkPacket<'a>),
    /// The client is refused.
    Err(ErrPacket),
    /// Another plugin is wanted.
    Switch(AuthSwitchRequest<'a>),
    /// The plugin goes on.
    More(AuthMoreData<'a>),
}

impl<'a> AuthReply<'a> {
    /// Decodes the payload, on a connection with these capabilities.
    ///
    /// # Errors
    /// What does not have the layout of the manual; [`DecodeError::UnexpectedType`] for anything else, such as the wish
    /// for a second factor; [`DecodeError::TooOld`] for a wish for a password of before 4.1.
    pub fn decode(payload: &'a [u8], agreed: Capabilities) -> Result<Self, DecodeError> {
        capped(payload.len(), MAX_LOGIN_LEN)?;
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            tag::OK => OkPacket::read(reader, agreed).map(Self::Ok),
            tag::ERR => ErrPacket::read(reader).map(Self::Err),
            tag::AUTH_SWITCH_REQUEST => AuthSwitchRequest::read(reader).map(Self::Switch),
            tag::AUTH_MORE_DATA => Ok(Self::More(AuthMoreData { data: reader.rest() })),
            other => Err(DecodeError::UnexpectedType(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_manual() {
        // The example on the page "Protocol::AuthSwitchRequest" of the MySQL documentation.
        let wire = b"\x2c\0\0\x02\xfemysql_native_password\0zQg4i6oNy6=rHN/>-b)A\0";
        let AuthReply::Switch(switch) = AuthReply::decode(&wire[4..], Capabilities::SPOKEN).unwrap() else { panic!() };
        let plugin = AuthPlugin::from_name(switch.plugin).unwrap();
        assert_eq!(plugin, AuthPlugin::NativePassword);
        let mut again = Vec::new();
        AuthSwitchRequest::encode(plugin, &switch.nonce().unwrap(), &mut Sequence::at(2), &mut again);
        assert_eq!(again, wire);
        again.clear();
        AuthMoreData { data: AuthMoreData::FULL_AUTHENTICATION }.encode(&mut Sequence::at(4), &mut again);
        assert_eq!(again, b"\x02\0\0\x04\x01\x04");
    }

    #[test]
    fn what_is_not_spoken_is_refused() {
        let decode = |payload| AuthReply::decode(payload, Capabilities::SPOKEN);
        for (payload, error) in [
            (&b""[..], DecodeError::Truncated),
            (b"\xfe", DecodeError::TooOld),
            (b"\x02webauthn\0", DecodeError::UnexpectedType(2)),
            (b"\xfemysql_native_password", DecodeError::Unterminated),
            (b"\xfb/etc/passwd", DecodeError::UnexpectedType(0xfb)),
        ] {
            assert_eq!(decode(payload), Err(error), "{payload:?}");
        }
        assert_eq!(decode(&[1; MAX_LOGIN_LEN + 1]), Err(DecodeError::Length(16_385)));
        for data in [&b""[..], b"short\0", &[b'x'; 21], &[b'x'; 19], b"abcdefghij\0bcdefghij\0"] {
            assert_eq!(AuthSwitchRequest { plugin: b"p", data }.nonce(), Err(DecodeError::Nonce), "{data:?}");
        }
        assert!(AuthSwitchRequest { plugin: b"p", data: &[b'x'; 20] }.nonce().is_ok());
    }
}
