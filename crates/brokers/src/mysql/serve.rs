//! One client's connection, from the accepted socket to its outcome in the log; and the loop that accepts them.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use mayfly_domain::ConnectionId;
use mayfly_protocol::mysql::{
    connect::Login,
    frame::{Packet, Sequence},
};
use tokio::net::{TcpListener, TcpStream};
use tracing::Instrument;

use crate::{
    admission::Slot,
    farewell::say_farewell,
    listening,
    outcome::{Outcome, Stage},
    port::RefusalClass,
};

use super::{
    Context,
    closing::Closing,
    numbers::Number,
    opening::{self, ClientStream, Opened},
    session::{self, Start},
    sign_in::{self, Asking, Person},
};

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
            context.tasks.spawn("mysql client", Box::pin(task));
        }
        // Closed without a word: an answer would be one more thing to wait for.
        Err(error) => tracing::info!(%error, source = %peer.ip(), "Client turned away"),
    }
}

/// Serves one accepted connection to its end. `slot` is its place among those that have not signed in. Returns how it
/// ended, which is in the log by then.
pub async fn serve(stream: TcpStream, peer: SocketAddr, slot: Slot, context: &Context) -> Outcome {
    let connection = context.connection_id();
    let span = tracing::info_span!(
        "connection",
        id = %connection,
        source = %peer.ip(),
        person = tracing::field::Empty,
        record = tracing::field::Empty,
        session = tracing::field::Empty,
    );
    let outcome = converse(stream, peer.ip(), slot, &connection, context).instrument(span.clone()).await;
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
    connection: &ConnectionId,
    context: &Context,
) -> Outcome {
    if let Err(error) = listening::prepare(&stream) {
        tracing::debug!(%error, "Client was gone before it was served");
        return Outcome::Probe;
    }
    let Some(number) = context.numbers.enter(context) else { return Outcome::Refused(RefusalClass::Busy) };
    let (mut client, mut sequence) = (None, Sequence::new());
    let closing = {
        let asking = Caller { source, connection, number: &number };
        let first = first_part(stream, &mut client, &mut sequence, &asking, context);
        let first = tokio::time::timeout(context.settings.sign_in_time, first).await;
        drop(slot);
        match (first, client.as_deref_mut()) {
            (Ok(Ok(First { person, login })), Some(client)) => {
                serve_person(client, *person, &login, &number, &mut sequence, context).await
            }
            (Ok(Ok(_)), None) => Closing::silent(Outcome::ClientLeft),
            (Ok(Err(closing)), _) => closing,
            (Err(_), _) => Closing::timed_out(Stage::SignIn),
        }
    };
    if let (Some(client), Some(_)) = (client.as_deref_mut(), &closing.message) {
        say_farewell(client, &closing.bytes(&mut sequence)).await;
    }
    closing.outcome
}

/// What is known of a client before it says anything.
struct Caller<'a> {
    source: IpAddr,
    connection: &'a ConnectionId,
    number: &'a Number,
}

/// What the part before the session came to.
struct First {
    person: Box<Person>,
    /// The client's log-in, which has its form.
    login: Packet,
}

/// What a client does before it has signed in; all of it together has a time limit. The encrypted stream is left in
/// `client` also when it fails, so that the client can be told why.
async fn first_part(
    stream: TcpStream,
    client: &mut Option<Box<ClientStream>>,
    sequence: &mut Sequence,
    caller: &Caller<'_>,
    context: &Context,
) -> Result<First, Closing> {
    let opened = opening::open(stream, caller.number, sequence, context).await.map_err(Closing::silent)?;
    let Opened { stream, login: packet, nonce } = opened;
    let client = client.insert(stream);
    let login = login(&packet)?;
    let Caller { source, connection, .. } = *caller;
    let asking = Asking { login: &login, nonce, source, connection };
    let person = sign_in::sign_in(client, asking, sequence, context).await?;
    drop(login);
    Ok(First { person: Box::new(person), login: packet })
}

/// A log-in, read again: it was looked at before.
fn login(packet: &Packet) -> Result<Login<'_>, Closing> {
    Login::decode(&packet.payload).map_err(|_| Closing::client_violation("malformed log-in packet"))
}

/// Opens the session of a person who has signed in.
async fn serve_person(
    client: &mut ClientStream,
    person: Person,
    packet: &Packet,
    number: &Number,
    sequence: &mut Sequence,
    context: &Context,
) -> Closing {
    let span = tracing::Span::current();
    span.record("person", person.name.person.as_str()).record("record", person.name.record.as_str());
    tracing::info!("Person signed in");
    let note = |session: &mayfly_domain::SessionId| {
        span.record("session", session.as_str());
    };
    let login = match login(packet) {
        Ok(login) => login,
        Err(closing) => return closing,
    };
    session::session(client, Start { login: &login, person, number }, sequence, context, note).await
}
