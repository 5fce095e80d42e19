//! `Protocol::HandshakeResponse41`, with which a client logs in.

use std::fmt;

use crate::mysql::{
    Capabilities, DecodeError, EncodeError, auth::MAX_PLUGIN_LEN, frame::Sequence, read::Reader, write,
};

use super::{Attributes, MAX_DATABASE_LEN, MAX_RESPONSE_LEN, MAX_USER_LEN, SslRequest};

/// The log-in: who wants to connect to what. Names are bytes in the client's encoding; the `…_str` functions are for
/// those who want text.
#[derive(Clone, PartialEq, Eq)]
pub struct Login<'a> {
    /// What the client can do. Some clients set more than was offered: what holds is what both sides have set, see
    /// [`Login::agreed`].
    pub capabilities: Capabilities,
    /// The longest message that the client wants to receive, in bytes.
    pub max_packet_len: u32,
    /// The lower byte of the number of the client's collation, which is that of the session.
    pub collation: u8,
    /// Who.
    pub user: &'a [u8],
    /// The answer to the nonce, made by `plugin`. Empty for an empty password.
    pub response: &'a [u8],
    /// The default database, if the client names one.
    pub database: Option<&'a [u8]>,
    /// The plugin that made `response`. `None` means `mysql_native_password`.
    pub plugin: Option<&'a [u8]>,
    /// What the client says about itself.
    pub attributes: Attributes<'a>,
}

impl<'a> Login<'a> {
    /// Decodes the payload of a log-in.
    ///
    /// # Errors
    /// What does not have the layout of the manual; [`DecodeError::TooOld`] for a client that does not speak the protocol
    /// of MySQL 4.1 and its authentication.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let SslRequest { capabilities, max_packet_len, collation } = SslRequest::read(&mut reader)?;
        let user = reader.cstr(MAX_USER_LEN)?;
        let response = if capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            reader.lenenc_bytes(MAX_RESPONSE_LEN)?
        } else if capabilities.contains(Capabilities::SECURE_CONNECTION) {
            let len = reader.u8()?;
            reader.bytes(usize::from(len))?
        } else {
            return Err(DecodeError::TooOld);
        };
        let database =
            capabilities.contains(Capabilities::CONNECT_WITH_DB).then(|| reader.cstr(MAX_DATABASE_LEN)).transpose()?;
        let plugin =
            capabilities.contains(Capabilities::PLUGIN_AUTH).then(|| reader.cstr(MAX_PLUGIN_LEN)).transpose()?;
        let attributes = if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            Attributes::read(&mut reader)?
        } else {
            Attributes::new()
        };
        if capabilities.contains(Capabilities::ZSTD_COMPRESSION) {
            // The level of a compression that was not offered.
            reader.u8()?;
        }
        reader.end()?;
        Ok(Self { capabilities, max_packet_len, collation, user, response, database, plugin, attributes })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`EncodeError::Capabilities`] if anything beyond [`Capabilities::SPOKEN`] and files is asked for, or a flag does not fit the
    /// fields: database, plugin and attributes each have one, and the answer has its length in front. Else
    /// [`EncodeError::Nul`] or [`EncodeError::TooLong`] for such a field.
    pub fn encode(&self, sequence: &mut Sequence, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let fits = |flag: Capabilities, there: bool| self.capabilities.contains(flag) == there;
        if !fits(Capabilities::CONNECT_WITH_DB, self.database.is_some())
            || !fits(Capabilities::PLUGIN_AUTH, self.plugin.is_some())
            || !(self.attributes.is_empty() || fits(Capabilities::CONNECT_ATTRS, true))
            || !fits(Capabilities::SECURE_CONNECTION, true)
        {
            return Err(EncodeError::Capabilities);
        }
        write::packet(out, sequence, |out| self.write(out))
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let &Self { capabilities, max_packet_len, collation, .. } = self;
        SslRequest { capabilities, max_packet_len, collation }.write(out)?;
        write::cstr(out, self.user, MAX_USER_LEN)?;
        if capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            write::lenenc_bytes(out, self.response, MAX_RESPONSE_LEN)?;
        } else {
            out.push(u8::try_from(self.response.len()).map_err(|_| EncodeError::TooLong)?);
            out.extend_from_slice(self.response);
        }
        if let Some(database) = self.database {
            write::cstr(out, database, MAX_DATABASE_LEN)?;
        }
        if let Some(plugin) = self.plugin {
            write::cstr(out, plugin, MAX_PLUGIN_LEN)?;
        }
        if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            self.attributes.write(out)?;
        }
        Ok(())
    }

    /// What holds on the connection: what the client asks for and the server has offered.
    #[must_use]
    pub fn agreed(&self, offered: Capabilities) -> Capabilities {
        self.capabilities & offered
    }

    /// The user's name as text, if it is UTF-8.
    #[must_use]
    pub fn user_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.user).ok()
    }

    /// The database's name as text, if there is one and it is UTF-8.
    #[must_use]
    pub fn database_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.database?).ok()
    }
}

