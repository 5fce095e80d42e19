//! Our log-in to the target, as its client: with the session's account, and with what the client asked for itself: database,
//! collation, attributes.

use mayfly_dial::Credential;
use mayfly_protocol::mysql::{
    Capabilities,
    auth::{AuthError, Channel, Client, ClientStep},
    connect::Login,
    frame::{self, Packet, Sequence},
    reply::{AuthReply, ErrPacket, ErrorCode},
};

use crate::{outcome::Outcome, target::TargetStream};

use super::{
    closing::Closing,
    opening::OFFERED,
    reach::{Reached, Wish},
    wire::{self, ReadError},
};

/// SQLSTATE class of a refused authorisation.
const AUTHORIZATION: &str = "28";

/// The errors of accounts that are locked or whose password has expired (MySQL 3118 and 1862, MariaDB 4151), which have no such class.
const CLOSED_ACCOUNT: [u16; 3] = [3118, 1862, 4151];

/// What a client's log-in becomes at the target.
pub(super) struct Request<'a> {
    pub(super) credential: &'a Credential,
    /// The client's own log-in.
    pub(super) login: &'a Login<'a>,
    /// The database to use; empty for none.
    pub(super) database: &'a [u8],
}

/// The database that the target is asked for: the client's, or where that is empty or only the user name again, the record's own.
pub(super) fn database<'a>(login: &Login<'a>, of_record: &'a str) -> &'a [u8] {
    match login.database {
        Some(name) if !name.is_empty() && name != login.user => name,
        _ => of_record.as_bytes(),
    }
}

/// What the target is asked for: what holds with the client, and files where the record allows them.
pub(super) fn wish(login: &Login<'_>, database: &[u8], files: bool) -> Wish {
    let mut capabilities = login.agreed(OFFERED) & Capabilities::SESSION
        | Capabilities::SPOKEN.without(Capabilities::SESSION | Capabilities::CONNECT_WITH_DB);
    if !database.is_empty() {
        capabilities = capabilities | Capabilities::CONNECT_WITH_DB;
    }
    if files {
        capabilities = capabilities | login.agreed(Capabilities::LOCAL_FILES);
    }
    Wish { capabilities, max_packet_len: login.max_packet_len, collation: login.collation }
}

/// Logs in on a connection to a target that is encrypted already, or that the administrator wants in clear. Returns the payload of the
/// `OK` that ends it.
pub(super) async fn log_in(reached: &mut Reached, request: &Request<'_>) -> Result<Packet, Closing> {
    let channel = match reached.stream {
        TargetStream::Tls(_) => Channel::Tls,
        TargetStream::Plain(_) => Channel::Clear,
    };
    let secret = request.credential.secret.expose().as_bytes();
    let (mut client, response) = Client::start(&reached.plugin, &reached.nonce, secret, channel).map_err(|_| {
        let text = "the password of this session's account cannot be sent by this protocol";
        Closing::saying(Outcome::TargetRefused("password".to_owned()), ErrorCode::UNKNOWN, text)
    })?;
    let login = Login {
        capabilities: reached.wish.capabilities,
        max_packet_len: reached.wish.max_packet_len,
        collation: reached.wish.collation,
        user: request.credential.login.as_bytes(),
        response: &response,
        database: (!request.database.is_empty()).then_some(request.database),
        plugin: Some(client.plugin().name().as_bytes()),
        attributes: request.login.attributes.clone(),
    };
    let mut out = Vec::new();
    login.encode(&mut reached.sequence, &mut out).map_err(|_| {
        let outcome = Outcome::Unsupported("log-in");
        Closing::saying(
            outcome,
            ErrorCode::UNKNOWN,
            "the name of the database, or what the client says of itself, is too long",
        )
    })?;
    wire::send(&mut reached.stream, &out).await.map_err(|_| lost())?;
    // A plugin may be switched once and say one thing more: a target that needs more is not one.
    for _ in 0..4 {
        let packet = read(&mut reached.stream, &mut reached.sequence).await?;
        let reply = AuthReply::decode(&packet.payload, reached.wish.capabilities)
            .map_err(|_| Closing::target_violation("answer to the log-in"))?;
        match client.exchange(reply).map_err(unanswered)? {
            ClientStep::Send(payload) => {
                let mut out = zeroize::Zeroizing::new(Vec::with_capacity(frame::HEADER_LEN + payload.len()));
                frame::encode(&payload, &mut reached.sequence, &mut out);
                wire::send(&mut reached.stream, &out).await.map_err(|_| lost())?;
            }
            ClientStep::Wait => {}
            ClientStep::Success => return Ok(packet),
            ClientStep::Failure(error) => return Err(refused(error)),
        }
    }
    Err(Closing::target_violation("endless authentication"))
}

