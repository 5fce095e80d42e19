//! The connection to a target, with the encryption that the record demands: never less, whatever the target answers.

use std::time::Duration;

use mayfly_dial::{DialError, Dialer, tls_client_config, tls_connect};
use mayfly_domain::{Authorised, Destination, FailureClass, Permit};
use mayfly_protocol::postgres::{
    backend::SqlState,
    startup::{CancelRequest, EncryptionReply, encode_ssl_request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{outcome::Outcome, target::TargetStream};

use super::{Context, cancel::Route, closing::Closing, wire};

/// A connection to a target that is what the record demands, before any log-in.
pub(super) struct Reached {
    pub(super) stream: TargetStream,
    /// The hash of the target's certificate, for channel binding.
    pub(super) end_point: Option<Vec<u8>>,
}

/// Connects to a target and encrypts the connection.
pub(super) async fn reach(destination: &Destination, permit: &Authorised, limit: Duration) -> Result<Reached, Closing> {
    let config = tls_client_config(&destination.trust).map_err(unreachable)?;
    let mut tcp = Dialer.connect(Permit::Open(permit), destination, limit).await.map_err(unreachable)?;
    let Some(config) = config else {
        return Ok(Reached { stream: TargetStream::Plain(tcp), end_point: None });
    };
    ask_for_tls(&mut tcp).await?;
    let tls = tls_connect(config, &destination.endpoint, tcp, limit).await.map_err(unreachable)?;
    Ok(Reached { stream: TargetStream::Tls(Box::new(tls.stream)), end_point: tls.server_end_point })
}

/// Asks for encryption. Only this one byte is read: what stands behind it can only be TLS.
async fn ask_for_tls(tcp: &mut TcpStream) -> Result<(), Closing> {
    let mut request = Vec::new();
    encode_ssl_request(&mut request);
    let mut reply = [0];
    let exchanged = async {
        wire::send(tcp, &request).await?;
        tcp.read_exact(&mut reply).await
    };
    if exchanged.await.is_err() {
        let text = "the target closed the connection when asked for TLS";
        return Err(Closing::saying(Outcome::Unreachable, SqlState::UNABLE_TO_CONNECT, text));
    }
    match EncryptionReply::decode(reply[0]) {
        Ok(EncryptionReply::Tls) => Ok(()),
        Ok(EncryptionReply::Refused) => {
            let text = "the target does not offer TLS: switch ssl on there; nothing secret was sent";
            Err(Closing::saying(Outcome::Unreachable, SqlState::UNABLE_TO_CONNECT, text))
        }
        Ok(EncryptionReply::Gss) | Err(_) => Err(Closing::target_violation("answer to SSLRequest")),
    }
}

/// What a person reads when a target cannot be reached: our words only, never the peer's.
fn unreachable(error: DialError) -> Closing {
    tracing::warn!(error = &error as &dyn std::error::Error, "Target cannot be reached");
    let code = match error.class() {
        FailureClass::Busy => SqlState::TOO_MANY_CONNECTIONS,
        _ => SqlState::UNABLE_TO_CONNECT,
    };
    Closing::saying(Outcome::Unreachable, code, &error.person_text())
}

/// Sends a request to cancel and waits until the target closes the connection, which it does when it has seen to it.
pub(super) async fn cancel(route: &Route, context: &Context) -> Result<(), Closing> {
    let reached = reach(&route.destination, &route.authorised, context.settings.target_time).await?;
    let mut stream = reached.stream;
    let request = CancelRequest { process_id: route.target.process_id, key: route.target.key.clone() };
    let mut bytes = Vec::new();
    request.encode(&mut bytes).map_err(|_| Closing::target_violation("cancel key"))?;
    let lost = |_| Closing::silent(Outcome::TargetLost);
    wire::send(&mut stream, &bytes).await.map_err(lost)?;
    // Whatever comes, the target has read the request when it ends the connection or breaks it off.
    let mut end = [0; 16];
    let _ = stream.read(&mut end).await;
    let _ = stream.shutdown().await;
    Ok(())
}
