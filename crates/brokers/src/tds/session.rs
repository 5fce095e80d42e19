//! From a person who has signed in to the last byte: joining the session, logging in to the target, the relay, the end.

use std::future::Future;

use futures_util::stream;
use mayfly_domain::SessionId;
use mayfly_protocol::tds::{
    TdsVersion,
    frame::{Framer, PacketType, Sender},
    login::Login,
};
use tokio::io::AsyncReadExt;

use crate::{
    farewell::say_farewell,
    outcome::{Outcome, Side, Stage},
    port::{Joined, RefusalClass, Refused, Service},
    relay::{Boundaries, End, Finished, Interjection, Relay, Violation},
    standing,
};

use super::{
    Context,
    closing::Closing,
    log_in::{self, Request, Welcome},
    opening::ClientStream,
    reach::{self, TargetStream},
    sign_in::Person,
    wire,
};

/// A session that is ready: the target waits for the client's first request.
struct Ready {
    joined: Joined,
    target: TargetStream,
    welcome: Welcome,
}

/// What a session is made of.
pub(super) struct Start {
    /// The client's log-in.
    pub(super) login: Login,
    pub(super) person: Person,
    /// Whether the client was told that several results at once will do.
    pub(super) mars: bool,
}

/// Serves a person who has signed in until the connection ends. `note` hears the session as soon as it is known.
pub(super) async fn session(
    client: &mut ClientStream,
    start: Start,
    context: &Context,
    note: impl FnOnce(&SessionId) + Send,
) -> Closing {
    let mut early = Vec::new();
    let opening = open(start, context, note);
    let ready = match wait(client, opening, &mut early).await {
        Ok(ready) => ready,
        Err(closing) => return closing,
    };
    if wire::send_message(client, PacketType::Result, &ready.welcome.data).await.is_err() {
        return Closing::silent(Outcome::ClientLeft);
    }
    relay(client, ready, early).await
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
async fn open(start: Start, context: &Context, note: impl FnOnce(&SessionId)) -> Result<Ready, Closing> {
    let Start { login, person, mars } = start;
    let joining = tokio::time::timeout(context.settings.launch_time, person.admitted.join()).await;
    let mut joined =
        joining.map_err(|_| Closing::timed_out(Stage::Launch))?.map_err(|refused| Closing::refused(&refused))?;
    note(&joined.session);
    let Service::Tds { default_database } = joined.service.clone() else {
        let text = "this record is not opened with the protocol of SQL Server".to_owned();
        return Err(Closing::refused(&Refused { class: RefusalClass::NotPermitted, text }));
    };
    let mut standing = joined.standing.clone();
    let opening = async {
        let limit = context.settings.target_time;
        let mut target = reach::reach(&joined.destination, &joined.authorised, limit, mars).await?;
        let request = Request {
            credential: &joined.credential,
            default_database: &default_database,
            login: &login,
            host: &joined.destination.endpoint.host,
        };
        let welcome = log_in::log_in(&mut target, &request, &mut *joined.guard).await?;
        Ok((target, welcome))
    };
    let (target, welcome) = tokio::select! {
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
    Ok(Ready { joined, target, welcome })
}

/// Copies until the end; closes the target's connection before the client learns of it.
async fn relay(client: &mut ClientStream, ready: Ready, early: Vec<u8>) -> Closing {
    let Ready { joined, mut target, welcome } = ready;
    let Joined { guard, mut standing, .. } = joined;
    let voice = {
        let mut standing = standing.clone();
        Box::pin(stream::once(async move {
            standing::cut(&mut standing).await;
            Interjection::Cut
        }))
    };
    let (up, down) = (Packets::of(Sender::Client), Packets::of(Sender::Server));
    let finished = match Relay::new(client, &mut target, up, down, early) {
        Ok(relay) => relay.run(voice).await,
        Err(end) => Finished { end, remainder: None, up: Packets::of(Sender::Client) },
    };
    drop(target);
    drop(guard);
    let closing = match finished.end {
        End::Cut => Closing::cut(&standing::cut(&mut standing).await),
        end => ended(end),
    };
    farewell(client, finished.remainder, &closing, welcome.version).await;
    Closing::silent(closing.outcome)
}

/// What an end means that nobody has ordered.
fn ended(end: End) -> Closing {
    match end {
        End::ClientLeft | End::ClientLost | End::Cut => Closing::silent(Outcome::ClientLeft),
        End::TargetLeft => Closing::silent(Outcome::TargetLeft),
        End::TargetLost => Closing::saying(Outcome::TargetLost, "the connection to the target was lost"),
        End::TargetViolation => Closing::target_violation("packet"),
        End::ClientViolation => {
            let text = "protocol violation: a packet that is no request";
            Closing::saying(Outcome::Violation(Side::Client, "packet"), text)
        }
    }
}

/// Says the last word, where it can stand. Within a message it would be taken for a part of it, and between packets that are
/// wrapped (MARS) there is no place at all.
async fn farewell(client: &mut ClientStream, remainder: Option<Vec<u8>>, closing: &Closing, version: TdsVersion) {
    if let (Some(mut bytes), Some(_)) = (remainder, &closing.message) {
        bytes.extend_from_slice(&closing.bytes(version));
        say_farewell(client, &bytes).await;
    }
}

/// The packets of one side.
struct Packets(Framer);

impl Packets {
    fn of(sender: Sender) -> Self {
        Self(Framer::new(sender))
    }
}

impl Boundaries for Packets {
    fn follow(&mut self, chunk: &[u8]) -> Result<Option<usize>, Violation> {
        self.0.follow(chunk).map_err(|_| Violation)
    }

    fn at_boundary(&self) -> bool {
        self.0.at_boundary()
    }
}
