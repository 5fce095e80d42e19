//! From a person who has signed in to the last byte: joining the session, logging in to the target, the relay, the end.

use std::{future::Future, time::Duration};

use mayfly_domain::SessionId;
use mayfly_protocol::postgres::{
    backend::{ErrorFields, Severity, SqlState},
    frame::Framer,
    startup::StartupMessage,
};
use tokio::io::AsyncReadExt;

use crate::{
    farewell::say_farewell,
    outcome::{Outcome, Side, Stage},
    port::{Ending, Joined, RefusalClass, Refused, Service},
    relay::{Boundaries, End, Finished, Relay, Violation},
    standing,
    target::TargetStream,
};

use super::{
    Context,
    cancel::{Route, Ticket},
    closing::Closing,
    log_in::{self, Request},
    opening::ClientStream,
    reach,
    sign_in::Person,
    voice, wire,
};

/// How long a client waits before it is told what for, and how long until it is told again.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_AGAIN: Duration = Duration::from_secs(15);

/// A session that is ready: the target waits for the client's first query.
struct Ready {
    joined: Joined,
    target: TargetStream,
    ticket: Ticket,
    /// What the client has to be sent before its first query.
    greeting: Vec<u8>,
}

/// Serves a person who has signed in until the connection ends. `note` hears the session as soon as it is known.
pub(super) async fn session(
    client: &mut ClientStream,
    startup: &StartupMessage,
    person: Person,
    context: &Context,
    note: impl FnOnce(&SessionId) + Send,
) -> Closing {
    let waiting = format!("waiting for the session on {} to be ready", person.login.record);
    let mut early = Vec::new();
    let opening = open(startup, person, context, note);
    let mut ready = match wait(client, opening, &waiting, &mut early).await {
        Ok(ready) => ready,
        Err(closing) => return closing,
    };
    if wire::send(client, &ready.greeting).await.is_err() {
        return Closing::silent(Outcome::ClientLeft);
    }
    ready.greeting = Vec::new();
    relay(client, ready, early, context).await
}

/// Waits for the session while the client waits too: tells it what for, and stops when it leaves. What it sends
/// meanwhile, one byte at most, is kept in `early`.
async fn wait(
    client: &mut ClientStream,
    opening: impl Future<Output = Result<Ready, Closing>>,
    text: &str,
    early: &mut Vec<u8>,
) -> Result<Ready, Closing> {
    let mut opening = std::pin::pin!(opening);
    let mut patience = PATIENCE;
    let mut byte = [0];
    loop {
        tokio::select! {
            biased;
            done = &mut opening => return done,
            read = client.read(&mut byte), if early.is_empty() => match read {
                Ok(1..) => early.push(byte[0]),
                Ok(0) | Err(_) => return Err(Closing::silent(Outcome::ClientLeft)),
            },
            () = tokio::time::sleep(patience) => {
                let mut notice = Vec::new();
                ErrorFields::new(Severity::Notice, SqlState::SUCCESS, text).encode_notice(&mut notice);
                if wire::send(client, &notice).await.is_err() {
                    return Err(Closing::silent(Outcome::ClientLeft));
                }
                patience = PATIENCE_AGAIN;
            }
        }
    }
}

/// Joins the session and logs in to the target.
async fn open(
    startup: &StartupMessage,
    person: Person,
    context: &Context,
    note: impl FnOnce(&SessionId),
) -> Result<Ready, Closing> {
    let version = person.version;
    let joining = tokio::time::timeout(context.settings.launch_time, person.admitted.join()).await;
    let mut joined =
        joining.map_err(|_| Closing::timed_out(Stage::Launch))?.map_err(|refused| Closing::refused(&refused))?;
    note(&joined.session);
    let Service::Postgres { default_database } = &joined.service else {
        let text = "this record is not opened with PostgreSQL's protocol".to_owned();
        return Err(Closing::refused(&Refused { class: RefusalClass::NotPermitted, text }));
    };
    let mut standing = joined.standing.clone();
    let opening = async {
        let limit = context.settings.target_time;
        let reached = reach::reach(&joined.destination, &joined.authorised, limit).await?;
        let mut target = reached.stream;
        let request = Request {
            credential: &joined.credential,
            default_database,
            startup,
            version,
            end_point: reached.end_point.as_deref(),
            nonce: mayfly_protocol::scram::Nonce::from_bytes(&context.random()),
        };
        let greeting = log_in::log_in(&mut target, request, &mut *joined.guard).await?;
        Ok((target, greeting))
    };
    let (target, mut said) = tokio::select! {
        biased;
        ending = standing::cut(&mut standing) => return Err(Closing::cut(&ending)),
        opened = tokio::time::timeout(context.settings.target_time, opening) => {
            opened.map_err(|_| Closing::timed_out(Stage::Target))??
        }
    };
    let route =
        Route { destination: joined.destination.clone(), authorised: joined.authorised.clone(), target: said.key };
    let ticket = context.cancels.enter(route, version, context).ok_or_else(|| {
        let outcome = Outcome::Refused(RefusalClass::Busy);
        Closing::saying(outcome, SqlState::TOO_MANY_CONNECTIONS, "too many connections")
    })?;
    let encoded = ticket.data.encode(&mut said.messages);
    encoded.map_err(|_| Closing::target_violation("cancel key"))?;
    said.messages.extend_from_slice(&said.ready);
    // A cut, or a client that leaves, does not wait for the record.
    tokio::select! {
        biased;
        ending = standing::cut(&mut standing) => return Err(Closing::cut(&ending)),
        started = joined.guard.started() => started.map_err(|refused| Closing::refused(&refused))?,
    }
    Ok(Ready { joined, target, ticket, greeting: said.messages })
}