/// Without the response: that of some plugins is the password.
impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("capabilities", &self.capabilities)
            .field("user", &String::from_utf8_lossy(self.user))
            .field("database", &self.database.map(String::from_utf8_lossy))
            .field("plugin", &self.plugin.map(String::from_utf8_lossy))
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;

    /// What a name on the wire can be.
    fn name(max: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(1u8..=255, 0..=max)
    }

    proptest! {
        #[test]
        fn a_login_comes_back(
            user in name(MAX_USER_LEN),
            response in prop::collection::vec(any::<u8>(), 0..=300),
            database in option::of(name(MAX_DATABASE_LEN)),
            plugin in option::of(name(MAX_PLUGIN_LEN)),
            attributes in prop::collection::vec((name(300), name(300)), 0..6),
            (numbers, collation) in any::<(u32, u8)>(),
        ) {
            let mut capabilities = Capabilities::SPOKEN;
            if database.is_none() {
                capabilities = capabilities.without(Capabilities::CONNECT_WITH_DB);
            }
            if plugin.is_none() {
                capabilities = capabilities.without(Capabilities::PLUGIN_AUTH);
            }
            if attributes.is_empty() {
                capabilities = capabilities.without(Capabilities::CONNECT_ATTRS);
            }
            if numbers % 2 == 0 {
                capabilities = capabilities.without(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA);
            }
            let mut login = Login {
                capabilities,
                max_packet_len: numbers,
                collation,
                user: &user,
                response: &response,
                database: database.as_deref(),
                plugin: plugin.as_deref(),
                attributes: Attributes::new(),
            };
            for (name, value) in &attributes {
                login.attributes.push(name, value).unwrap();
            }
            let mut wire = Vec::new();
            let done = login.encode(&mut Sequence::at(1), &mut wire);
            if response.len() > 255 && numbers % 2 == 0 {
                prop_assert_eq!(done, Err(EncodeError::TooLong));
            } else {
                done.unwrap();
                prop_assert_eq!(Login::decode(&wire[4..]), Ok(login));
            }
        }

        #[test]
        fn nothing_panics(payload in prop::collection::vec(any::<u8>(), 0..300), flags: u32) {
            let _ = Login::decode(&payload);
            let mut payload = payload;
            if let Some(head) = payload.first_chunk_mut::<4>() {
                *head = (flags | 0x0000_8200).to_le_bytes();
            }
            let _ = Login::decode(&payload);
        }
    }

    fn login() -> Login<'static> {
        Login {
            capabilities: Capabilities::SPOKEN,
            max_packet_len: 0,
            collation: 0,
            user: b"u",
            response: b"hunter2",
            database: Some(b"d"),
            plugin: Some(b"p"),
            attributes: Attributes::new(),
        }
    }

    #[test]
    fn flags_have_to_fit_the_fields() {
        let encode = |login: Login<'_>| login.encode(&mut Sequence::at(1), &mut Vec::new());
        assert_eq!(encode(login()), Ok(()));
        for wrong in [
            Login { database: None, ..login() },
            Login { plugin: None, ..login() },
            Login { capabilities: Capabilities::SPOKEN | Capabilities::COMPRESS, ..login() },
            Login { capabilities: Capabilities::SPOKEN.without(Capabilities::SECURE_CONNECTION), ..login() },
            Login { capabilities: Capabilities::SPOKEN.without(Capabilities::LONG_PASSWORD), ..login() },
        ] {
            assert_eq!(encode(wrong), Err(EncodeError::Capabilities));
        }
        assert_eq!(encode(Login { user: b"a\0b", ..login() }), Err(EncodeError::Nul));
        assert_eq!(encode(Login { user: &[b'a'; MAX_USER_LEN + 1], ..login() }), Err(EncodeError::TooLong));
    }

    #[test]
    fn what_was_not_offered_does_not_hold_and_the_response_is_hidden() {
        let eager = Login { capabilities: Capabilities::SPOKEN | Capabilities::COMPRESS, ..login() };
        assert_eq!(eager.agreed(Capabilities::SPOKEN), Capabilities::SPOKEN);
        assert!(!format!("{eager:?}").contains("hunter2") && !format!("{eager:?}").contains("104, 117"));
        assert_eq!((eager.user_str(), eager.database_str()), (Some("u"), Some("d")));
    }

    #[test]
    fn a_level_of_compression_is_read_over_where_it_is_announced() {
        let mut wire = Vec::new();
        login().encode(&mut Sequence::at(1), &mut wire).unwrap();
        let mut payload = wire.split_off(4);
        payload.push(3);
        assert_eq!(Login::decode(&payload), Err(DecodeError::Trailing));
        payload[3] |= 0x04;
        let capabilities = Capabilities::SPOKEN | Capabilities::ZSTD_COMPRESSION;
        assert_eq!(Login::decode(&payload), Ok(Login { capabilities, ..login() }));
        payload.pop();
        assert_eq!(Login::decode(&payload), Err(DecodeError::Truncated));
    }

    #[test]
    fn long_fields_are_refused() {
        let mut wire = Vec::new();
        login().encode(&mut Sequence::at(1), &mut wire).unwrap();
        let (head, tail) = wire[4..].split_at(32);
        let long = [head, &[b'a'; MAX_USER_LEN + 1], &tail[1..]].concat();
        assert_eq!(Login::decode(&long), Err(DecodeError::Length(513)));
        let long = [head, b"u\0\xfd\x01\x10\0"].concat();
        assert_eq!(Login::decode(&long), Err(DecodeError::Length(4097)));
        let mut old = wire[4..].to_vec();
        old[1] &= !0x80;
        old[2] &= !0x20;
        assert_eq!(Login::decode(&old), Err(DecodeError::TooOld));
    }
}
