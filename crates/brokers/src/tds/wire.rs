//! Reading and writing during log-ins: one message at a time, never a byte beyond it, and never more than is capped before it
//! is allocated.

use std::io;

use mayfly_protocol::tds::{
    DecodeError,
    frame::{Message, MessageReader, PacketType, Packets},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

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

/// Reads one message of at most `max_len` bytes.
pub(super) async fn read_message<S: AsyncRead + Unpin>(from: &mut S, max_len: usize) -> Result<Message, ReadError> {
    let mut reader = MessageReader::new(max_len);
    let mut piece = Zeroizing::new([0; PIECE_LEN]);
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

/// Sends a message in packets of the first length. The bytes are wiped, since a log-in has the password in it.
pub(super) async fn send_message<S: AsyncWrite + Unpin>(to: &mut S, kind: PacketType, data: &[u8]) -> io::Result<()> {
    // Headers take less than an eighth, so that no copy is left behind by a buffer that grows.
    let mut bytes = Zeroizing::new(Vec::with_capacity(data.len() + data.len() / 8 + 64));
    Packets::of(kind).encode(data, &mut bytes);
    to.write_all(&bytes).await?;
    to.flush().await
}
