//! The connection to a target, with the encryption that the record demands: never less, whatever the target greets with.

use std::time::Duration;

use mayfly_dial::{DialError, Dialer, tls_client_config, tls_connect};
use mayfly_domain::{Authorised, Destination, FailureClass, Permit};
use mayfly_protocol::mysql::{
    Capabilities, Nonce,
    connect::{Greeting, SslRequest},
    frame::Sequence,
    reply::{ErrPacket, ErrorCode, tag},
};
use tokio::net::TcpStream;

use crate::{outcome::Outcome, target::TargetStream};

use super::{
    closing::Closing,
    wire::{self, ReadError},
};

/// The collation that clients of MySQL begin with, utf8mb4_0900_ai_ci, which MariaDB does not know and takes for its default, and
/// the one that stands for it there: utf8mb4_unicode_ci.
const OF_MYSQL_ALONE: u8 = 255;
const FOR_MARIADB: u8 = 224;

/// The errors with which a server refuses a connection at once, before it is known to be the right one: its words are not passed
/// on, only what its number says.
const CON_COUNT: u16 = 1040;
const HOST_IS_BLOCKED: u16 = 1129;
const HOST_NOT_PRIVILEGED: u16 = 1130;

/// What we want of a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// What has to hold on the connection.
    pub(super) capabilities: Capabilities,
    pub(super) max_packet_len: u32,
    pub(super) collation: u8,
}

/// A connection to a target that is what the record demands, before any log-in.
pub(super) struct Reached {
    pub(super) stream: TargetStream,
    /// The target's own number for the connection.
    pub(super) id: u32,
    /// Whether it is MariaDB.
    pub(super) mariadb: bool,
    /// What it wants to have answered, by which plugin.
    pub(super) nonce: Nonce,
    pub(super) plugin: Vec<u8>,
    /// What we ask for; the collation is one that the target knows.
    pub(super) wish: Wish,
    pub(super) sequence: Sequence,
}

/// Connects to a target and encrypts the connection.
pub(super) async fn reach(
    destination: &Destination,
    permit: &Authorised,
    limit: Duration,
    mut wish: Wish,
) -> Result<Reached, Closing> {
    let config = tls_client_config(&destination.trust).map_err(unreachable)?;
    let mut tcp = Dialer.connect(Permit::Open(permit), destination, limit).await.map_err(unreachable)?;
    let mut sequence = Sequence::new();
    let packet = match wire::read_packet(&mut tcp, &mut sequence).await {
        Ok(packet) => packet,
        Err(ReadError::Left | ReadError::Broken(_)) => {
            return Err(out_of_reach("the target closed the connection before it had greeted"));
        }
        Err(ReadError::Violation(_)) => return Err(Closing::target_violation("greeting")),
    };
    if packet.payload.first() == Some(&tag::ERR) {
        return Err(turned_away(&packet.payload));
    }
    let greeting = Greeting::decode(&packet.payload).map_err(|_| Closing::target_violation("greeting"))?;
    let mariadb = greeting.server_version.windows(7).any(|part| part.eq_ignore_ascii_case(b"mariadb"));
    if mariadb && wish.collation == OF_MYSQL_ALONE {
        wish.collation = FOR_MARIADB;
    }
    if !greeting.capabilities.contains(wish.capabilities & Capabilities::SESSION) {
        let text = "the target does not speak what was agreed with the client: MySQL 8.4 and MariaDB 10.11 are the oldest \
                    that are supported";
        return Err(Closing::saying(Outcome::TargetRefused("capabilities".to_owned()), ErrorCode::UNKNOWN, text));
    }
    let stream = match config {
        None => {
            wish.capabilities = wish.capabilities.without(Capabilities::SSL);
            TargetStream::Plain(tcp)
        }
        Some(config) => {
            if !greeting.capabilities.contains(Capabilities::SSL) {
                let text =
                    "the target does not offer TLS: give it a certificate (ssl_cert, ssl_key); nothing secret was sent";
                return Err(out_of_reach(text));
            }
            ask_for_tls(&mut tcp, wish, &mut sequence).await?;
            let tls = tls_connect(config, &destination.endpoint, tcp, limit).await.map_err(unreachable)?;
            TargetStream::Tls(Box::new(tls.stream))
        }
    };
    let Greeting { connection_id: id, nonce, plugin, .. } = greeting;
    Ok(Reached { stream, id, mariadb, nonce, plugin: plugin.to_vec(), wish, sequence })
}

/// Asks for encryption. There is no answer: what follows on both sides can only be TLS.
async fn ask_for_tls(tcp: &mut TcpStream, wish: Wish, sequence: &mut Sequence) -> Result<(), Closing> {
    let Wish { capabilities, max_packet_len, collation } = wish;
    let mut out = Vec::new();
    let request = SslRequest { capabilities, max_packet_len, collation };
    request.encode(sequence, &mut out).map_err(|_| Closing::target_violation("capabilities"))?;
    let lost = |_| out_of_reach("the target closed the connection when asked for TLS");
    wire::send(tcp, &out).await.map_err(lost)
}

/// What a server says that does not take the connection.
fn turned_away(payload: &[u8]) -> Closing {
    let Ok(error) = ErrPacket::decode(payload) else { return Closing::target_violation("greeting") };
    let (code, text) = match error.number {
        CON_COUNT => (ErrorCode::TOO_MANY_CONNECTIONS, "the target has too many connections".to_owned()),
        HOST_IS_BLOCKED => {
            let text =
                "the target has blocked this server's address after too many failures: FLUSH HOSTS there opens it";
            (ErrorCode::UNKNOWN, text.to_owned())
        }
        HOST_NOT_PRIVILEGED => {
            let text = "the target takes no connections from this server's address";
            (ErrorCode::UNKNOWN, text.to_owned())
        }
        number => (ErrorCode::UNKNOWN, format!("the target refuses connections with its error {number}")),
    };
    Closing::saying(Outcome::TargetRefused(error.number.to_string()), code, &text)
}

fn out_of_reach(text: &str) -> Closing {
    Closing::saying(Outcome::Unreachable, ErrorCode::UNKNOWN, text)
}

/// What a person reads when a target cannot be reached: our words only, never the peer's.
fn unreachable(error: DialError) -> Closing {
    tracing::warn!(error = &error as &dyn std::error::Error, "Target cannot be reached");
    let code = match error.class() {
        FailureClass::Busy => ErrorCode::TOO_MANY_CONNECTIONS,
        _ => ErrorCode::UNKNOWN,
    };
    Closing::saying(Outcome::Unreachable, code, &error.person_text())
}
