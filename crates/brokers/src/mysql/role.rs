//! The role of a session that uses an existing account: activated on each connection, before the client is told that it is
//! connected. The account's own default roles stay what they are (MySQL manual, "Using Roles"; MariaDB documentation, page "SET ROLE").

use mayfly_protocol::mysql::{
    Capabilities, Command,
    frame::{self, Sequence},
    reply::{ErrPacket, ErrorCode, first_value, tag},
};

use crate::{outcome::Outcome, target::TargetStream};

use super::{closing::Closing, log_in, wire};

/// Activates the role. Returns the statement that does it again.
///
/// MySQL has several active roles, and naming one deactivates the others: so those that are active after log-in are named with
/// it. MariaDB has one, which takes the place of the default role.
pub(super) async fn activate(
    target: &mut TargetStream,
    agreed: Capabilities,
    role: &str,
    mariadb: bool,
) -> Result<String, Closing> {
    let role = quoted(role);
    let statement = if mariadb {
        format!("SET ROLE {role}")
    } else {
        match ask(target, agreed, "SELECT CURRENT_ROLE()").await?.as_deref() {
            None | Some("NONE") => format!("SET ROLE {role}"),
            Some(active) => format!("SET ROLE {active}, {role}"),
        }
    };
    ask(target, agreed, &statement).await?;
    Ok(statement)
}

/// Makes a database the session's default, once the role that may use it is active.
pub(super) async fn begin_in(target: &mut TargetStream, database: &[u8]) -> Result<(), Closing> {
    wire::send(target, &command(Command::InitDb, database)).await.map_err(|_| log_in::lost())?;
    let answer = log_in::read(target, &mut Sequence::at(1)).await?;
    if answer.payload.first() == Some(&tag::OK) {
        return Ok(());
    }
    let error = ErrPacket::decode(&answer.payload).map_err(|_| unexpected())?;
    Err(Closing::with(Outcome::TargetRefused(error.number.to_string()), error))
}

/// A command as its packet.
fn command(command: Command, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(&[&[command as u8], rest].concat(), &mut Sequence::new(), &mut out);
    out
}

/// A statement as the packet that executes it.
pub(super) fn query(statement: &str) -> Vec<u8> {
    command(Command::Query, statement.as_bytes())
}

/// A name as an identifier, which both servers take for one whatever is in it.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Executes a statement whose result, if any, has one column and at most one row. Returns its value.
async fn ask(target: &mut TargetStream, agreed: Capabilities, statement: &str) -> Result<Option<String>, Closing> {
    wire::send(target, &query(statement)).await.map_err(|_| log_in::lost())?;
    let mut sequence = Sequence::at(1);
    let first = log_in::read(target, &mut sequence).await?;
    match first.payload.first() {
        Some(&tag::OK) => return Ok(None),
        Some(&tag::ERR) => return Err(failed(&first.payload)),
        Some(1) => {}
        _ => return Err(unexpected()),
    }
    // The column, and its end where there is one.
    log_in::read(target, &mut sequence).await?;
    if !agreed.contains(Capabilities::DEPRECATE_EOF) {
        log_in::read(target, &mut sequence).await?;
    }
    let mut value = None;
    for _ in 0..2 {
        let packet = log_in::read(target, &mut sequence).await?;
        match packet.payload.first() {
            Some(0xfe) => return Ok(value),
            Some(&tag::ERR) => return Err(failed(&packet.payload)),
            _ => {
                let text = first_value(&packet.payload).map_err(|_| unexpected())?;
                value = text.map(|text| String::from_utf8_lossy(text).into_owned());
            }
        }
    }
    Err(unexpected())
}

fn unexpected() -> Closing {
    Closing::target_violation("result of a statement")
}

/// The target does not activate the role.
fn failed(payload: &[u8]) -> Closing {
    let Ok(error) = ErrPacket::decode(payload) else { return unexpected() };
    let text = format!("the role of this session could not be activated: {}", error.message());
    Closing::saying(Outcome::TargetRefused(error.number.to_string()), ErrorCode::UNKNOWN, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("readonly"), "`readonly`");
        assert_eq!(quoted("a`, `b"), "`a``, ``b`");
        assert_eq!(query("x"), b"\x02\0\0\0\x03x");
    }
}