/// Copies until the end; closes the target's connection before the client learns of it.
async fn relay(client: &mut ClientStream, ready: Ready, early: Vec<u8>, context: &Context) -> Closing {
    let Ready { joined, mut target, ticket, .. } = ready;
    let Joined { guard, mut standing, .. } = joined;
    let voice = voice::voice(standing.clone(), context.clock.clone());
    let finished = match Relay::new(client, &mut target, ClientSide::default(), TargetSide::default(), early) {
        Ok(relay) => relay.run(voice).await,
        Err(end) => Finished { end, remainder: None, up: ClientSide::default() },
    };
    drop(target);
    drop(ticket);
    drop(guard);
    let closing = match finished.end {
        End::ClientLeft | End::ClientLost => Closing::silent(Outcome::ClientLeft),
        End::TargetLeft if finished.up.terminated => Closing::silent(Outcome::ClientLeft),
        End::TargetLeft => Closing::silent(Outcome::TargetLeft),
        End::TargetLost => {
            let text = "the connection to the target was lost";
            Closing::saying(Outcome::TargetLost, SqlState::CONNECTION_FAILURE, text)
        }
        End::TargetViolation => Closing::target_violation("message length"),
        End::ClientViolation => Closing::silent(Outcome::Violation(Side::Client, "message length")),
        End::Cut => {
            let ending: Ending = standing::cut(&mut standing).await;
            Closing::cut(&ending)
        }
    };
    // Where the client is in the middle of a message, an error would be taken for a part of it.
    match finished.remainder {
        Some(mut bytes) if closing.message.is_some() => {
            bytes.extend_from_slice(&closing.bytes());
            say_farewell(client, &bytes).await;
        }
        Some(_) | None => {}
    }
    Closing::silent(closing.outcome)
}

/// The messages of a target.
#[derive(Default)]
struct TargetSide(Framer);

impl Boundaries for TargetSide {
    fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, Violation> {
        self.0.follow(chunk).map_err(|_| Violation)
    }

    fn at_boundary(&self) -> bool {
        self.0.at_boundary()
    }
}

/// The messages of a client. Nothing is put between them, so they are not followed: only how the last one looks is
/// remembered, to tell in the log who left first.
#[derive(Default)]
struct ClientSide {
    terminated: bool,
}

impl Boundaries for ClientSide {
    fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, Violation> {
        if !chunk.is_empty() {
            self.terminated = chunk.ends_with(&TERMINATE);
        }
        Ok(None)
    }

    fn at_boundary(&self) -> bool {
        false
    }
}

/// `Terminate` on the wire.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

#[cfg(test)]
mod tests {
    use mayfly_protocol::postgres::frontend::encode_terminate;

    use super::*;

    #[test]
    fn the_last_message_of_a_client_is_recognised() {
        let mut terminate = Vec::new();
        encode_terminate(&mut terminate);
        assert_eq!(terminate, TERMINATE);
        let mut side = ClientSide::default();
        side.follow(b"Q\0\0\0\x05;\0X\0\0\0\x04").unwrap();
        side.follow(b"").unwrap();
        assert!(side.terminated);
        side.follow(b"Q\0\0\0\x05;\0").unwrap();
        assert!(!side.terminated);
    }
}
