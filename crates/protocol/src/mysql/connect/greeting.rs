//! `Protocol::HandshakeV10`, with which a server greets before the client has said anything.

use crate::mysql::{
    Capabilities, DecodeError, EncodeError, Nonce, auth::MAX_PLUGIN_LEN, frame::Sequence, read::Reader, write,
};

use super::MAX_VERSION_LEN;

/// The version of the protocol.
const VERSION: u8 = 10;

/// The length that is given for the nonce: its 20 bytes and a zero byte.
const NONCE_FIELD_LEN: u8 = 21;

/// The greeting. It comes in clear, so that nothing in it can be believed before TLS; clients take the nonce from it
/// nevertheless, and it does no harm, because answers to it go through TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting<'a> {
    /// The server's version. What begins with `5.5.5-` is MariaDB 10, which says so for the sake of old replicas.
    pub server_version: &'a [u8],
    /// The connection's number, with which a client asks to end its queries from another connection.
    pub connection_id: u32,
    /// The nonce for the first plugin.
    pub nonce: Nonce,
    /// What the server can do.
    pub capabilities: Capabilities,
    /// The lower byte of the number of the default collation.
    pub collation: u8,
    /// Status flags, as in [`Ok`](crate::mysql::reply::OkPacket::status).
    pub status: u16,
    /// The plugin that the server begins with. Empty if it does not name one, which means `mysql_native_password`.
    pub plugin: &'a [u8],
}

impl<'a> Greeting<'a> {
    /// Decodes the payload of a server's first packet. Check first that it does not begin with 0xff: a server that takes
    /// no connections sends an [`ErrPacket`](crate::mysql::reply::ErrPacket) instead.
    ///
    /// # Errors
    /// What does not have the layout of the manual; [`DecodeError::Version`] for another protocol, and
    /// [`DecodeError::TooOld`] for a server that does not speak that of MySQL 4.1.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let server_version = reader.cstr(MAX_VERSION_LEN)?;
        let connection_id = reader.u32()?;
        let first = reader.bytes(Nonce::FIRST_LEN)?;
        reader.u8()?;
        let lower = reader.u16()?;
        let collation = reader.u8()?;
        let status = reader.u16()?;
        let capabilities = Capabilities::from_bits(u32::from(reader.u16()?) << 16 | u32::from(lower));
        if !capabilities.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(DecodeError::TooOld);
        }
        let has_plugin = capabilities.contains(Capabilities::PLUGIN_AUTH);
        let nonce_len = reader.u8()?;
        if has_plugin && nonce_len != NONCE_FIELD_LEN {
            return Err(DecodeError::Nonce);
        }
        // Filler, in which MariaDB has capabilities of its own: they are offered only to clients without LONG_PASSWORD.
        reader.bytes(10)?;
        let second = reader.bytes(Nonce::LEN - Nonce::FIRST_LEN)?;
        if reader.u8()? != 0 {
            return Err(DecodeError::Nonce);
        }
        let nonce = Nonce::new(&[first, second].concat())?;
        let plugin = if has_plugin { reader.last_cstr(MAX_PLUGIN_LEN)? } else { &[] };
        reader.end()?;
        Ok(Self { server_version, connection_id, nonce, capabilities, collation, status, plugin })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`EncodeError::Capabilities`] if anything beyond [`Capabilities::SPOKEN`] and files is offered, or not the protocol of MySQL
    /// 4.1 with named plugins; [`EncodeError::Nul`] or [`EncodeError::TooLong`] for such a version or plugin.
    pub fn encode(&self, sequence: &mut Sequence, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let needed = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
        if !self.capabilities.is_spoken() || !self.capabilities.contains(needed) {
            return Err(EncodeError::Capabilities);
        }
        write::packet(out, sequence, |out| {
            let (first, second) = self.nonce.as_bytes().split_at(Nonce::FIRST_LEN);
            let [a, b, c, d] = self.capabilities.bits().to_le_bytes();
            out.push(VERSION);
            write::cstr(out, self.server_version, MAX_VERSION_LEN)?;
            out.extend_from_slice(&self.connection_id.to_le_bytes());
            out.extend_from_slice(first);
            out.extend_from_slice(&[0, a, b, self.collation]);
            out.extend_from_slice(&self.status.to_le_bytes());
            out.extend_from_slice(&[c, d, NONCE_FIELD_LEN]);
            out.extend_from_slice(&[0; 10]);
            out.extend_from_slice(second);
            out.push(0);
            write::cstr(out, self.plugin, MAX_PLUGIN_LEN)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Greeting<'static> {
        Greeting {
            server_version: b"8.4.0",
            connection_id: 0x0102_0304,
            nonce: Nonce::new(b"abcdefghijklmnopqrst").unwrap(),
            capabilities: Capabilities::SPOKEN,
            collation: 255,
            status: 2,
            plugin: b"caching_sha2_password",
        }
    }

    #[test]
    fn layout_is_that_of_the_manual() {
        let mut wire = Vec::new();
        greeting().encode(&mut Sequence::new(), &mut wire).unwrap();
        let payload = b"\x0a8.4.0\0\x04\x03\x02\x01abcdefgh\0\x0f\xaf\xff\x02\0\xff\x01\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_password\0";
        assert_eq!(&wire[..4], [u8::try_from(payload.len()).unwrap(), 0, 0, 0]);
        assert_eq!(&wire[4..], payload);
        assert_eq!(Greeting::decode(payload), Ok(greeting()));
        // Some servers leave the last zero byte out.
        assert_eq!(Greeting::decode(&payload[..payload.len() - 1]), Ok(greeting()));
    }

    #[test]
    fn only_what_is_spoken_is_offered() {
        for capabilities in [
            Capabilities::SPOKEN | Capabilities::COMPRESS,
            Capabilities::SPOKEN | Capabilities::QUERY_ATTRIBUTES,
            Capabilities::SPOKEN | Capabilities::from_bits(1 << 29),
            Capabilities::SPOKEN.without(Capabilities::PLUGIN_AUTH),
        ] {
            let mut wire = vec![1];
            let done = Greeting { capabilities, ..greeting() }.encode(&mut Sequence::new(), &mut wire);
            assert_eq!((done, wire), (Err(EncodeError::Capabilities), vec![1]));
        }
    }

    #[test]
    fn layout_faults_are_told_apart() {
        let mut wire = Vec::new();
        greeting().encode(&mut Sequence::new(), &mut wire).unwrap();
        let change = |at: usize, byte: u8| {
            let mut payload = wire[4..].to_vec();
            payload[at] = byte;
            Greeting::decode(&payload).err()
        };
        assert_eq!(change(0, 9), Some(DecodeError::Version(9)));
        assert_eq!(change(21, 0), Some(DecodeError::TooOld), "without PROTOCOL_41");
        assert_eq!(change(27, 20), Some(DecodeError::Nonce), "another length of the nonce");
        assert_eq!(change(12, 0), Some(DecodeError::Nonce), "a zero byte in the nonce");
        assert_eq!(change(50, 1), Some(DecodeError::Nonce), "no zero byte behind the nonce");
        for len in 1..wire.len() - 5 {
            let cut = Greeting::decode(&wire[4..4 + len]);
            // Behind the nonce, what is there of the plugin's name is a name.
            assert!(cut.is_err() || len >= 51, "{len}");
        }
        wire.push(b'x');
        assert_eq!(Greeting::decode(&wire[4..]).err(), Some(DecodeError::Trailing));
    }
}
