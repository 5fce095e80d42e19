//! From a person who has signed in to the last byte: joining the session, logging in to the target, the relay, the end.

use std::future::Future;

use futures_util::stream;
use mayfly_domain::SessionId;
use mayfly_protocol::mysql::{
    Capabilities,
    connect::Login,
    exchange::{Breach, Refusal, Terms},
    frame::{self, Framer, Packet, Sequence},
    reply::ErrorCode,
};
use tokio::io::AsyncReadExt;

use crate::{
    farewell::say_farewell,
    outcome::{Outcome, Side, Stage},
    port::{Joined, MysqlService, RefusalClass, Refused, Service},
    relay::{Boundaries, End, Finished, Interjection, Relay, Violation},
    standing,
    target::TargetStream,
};

use super::{
    Context,
    closing::Closing,
    log_in::{self, Request},
    numbers::Number,
    opening::ClientStream,
    reach, role,
    sign_in::Person,
    tap::{self, ClientTap, Spoiled, TargetTap, Watch},
    wire,
};

/// A session that is ready: the target waits for the client's first command.
struct Ready {
    joined: Joined,
    target: TargetStream,
    /// What holds on the connection, on both sides.
    agreed: Capabilities,
    /// Whether the target may ask for files.
    files: bool,
    /// What activates the session's role again.
    behind_reset: Option<Vec<u8>>,
    /// The `OK` that ends the log-in, as the target sent it.
    ok: Packet,
}

/// What a session is made of.
pub(super) struct Start<'a> {
    /// The client's log-in.
    pub(super) login: &'a Login<'a>,
    pub(super) person: Person,
    /// The number of the connection.
    pub(super) number: &'a Number,
}

/// Serves a person who has signed in until the connection ends. `note` hears the session as soon as it is known; `sequence` is that of
/// what the client is told next.
pub(super) async fn session(
    client: &mut ClientStream,
    start: Start<'_>,
    sequence: &mut Sequence,
    context: &Context,
    note: impl FnOnce(&SessionId) + Send,
) -> Closing {
    let mut early = Vec::new();
    let opening = open(start, context, note);
    let ready = match wait(client, opening, &mut early).await {
        Ok(ready) => ready,
        Err(closing) => return closing,
    };
    let mut ok = Vec::new();
    frame::encode(&ready.ok.payload, sequence, &mut ok);
    if wire::send(client, &ok).await.is_err() {
        return Closing::silent(Outcome::ClientLeft);
    }
    relay(client, ready, &early, context).await
}

/// Waits for the session while the client waits too, and stops when it leaves. What it sends meanwhile, one byte at most, is kept
/// in `early`. The protocol has no word for a client that waits.
async fn wait(
    client: &mut ClientStream,
    opening: impl Future<Output = Result<Ready, Closing>>,
    early: &mut Vec<u8>,
) -> Result<Ready, Closing> {
    let mut opening = std::pin::pin!(opening);
    let mut byte = [0];
    loop {
        tokio::select! {
            biased;
            done = &mut opening => return done,
            read = client.read(&mut byte), if early.is_empty() => match read {
                Ok(1..) => early.push(byte[0]),
                Ok(0) | Err(_) => return Err(Closing::silent(Outcome::ClientLeft)),
            },
        }
    }
}

/// Joins the session and logs in to the target.
async fn open(start: Start<'_>, context: &Context, note: impl FnOnce(&SessionId)) -> Result<Ready, Closing> {
    let Start { login, person, number } = start;
    let joining = tokio::time::timeout(context.settings.launch_time, person.admitted.join()).await;
    let mut joined =
        joining.map_err(|_| Closing::timed_out(Stage::Launch))?.map_err(|refused| Closing::refused(&refused))?;
    note(&joined.session);
    let Service::Mysql(service) = joined.service.clone() else {
        let text = "this record is not opened with the protocol of MySQL".to_owned();
        return Err(Closing::refused(&Refused { class: RefusalClass::NotPermitted, text }));
    };
    let mut standing = joined.standing.clone();
    let opening = at_target(login, &service, &mut joined, number, context);
    let opened = tokio::select! {
        biased;
        ending = standing::cut(&mut standing) => return Err(Closing::cut(&ending)),
        opened = tokio::time::timeout(context.settings.target_time, opening) => {
            opened.map_err(|_| Closing::timed_out(Stage::Target))??
        }
    };
    // A cut, or a client that leaves, does not wait for the record.
    tokio::select! {
        biased;
        ending = standing::cut(&mut standing) => return Err(Closing::cut(&ending)),
        started = joined.guard.started() => started.map_err(|refused| Closing::refused(&refused))?,
    }
    let AtTarget { target, agreed, ok, behind_reset } = opened;
    Ok(Ready { joined, target, agreed, files: service.local_files, behind_reset, ok })
}

/// A target that waits for the first command.
struct AtTarget {
    target: TargetStream,
    agreed: Capabilities,
    ok: Packet,
    behind_reset: Option<Vec<u8>>,
}

