//! Reading and writing during log-ins: one packet at a time, never a byte beyond it, and never more than is capped before it is
//! allocated.

use std::io;

use mayfly_protocol::mysql::{
    DecodeError,
    frame::{MAX_LOGIN_LEN, Packet, PacketReader, Sequence},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest piece that is read at once.
const PIECE_LEN: usize = 4096;

/// Nothing could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The peer left where it may leave, at the beginning of a packet.
    #[error("the peer left")]
    Left,
    /// The connection broke, or ended within a packet.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The peer does not speak the protocol.
    #[error("protocol violation: {0}")]
    Violation(#[from] DecodeError),
}

/// Reads the packet that has the next number.
pub(super) async fn read_packet<S: AsyncRead + Unpin>(
    from: &mut S,
    sequence: &mut Sequence,
) -> Result<Packet, ReadError> {
    let mut reader = PacketReader::new(MAX_LOGIN_LEN);
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
        let (_, packet) = reader.push(&piece[..read])?;
        if let Some(packet) = packet {
            sequence.check(&packet)?;
            return Ok(packet);
        }
    }
}

/// Writes bytes and sees to it that they go out.
pub(super) async fn send<S: AsyncWrite + Unpin>(to: &mut S, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
