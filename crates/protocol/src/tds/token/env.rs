//! `ENVCHANGE` (MS-TDS 2.2.7.9): something about the connection has changed.

use crate::tds::{DecodeError, EncodeError, data::Collation, read::Reader, write};

use super::kind;

/// What changes as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EnvKind {
    /// The current database.
    Database = 1,
    /// The language of messages.
    Language = 2,
    /// The length of packets, in decimal.
    PacketLen = 4,
}

/// Where a server sends a client instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host.
    pub server: String,
    /// The port.
    pub port: u16,
}

/// The token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvChange {
    /// A text has changed.
    Text {
        /// Which.
        kind: EnvKind,
        /// What it is now.
        new: String,
        /// What it was.
        old: String,
    },
    /// The collation of texts.
    Collation {
        /// What it is now; `None` where the server says nothing of that form.
        new: Option<Collation>,
        /// What it was.
        old: Option<Collation>,
    },
    /// A transaction has begun, with this number.
    Begun([u8; 8]),
    /// The transaction with this number is committed.
    Committed([u8; 8]),
    /// The transaction with this number is rolled back.
    RolledBack([u8; 8]),
    /// The session is as it was after the log-in.
    Reset,
    /// The client is to connect elsewhere, with the same log-in.
    Routed(Route),
    /// Another change, by its number.
    Other(u8),
}

/// The numbers of the others.
const COLLATION: u8 = 7;
const BEGUN: u8 = 8;
const COMMITTED: u8 = 9;
const ROLLED_BACK: u8 = 10;
const RESET: u8 = 18;
const ROUTED: u8 = 20;

impl EnvChange {
    /// The change of a text.
    #[must_use]
    pub fn text(kind: EnvKind, new: &str, old: &str) -> Self {
        Self::Text { kind, new: new.to_owned(), old: old.to_owned() }
    }

    /// Appends the token.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for too long a text; [`EncodeError::Type`] for [`EnvChange::Other`], of which only the number is
    /// known.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::whole(out, |out| {
            out.push(kind::ENV_CHANGE);
            write::with_u16_length(out, |out| self.write(out))
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Text { kind, new, old } => {
                out.push(*kind as u8);
                write::b_varchar(out, new)?;
                write::b_varchar(out, old)
            }
            Self::Collation { new, old } => {
                out.push(COLLATION);
                [new, old].into_iter().try_for_each(|collation| {
                    write::b_varbyte(out, collation.as_ref().map_or(&[], |collation| &collation.0[..]))
                })
            }
            Self::Begun(number) => {
                out.push(BEGUN);
                write::b_varbyte(out, number)?;
                write::b_varbyte(out, &[])
            }
            Self::Committed(number) | Self::RolledBack(number) => {
                out.push(if matches!(self, Self::Committed(_)) { COMMITTED } else { ROLLED_BACK });
                write::b_varbyte(out, &[])?;
                write::b_varbyte(out, number)
            }
            Self::Reset => {
                out.extend([RESET, 0, 0]);
                Ok(())
            }
            Self::Routed(route) => {
                out.push(ROUTED);
                write::with_u16_length(out, |out| {
                    // The protocol, which is TCP.
                    out.push(0);
                    out.extend(route.port.to_le_bytes());
                    write::us_varchar(out, &route.server)
                })?;
                out.extend([0; 2]);
                Ok(())
            }
            Self::Other(_) => Err(EncodeError::Type),
        }
    }

    /// Reads the body of the token.
    pub(super) fn read(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let number = body.u8()?;
        let kind = match number {
            1 => EnvKind::Database,
            2 => EnvKind::Language,
            4 => EnvKind::PacketLen,
            _ => return Self::read_other(number, body),
        };
        let change = Self::Text { kind, new: body.b_varchar()?, old: body.b_varchar()? };
        body.end()?;
        Ok(change)
    }

    fn read_other(number: u8, mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = |body: &mut Reader<'_>| body.u8().and_then(|len| body.bytes(usize::from(len)).map(<[u8]>::to_vec));
        let eight = |bytes: Vec<u8>| <[u8; 8]>::try_from(bytes).map_err(|_| DecodeError::Value);
        let change = match number {
            COLLATION => {
                let five = |bytes: Vec<u8>| match bytes.len() {
                    0 => Ok(None),
                    _ => bytes.try_into().map(|bytes| Some(Collation(bytes))).map_err(|_| DecodeError::Value),
                };
                Self::Collation { new: five(bytes(&mut body)?)?, old: five(bytes(&mut body)?)? }
            }
            BEGUN | COMMITTED | ROLLED_BACK => {
                let (new, old) = (bytes(&mut body)?, bytes(&mut body)?);
                match number {
                    BEGUN => Self::Begun(eight(new)?),
                    COMMITTED => Self::Committed(eight(old)?),
                    _ => Self::RolledBack(eight(old)?),
                }
            }
            RESET => {
                body.rest();
                Self::Reset
            }
            ROUTED => {
                let len = body.u16()?;
                let mut route = Reader::new(body.bytes(usize::from(len))?);
                body.rest();
                let protocol = route.u8()?;
                let (port, server) = (route.u16()?, route.us_varchar()?);
                if protocol != 0 {
                    return Err(DecodeError::Value);
                }
                route.end()?;
                Self::Routed(Route { server, port })
            }
            other => {
                body.rest();
                Self::Other(other)
            }
        };
        body.end()?;
        Ok(change)
    }
}