/// Reaches the target, logs in and activates the session's role.
async fn at_target(
    login: &Login<'_>,
    service: &MysqlService,
    joined: &mut Joined,
    number: &Number,
    context: &Context,
) -> Result<AtTarget, Closing> {
    let limit = context.settings.target_time;
    let database = log_in::database(login, &service.default_database);
    // A database may be open to the role alone, which is not active before.
    let at_once = if service.role.is_some() { &[] } else { database };
    let wish = log_in::wish(login, at_once, service.local_files);
    let mut reached = reach::reach(&joined.destination, &joined.authorised, limit, wish).await?;
    let request = Request { credential: &joined.credential, login, database: at_once };
    let ok = log_in::log_in(&mut reached, &request).await?;
    joined.guard.opened(reached.id.to_string());
    number.leads_to(joined.session.clone(), reached.id);
    let agreed = reached.wish.capabilities;
    let behind_reset = match &service.role {
        Some(role) => {
            let statement = role::activate(&mut reached.stream, agreed, role, reached.mariadb).await?;
            if !database.is_empty() {
                role::begin_in(&mut reached.stream, database).await?;
            }
            Some(role::query(&statement))
        }
        None => None,
    };
    Ok(AtTarget { target: reached.stream, agreed, ok, behind_reset })
}

/// Copies until the end; closes the target's connection before the client learns of it.
async fn relay(client: &mut ClientStream, ready: Ready, early: &[u8], context: &Context) -> Closing {
    let Ready { joined, mut target, agreed, files, behind_reset, .. } = ready;
    let Joined { guard, mut standing, session, .. } = joined;
    let watch = Watch::new(agreed, Terms { files, resets: behind_reset.is_some() });
    let voice = {
        let mut standing = standing.clone();
        Box::pin(stream::once(async move {
            standing::cut(&mut standing).await;
            Interjection::Cut
        }))
    };
    let service = tap::Service { numbers: &context.numbers, session: &session, behind_reset };
    let finished = {
        let mut near = ClientTap::new(client, &watch, service, early);
        let mut far = TargetTap::new(&mut target, &watch);
        match Relay::new(&mut near, &mut far, Opaque, TargetSide::default(), Vec::new()) {
            Ok(relay) => relay.run(voice).await,
            Err(end) => Finished { end, remainder: None, up: Opaque },
        }
    };
    drop(target);
    drop(guard);
    let closing = match (watch.spoiled(), finished.end) {
        (Some(Spoiled::Client(refusal)), _) => refused(refusal),
        (Some(Spoiled::Target(breach)), _) => breached(breach),
        (None, End::Cut) => Closing::cut(&standing::cut(&mut standing).await),
        (None, end) => ended(end, watch.exchange().has_quit()),
    };
    // Where the client is in the middle of a packet, an error would be taken for a part of it.
    if let (Some(mut bytes), Some(_)) = (finished.remainder, &closing.message) {
        let mut sequence = Sequence::at(watch.exchange().next_sequence());
        bytes.extend_from_slice(&closing.bytes(&mut sequence));
        say_farewell(client, &bytes).await;
    }
    Closing::silent(closing.outcome)
}

/// What an end means that nobody has ordered.
fn ended(end: End, has_quit: bool) -> Closing {
    match end {
        // A server that was told so closes at once, and may break the connection off.
        End::TargetLeft | End::TargetLost if has_quit => Closing::silent(Outcome::ClientLeft),
        End::TargetLeft => Closing::silent(Outcome::TargetLeft),
        End::TargetLost => {
            Closing::saying(Outcome::TargetLost, ErrorCode::UNKNOWN, "the connection to the target was lost")
        }
        End::TargetViolation => Closing::target_violation("packet"),
        End::ClientLeft | End::ClientLost | End::ClientViolation | End::Cut => Closing::silent(Outcome::ClientLeft),
    }
}

/// The client sent what may not be passed on.
fn refused(refusal: Refusal) -> Closing {
    let outcome = match refusal {
        Refusal::Command(_) => Outcome::Unsupported("command"),
        _ => Outcome::Violation(Side::Client, "command"),
    };
    Closing::saying(outcome, ErrorCode::UNKNOWN_COMMAND, &refusal.to_string())
}

/// The target breaks the protocol.
fn breached(breach: Breach) -> Closing {
    match breach {
        Breach::File => {
            let text = "the target asked for a file of yours, which this record does not allow: nothing was sent";
            Closing::saying(Outcome::Violation(Side::Target, "asks for a file"), ErrorCode::UNKNOWN, text)
        }
        _ => Closing::target_violation("response"),
    }
}

/// The packets of a target.
#[derive(Default)]
struct TargetSide(Framer);

impl Boundaries for TargetSide {
    fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, Violation> {
        Ok(self.0.follow(chunk))
    }

    fn at_boundary(&self) -> bool {
        self.0.at_boundary()
    }
}

/// The packets of a client. Nothing is put between them here, and the tap has judged them.
struct Opaque;

impl Boundaries for Opaque {
    fn follow(&mut self, _: &[u8]) -> Result<Option<usize>, Violation> {
        Ok(None)
    }

    fn at_boundary(&self) -> bool {
        false
    }
}
