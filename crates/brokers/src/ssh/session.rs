//! The session of one connection, from the person's sign-in to the end: it is opened while the first channels are opened
//! already, then serves them, and ends with the client, the target or a cut.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use mayfly_domain::SessionId;
use russh::{
    Disconnect,
    server::{ChannelOpenHandle, Handle, RunningSession},
};
use tokio::sync::{mpsc::UnboundedReceiver, watch};

use crate::standing;

use super::{
    Context,
    channel::{self, ClientChannel, End},
    client::Client,
    forward::{self, Forward},
    opening::{self, Closing, Ready, Target},
    outcome::Outcome,
    program::TARGET_LOST,
    sign_in::Person,
    stage::{Ended, Stage, Stages},
};

/// How long the channels have to say why they end, and the client to leave by itself.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// How long a client has to take our last message, and a target.
const LAST_MESSAGE_TIME: Duration = Duration::from_secs(1);

/// What the connection's task hears from the library's.
pub(super) enum Told {
    /// A person has signed in.
    SignedIn { person: Person, handle: Handle },
    /// A channel for a program is to be opened.
    Session { channel: ClientChannel, reply: ChannelOpenHandle, handle: Handle },
    /// A channel to a port is to be opened.
    Forward { channel: ClientChannel, reply: ChannelOpenHandle, to: Forward },
}

/// The connection to the client, as the library runs it.
pub(super) type Running = RunningSession<Client>;

/// The channels of a connection. All of them run in its task.
type Channels = FuturesUnordered<Pin<Box<dyn Future<Output = End> + Send>>>;

/// A connection whose person has signed in.
pub(super) struct Connection {
    running: Running,
    handle: Handle,
    told: UnboundedReceiver<Told>,
    channels: Channels,
    stage: watch::Sender<Stage>,
    stages: Stages,
    /// How the library's task ended, once it has.
    end_of_client: Option<Result<(), russh::Error>>,
}

impl Connection {
    pub(super) fn new(running: Running, handle: Handle, told: UnboundedReceiver<Told>, person: &Person) -> Self {
        let stage = watch::Sender::new(Stage::Opening);
        let stages = Stages::new(stage.subscribe(), person.login.record.clone());
        Self { running, handle, told, channels: Channels::new(), stage, stages, end_of_client: None }
    }

    /// Serves the person until the connection ends. `note` hears the session as soon as it is known.
    pub(super) async fn serve(
        mut self,
        person: Person,
        context: &Context,
        note: impl FnOnce(&SessionId) + Send,
    ) -> Outcome {
        let opened = {
            let mut opening = std::pin::pin!(opening::open(person, context, note));
            self.until(&mut opening).await
        };
        let closing = match opened {
            None => return self.left().await,
            Some(Err(closing)) => closing,
            Some(Ok(Ready { target, mut standing, guard })) => {
                self.stage.send_replace(Stage::Ready(Arc::clone(&target)));
                let mut cut = std::pin::pin!(standing::cut(&mut standing));
                let closing = match self.until_lost(&target, &mut cut).await {
                    Over::ClientLeft => None,
                    Over::TargetLost => Some(Closing::new(Outcome::TargetLost, TARGET_LOST)),
                    Over::Cut(ending) => Some(Closing::cut(ending)),
                };
                if let Some(closing) = &closing {
                    self.end(closing);
                }
                let _elapsed = tokio::time::timeout(LAST_MESSAGE_TIME, target.connection().close()).await;
                drop(target);
                drop(guard);
                match closing {
                    Some(closing) => closing,
                    None => return self.left().await,
                }
            }
        };
        self.end(&closing);
        self.farewell(&closing.sentence).await;
        closing.outcome
    }

