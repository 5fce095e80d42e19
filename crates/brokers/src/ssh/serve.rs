//! One client's connection, from the accepted socket to its outcome in the log; and the loop that accepts them.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use mayfly_domain::ConnectionId;
use russh::server::{self, Handle};
use rustix::net::sockopt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, UnboundedReceiver},
};
use tracing::Instrument;

use crate::{admission::Slot, listening};

use super::{
    Context,
    client::Client,
    line::{EndOnDrop, Line, Transport},
    outcome::{Outcome, Stage},
    session::{self, Connection, Running, Told},
    sign_in::{Desk, LastTurn, Person},
};

/// How long sent data may stay unacknowledged, or not be taken at all, in milliseconds: while the library waits for its socket it
/// asks nobody whether they are there.
const UNACKNOWLEDGED_MS: u32 = super::KEEPALIVE.as_secs() as u32 * 1000 * (super::KEEPALIVES_MOST + 1);

/// Accepts clients until `shutdown` completes. Connections that are under way then go on: they are cut through the port.
/// Nothing here waits for a client.
pub async fn run(listener: TcpListener, context: Arc<Context>, shutdown: impl Future<Output = ()> + Send) {
    listening::accept(listener, shutdown, |stream, peer| admit(stream, peer, &context)).await;
}

/// Starts serving a client, unless there are too many that have not signed in.
fn admit(stream: TcpStream, peer: SocketAddr, context: &Arc<Context>) {
    match context.admission.admit(peer.ip()) {
        Ok(slot) => {
            let context_of_task = Arc::clone(context);
            let task = async move {
                serve(stream, peer, slot, &context_of_task).await;
            };
            context.tasks.spawn("ssh client", Box::pin(task));
        }
        // Closed without a word: an answer would be one more thing to wait for.
        Err(error) => tracing::info!(%error, source = %peer.ip(), "Client turned away"),
    }
}

/// Serves one accepted connection to its end. `slot` is its place among those that have not signed in. Returns how it
/// ended, which is in the log by then.
pub async fn serve(stream: TcpStream, peer: SocketAddr, slot: Slot, context: &Arc<Context>) -> Outcome {
    let connection = context.connection_id();
    let span = tracing::info_span!(
        "connection",
        id = %connection,
        source = %peer.ip(),
        person = tracing::field::Empty,
        record = tracing::field::Empty,
        session = tracing::field::Empty,
    );
    let outcome = converse(stream, peer.ip(), slot, connection, context).instrument(span.clone()).await;
    let _entered = span.enter();
    match &outcome {
        Outcome::Probe => tracing::debug!(outcome = outcome.as_str(), "Connection ended"),
        other => tracing::info!(outcome = other.as_str(), detail = other.detail(), "Connection ended"),
    }
    outcome
}

/// The whole conversation with a client.
async fn converse(
    stream: TcpStream,
    source: IpAddr,
    slot: Slot,
    connection: ConnectionId,
    context: &Arc<Context>,
) -> Outcome {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "Client was gone before it was served");
        return Outcome::Probe;
    }
    let line = Line::new();
    let _end = EndOnDrop(Arc::clone(&line));
    let last = Arc::new(LastTurn::default());
    let (tell, told) = mpsc::unbounded_channel();
    let desk = Desk::new(Arc::clone(context), source, connection, Arc::clone(&last));
    let client = Client::new(desk, tell, Arc::clone(&line));
    let transport = Transport::new(stream, Arc::clone(&line));
    let signing_in = sign_in(transport, client, told, context);
    let signed_in = tokio::time::timeout(context.settings.sign_in_time, signing_in).await;
    drop(slot);
    match signed_in {
        Ok(Ok(SignedIn { running, handle, told, person })) => {
            let span = tracing::Span::current();
            span.record("person", person.login.person.as_str()).record("record", person.login.record.as_str());
            tracing::info!("Person signed in");
            let note = |session: &mayfly_domain::SessionId| {
                span.record("session", session.as_str());
            };
            Connection::new(running, handle, told, &person).serve(person, context, note).await
        }
        Ok(Err(error)) => unsigned(&error, &line, &last),
        Err(_elapsed) => Outcome::TimedOut(Stage::SignIn),
    }
}

/// A connection whose client has signed in.
struct SignedIn {
    running: Running,
    handle: Handle,
    told: UnboundedReceiver<Told>,
    person: Person,
}

/// What a client does up to the end of its sign-in; all of it together has a time limit.
async fn sign_in(
    transport: Transport,
    client: Client,
    mut told: UnboundedReceiver<Told>,
    context: &Context,
) -> Result<SignedIn, russh::Error> {
    let mut running = server::run_stream(Arc::clone(&context.server), transport, client).await?;
    tokio::select! {
        biased;
        first = told.recv() => match first {
            Some(Told::SignedIn { person, handle }) => Ok(SignedIn { running, handle, told, person }),
            // Nothing else is told before, and who tells is gone when the connection is.
            Some(_) | None => match (&mut running).await {
                Ok(()) => Err(russh::Error::Disconnect),
                Err(error) => Err(error),
            },
        },
        ended = &mut running => Err(ended.err().unwrap_or(russh::Error::Disconnect)),
    }
}

/// How a connection ended on which nobody signed in.
fn unsigned(error: &russh::Error, line: &Line, last: &LastTurn) -> Outcome {
    if !line.spoke() {
        return Outcome::Probe;
    }
    if line.overdrawn() {
        return Outcome::Violation("too much before sign-in");
    }
    if let (Some(turned), false) = (last.get(), matches!(error, russh::Error::Join(_))) {
        return Outcome::SignInFailed(turned);
    }
    match error {
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_) => Outcome::ClientLeft,
        broken => Outcome::Violation(session::fault(broken)),
    }
}

/// Sets what every client's socket has.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    listening::prepare(stream)?;
    sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MS)?;
    Ok(())
}