/// An authentication that is not answered.
fn unanswered(error: AuthError) -> Closing {
    let asks = match &error {
        AuthError::Plugin(name) => format!("for the plugin {name}"),
        AuthError::NoTls => "for the password in clear on a connection without TLS".to_owned(),
        _ => return Closing::target_violation("authentication"),
    };
    let text = format!(
        "the target must authenticate this session's account by caching_sha2_password or mysql_native_password but asks {asks}"
    );
    Closing::saying(Outcome::TargetRefused("authentication method".to_owned()), ErrorCode::UNKNOWN, &text)
}

/// The target refuses. What it says goes to the client, but that the session's account cannot log in is no fault of the
/// person's secret, and must not read as one.
fn refused(error: ErrPacket) -> Closing {
    let outcome = Outcome::TargetRefused(error.number.to_string());
    let of_account = error.state.is_some_and(|state| state.as_str().starts_with(AUTHORIZATION))
        || CLOSED_ACCOUNT.contains(&error.number);
    if of_account {
        let text = format!("the target refused the account of this session: {}", error.message());
        return Closing::saying(outcome, ErrorCode::UNKNOWN, &text);
    }
    Closing::with(outcome, error)
}

/// Reads the target's next packet.
pub(super) async fn read(stream: &mut TargetStream, sequence: &mut Sequence) -> Result<Packet, Closing> {
    match wire::read_packet(stream, sequence).await {
        Ok(packet) => Ok(packet),
        Err(ReadError::Left | ReadError::Broken(_)) => Err(lost()),
        Err(ReadError::Violation(_)) => Err(Closing::target_violation("packet")),
    }
}

pub(super) fn lost() -> Closing {
    let text = "the target closed the connection while the session was being opened";
    Closing::saying(Outcome::TargetLost, ErrorCode::UNKNOWN, text)
}

#[cfg(test)]
mod tests {
    use mayfly_protocol::mysql::connect::Attributes;

    use super::*;

    fn login(database: Option<&'static str>) -> Login<'static> {
        Login {
            capabilities: Capabilities::from_bits(u32::MAX).without(Capabilities::FOUND_ROWS),
            max_packet_len: 1,
            collation: 45,
            user: b"alice~orders",
            response: b"",
            database: database.map(str::as_bytes),
            plugin: None,
            attributes: Attributes::new(),
        }
    }

    #[test]
    fn no_database_means_the_records_own() {
        for (asked, used) in
            [(None, "orders"), (Some(""), "orders"), (Some("alice~orders"), "orders"), (Some("billing"), "billing")]
        {
            assert_eq!(database(&login(asked), "orders"), used.as_bytes(), "{asked:?}");
        }
        assert_eq!(database(&login(None), ""), b"");
    }

    #[test]
    fn the_target_is_asked_for_what_holds_with_the_client() {
        let asked = |database: &[u8], files| wish(&login(None), database, files).capabilities;
        assert!(!asked(b"", false).contains(Capabilities::FOUND_ROWS), "the client does not want it");
        assert!(asked(b"", false).contains(Capabilities::DEPRECATE_EOF | Capabilities::SSL));
        assert!(!asked(b"", false).contains(Capabilities::CONNECT_WITH_DB));
        assert!(asked(b"d", false).contains(Capabilities::CONNECT_WITH_DB));
        assert!(!asked(b"d", false).contains(Capabilities::LOCAL_FILES));
        assert!(asked(b"d", true).contains(Capabilities::LOCAL_FILES));
        let without = Login { capabilities: Capabilities::PROTOCOL_41, ..login(None) };
        assert!(!wish(&without, b"", true).capabilities.contains(Capabilities::LOCAL_FILES));
        assert_eq!(asked(b"d", true) & Capabilities::COMPRESS, Capabilities::default());
    }
}
