//! One client's connection, from the accepted socket to its outcome in the log; and the loop that accepts them.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use mayfly_domain::ConnectionId;
use mayfly_protocol::tds::TdsVersion;
use tokio::net::{TcpListener, TcpStream};
use tracing::Instrument;

use crate::{
    admission::Slot,
    farewell::say_farewell,
    listening,
    outcome::{Outcome, Stage},
};

use super::{
    Context,
    closing::Closing,
    opening::{self, ClientStream},
    session::{self, Start},
    sign_in,
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
            context.tasks.spawn("tds client", Box::pin(task));
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
    let mut client = None;
    let first = first_part(stream, &mut client, source, connection, context);
    let first = tokio::time::timeout(context.settings.sign_in_time, first).await;
    drop(slot);
    let closing = match (first, client.as_mut()) {
        (Ok(Ok(start)), Some(client)) => {
            let span = tracing::Span::current();
            let name = &start.person.name;
            span.record("person", name.person.as_str()).record("record", name.record.as_str());
            tracing::info!("Person signed in");
            let note = |session: &mayfly_domain::SessionId| {
                span.record("session", session.as_str());
            };
            session::session(&mut client.stream, *start, context, note).await
        }
        (Ok(Ok(_)), None) => Closing::silent(Outcome::ClientLeft),
        (Ok(Err(closing)), _) => closing,
        (Err(_), _) => Closing::timed_out(Stage::SignIn),
    };
    if let (Some(client), Some(_)) = (client.as_mut(), &closing.message) {
        say_farewell(&mut *client.stream, &closing.bytes(client.version)).await;
    }
    closing.outcome
}

/// A client that has said which version it speaks.
struct Client {
    stream: Box<ClientStream>,
    version: TdsVersion,
}

/// What a client does before it has signed in; all of it together has a time limit. The encrypted stream is left in
/// `client` also when it fails, so that the client can be told why.
async fn first_part(
    stream: TcpStream,
    client: &mut Option<Client>,
    source: IpAddr,
    connection: &ConnectionId,
    context: &Context,
) -> Result<Box<Start>, Closing> {
    let opened = opening::open(stream, &context.tls).await.map_err(Closing::silent)?;
    *client = Some(Client { stream: opened.stream, version: opened.login.version });
    let person = sign_in::sign_in(&opened.login, source, connection, context).await?;
    Ok(Box::new(Start { login: opened.login, person, mars: opened.mars }))
}
