//! Tells a wish for TLS from a log-in.

use crate::mysql::{DecodeError, frame::MAX_LOGIN_LEN, read::capped};

use super::{Login, SslRequest};

/// What a client answers to the greeting, in clear or, the second time, through TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstPacket<'a> {
    /// The client asks for TLS and begins it at once: there is no answer.
    SslRequest(SslRequest),
    /// The client logs in.
    Login(Login<'a>),
}

impl<'a> FirstPacket<'a> {
    /// Decodes the payload.
    ///
    /// # Errors
    /// As [`SslRequest::decode`] and [`Login::decode`]; [`DecodeError::Length`] above [`MAX_LOGIN_LEN`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        capped(payload.len(), MAX_LOGIN_LEN)?;
        if payload.len() == SslRequest::LEN {
            SslRequest::decode(payload).map(Self::SslRequest)
        } else {
            Login::decode(payload).map(Self::Login)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_refused() {
        assert_eq!(FirstPacket::decode(b"GET / HTTP/1.1\r\n"), Err(DecodeError::TooOld));
        assert_eq!(FirstPacket::decode(b""), Err(DecodeError::Truncated));
        assert_eq!(FirstPacket::decode(&[0xff; 32]).map(|p| matches!(p, FirstPacket::SslRequest(_))), Ok(true));
        assert_eq!(FirstPacket::decode(&vec![0xff; MAX_LOGIN_LEN + 1]), Err(DecodeError::Length(16_385)));
    }
}
