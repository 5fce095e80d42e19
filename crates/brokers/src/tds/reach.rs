//! The connection to a target, with the encryption that the record demands: never less, whatever the target answers.

use std::time::Duration;

use mayfly_dial::{DialError, Dialer, InPrelogin, tls_client_config, tls_connect_in_prelogin};
use mayfly_domain::{Authorised, Destination, Permit};
use mayfly_protocol::tds::{Encryption, MAX_PRELOGIN_LEN, Prelogin, frame::PacketType};
use tokio::net::TcpStream;

use crate::outcome::Outcome;

use super::{
    closing::Closing,
    wire::{self, ReadError},
};

/// A connection to a target.
pub(super) type TargetStream = crate::target::TargetStream<InPrelogin<TcpStream>>;

/// What we say of our version: none that a target would look at.
const VERSION: [u8; 6] = [0; 6];

/// Connects to a target and encrypts the connection. `mars` is what the client was told of several results at once.
pub(super) async fn reach(
    destination: &Destination,
    permit: &Authorised,
    limit: Duration,
    mars: bool,
) -> Result<TargetStream, Closing> {
    let config = tls_client_config(&destination.trust).map_err(unreachable)?;
    let mut tcp = Dialer.connect(Permit::Open(permit), destination, limit).await.map_err(unreachable)?;
    let encryption = if config.is_some() { Encryption::On } else { Encryption::NotSupported };
    let asked = Prelogin {
        encryption: Some(encryption),
        instance: Some(b""),
        thread_id: Some([0; 4]),
        mars: Some(mars),
        ..Prelogin::of_version(VERSION)
    };
    let answered = exchange(&mut tcp, &asked, mars).await?;
    match (config, answered) {
        (Some(config), Encryption::On | Encryption::Required) => {
            let tls = tls_connect_in_prelogin(config, &destination.endpoint, tcp, limit).await.map_err(unreachable)?;
            Ok(TargetStream::Tls(Box::new(tls.stream)))
        }
        (Some(_), _) => {
            Err(out_of_reach("the target does not offer TLS: switch encryption on there; nothing secret was sent"))
        }
        (None, Encryption::Off | Encryption::NotSupported) => Ok(TargetStream::Plain(tcp)),
        (None, _) => Err(out_of_reach("the target demands TLS, and the record says that there is none")),
    }
}

/// Says what we can and hears what the target can. Returns its word on encryption.
async fn exchange(tcp: &mut TcpStream, asked: &Prelogin<'_>, mars: bool) -> Result<Encryption, Closing> {
    let mut data = Vec::new();
    asked.encode(&mut data).map_err(|_| Closing::target_violation("PRELOGIN"))?;
    let closed =
        || out_of_reach("the target closed the connection before TLS: one that forces strict encryption does so");
    wire::send_message(tcp, PacketType::Prelogin, &data).await.map_err(|_| closed())?;
    let message = match wire::read_message(tcp, MAX_PRELOGIN_LEN).await {
        Ok(message) if message.kind == PacketType::Result => message,
        Ok(_) | Err(ReadError::Violation(_)) => return Err(Closing::target_violation("answer to PRELOGIN")),
        Err(ReadError::Left | ReadError::Broken(_)) => return Err(closed()),
    };
    let answer = Prelogin::decode(&message.data).map_err(|_| Closing::target_violation("answer to PRELOGIN"))?;
    if mars && answer.mars != Some(true) {
        let text = "the target does not speak several results at once: switch MARS off in the connection";
        return Err(Closing::saying(Outcome::TargetRefused("mars".to_owned()), text));
    }
    answer.encryption.ok_or_else(|| Closing::target_violation("answer to PRELOGIN"))
}

fn out_of_reach(text: &str) -> Closing {
    Closing::saying(Outcome::Unreachable, text)
}

/// What a person reads when a target cannot be reached: our words only, never the peer's.
fn unreachable(error: DialError) -> Closing {
    tracing::warn!(error = &error as &dyn std::error::Error, "Target cannot be reached");
    Closing::saying(Outcome::Unreachable, &error.person_text())
}
