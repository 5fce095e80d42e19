//! Reading and writing during handshakes: one packet or message at a time, never a byte beyond it, and never more than is
//! capped before it is allocated.

use std::io;

use mayfly_protocol::postgres::{
    DecodeError,
    frame::{Message, MessageReader},
    startup::{FirstPacket, first_packet_body_len},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest piece that is read at once.
const PIECE_LEN: usize = 4096;

/// Nothing could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The peer left where it may leave, at the beginning of a message.
    #[error("the peer left")]
    Left,
    /// The connection broke, or ended within a message.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The peer does not speak the protocol.
    #[error("protocol violation: {0}")]
    Violation(#[from] DecodeError),
}

/// Reads the first packet of a connection, or the next one after an answered request for encryption.
pub(super) async fn read_first_packet<S: AsyncRead + Unpin>(from: &mut S) -> Result<FirstPacket, ReadError> {
    let mut field = [0; 4];
    if from.read(&mut field[..1]).await.map_err(ReadError::Broken)? == 0 {
        return Err(ReadError::Left);
    }
    from.read_exact(&mut field[1..]).await.map_err(ReadError::Broken)?;
    let mut body = vec![0; first_packet_body_len(field)?];
    from.read_exact(&mut body).await.map_err(ReadError::Broken)?;
    Ok(FirstPacket::decode(&body)?)
}

/// Reads one typed message whose body has at most `max_body` bytes.
pub(super) async fn read_message<S: AsyncRead + Unpin>(from: &mut S, max_body: usize) -> Result<Message, ReadError> {
    let mut reader = MessageReader::new(max_body);
    let mut piece = zeroize::Zeroizing::new([0; PIECE_LEN]);
    loop {
        let wanted = reader.wants().min(PIECE_LEN);
        let read = from.read(&mut piece[..wanted]).await.map_err(ReadError::Broken)?;
        if read == 0 {
            return Err(match reader.at_boundary() {
                true => ReadError::Left,
                false => ReadError::Broken(io::ErrorKind::UnexpectedEof.into()),
            });
        }
        let (_, message) = reader.push(&piece[..read])?;
        if let Some(message) = message {
            return Ok(message);
        }
    }
}

/// Writes bytes and sees to it that they go out.
pub(super) async fn send<S: AsyncWrite + Unpin>(to: &mut S, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