    /// The outcome of a connection that the client has ended, or a fault of the library's in what the client sent.
    async fn left(mut self) -> Outcome {
        let end = match self.end_of_client.take() {
            Some(end) => end,
            None => (&mut self.running).await,
        };
        match end {
            Ok(()) | Err(russh::Error::IO(_) | russh::Error::HUP | russh::Error::Disconnect) => Outcome::ClientLeft,
            Err(russh::Error::KeepaliveTimeout) => Outcome::ClientLeft,
            Err(error) => {
                tracing::info!(%error, "Client broke the protocol");
                Outcome::Violation(fault(&error))
            }
        }
    }

    /// Tells the channels that the session is over.
    fn end(&self, closing: &Closing) {
        self.stage.send_if_modified(|stage| {
            let open = !matches!(stage, Stage::Ended(_));
            if open {
                *stage = Stage::Ended(Arc::new(Ended { sentence: closing.sentence.clone() }));
            }
            open
        });
    }

    /// Serves channels until `done` is; `None` if the client leaves first.
    async fn until<T>(&mut self, done: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        loop {
            tokio::select! {
                biased;
                done = &mut *done => return Some(done),
                left = &mut self.running => {
                    self.end_of_client = Some(left);
                    return None;
                }
                told = self.told.recv() => match told {
                    Some(told) => self.open(told),
                    None => return None,
                },
                Some(_end) = self.channels.next() => {}
            }
        }
    }

    /// Serves channels until the session is cut, or one of both sides is gone. That the target is gone is told by what runs there,
    /// after all that came from it; without anything that runs it is noticed here.
    async fn until_lost(
        &mut self,
        target: &Target,
        cut: &mut (impl Future<Output = crate::port::Ending> + Unpin),
    ) -> Over {
        let mut lost = std::pin::pin!(target.connection().closed());
        loop {
            tokio::select! {
                biased;
                ending = &mut *cut => return Over::Cut(ending),
                left = &mut self.running => {
                    self.end_of_client = Some(left);
                    return Over::ClientLeft;
                }
                told = self.told.recv() => match told {
                    Some(told) => self.open(told),
                    None => return Over::ClientLeft,
                },
                Some(end) = self.channels.next() => if end == End::TargetLost {
                    return Over::TargetLost;
                },
                () = &mut lost, if self.channels.is_empty() => return Over::TargetLost,
            }
        }
    }

    /// Begins to serve a channel.
    fn open(&mut self, told: Told) {
        let stages = self.stages.clone();
        match told {
            Told::Session { channel, reply, handle } => {
                self.channels.push(Box::pin(channel::serve(channel, reply, handle, stages)));
            }
            Told::Forward { channel, reply, to } => {
                self.channels.push(Box::pin(forward::serve(channel, reply, to, stages)));
            }
            // The library signs a connection in once.
            Told::SignedIn { .. } => {}
        }
    }

    /// Lets the channels say why they end, and the client leave; then ends the connection with the reason.
    async fn farewell(mut self, sentence: &str) {
        // A client whose only channel has ended leaves by itself, with the exit status that it was given.
        let mut patience = std::pin::pin!(tokio::time::sleep(FAREWELL_TIME));
        if self.until(&mut patience).await.is_none() {
            return;
        }
        let leaving = async {
            let (reason, language) = (Disconnect::ByApplication, String::new());
            let _gone = self.handle.disconnect(reason, sentence.to_owned(), language).await;
            let _left = (&mut self.running).await;
        };
        let _elapsed = tokio::time::timeout(LAST_MESSAGE_TIME, leaving).await;
    }
}

/// Which part of the protocol a client broke, in a word; a fault of the library's own stands out.
pub(super) fn fault(error: &russh::Error) -> &'static str {
    match error {
        russh::Error::Version => "version",
        russh::Error::PacketSize(_) => "packet size",
        russh::Error::NoCommonAlgo { .. } => "no common algorithm",
        russh::Error::Join(_) => "panic",
        _ => "protocol",
    }
}

/// Why an open session is over.
enum Over {
    ClientLeft,
    TargetLost,
    Cut(crate::port::Ending),
}
