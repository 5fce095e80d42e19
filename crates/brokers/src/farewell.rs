//! The last bytes for a client before its connection is closed.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a client has to take its last message.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Sends the last bytes and closes the connection, for at most a second. What the client still sends meanwhile is read
/// and dropped: closing a socket with unread bytes resets it, and the client might never see why.
pub(crate) async fn say_farewell<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S, bytes: &[u8]) {
    let talk = async {
        client.write_all(bytes).await?;
        client.flush().await?;
        client.shutdown().await?;
        let mut rest = [0; 1024];
        while client.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A client that does not listen has nothing to be told.
    let _ = tokio::time::timeout(FAREWELL_TIME, talk).await;
}
