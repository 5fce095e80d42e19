//! Accepting clients, and serving each in a thread of its own until it leaves or is cut.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mayfly_protocol::tds::TdsVersion;
use mayfly_protocol::tds::frame::{Message, PacketType, Status};
use mayfly_protocol::tds::request::{Batch, Procedure, Rpc};
use mayfly_protocol::tds::token::{DoneStatus, EnvChange};

use super::super::error::SqlError;
use super::super::eval::Own;
use super::super::run::{Arguments, Event, Flow, Pause, Run};
use super::super::value::Value;
use super::super::world::Shared;
use super::Tls;
use super::answer::Answer;
use super::connection::{Connection, violation};
use super::log_in::{self, LoggedIn};

/// How often somebody who waits looks whether something has come.
const LOOK: Duration = Duration::from_millis(20);

/// What every connection of a server has.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) shared: Arc<Shared>,
    pub(super) tls: Arc<Tls>,
    /// Whether it encrypts connections that are not strict.
    pub(super) encrypts: bool,
    pub(super) peer: SocketAddr,
    pub(super) socket: Arc<TcpStream>,
    /// The statements that were not understood, for whoever reads a test's failure.
    unknown: Arc<Mutex<Vec<String>>>,
}

/// A server that accepts clients.
pub(crate) struct Listener {
    port: u16,
    shared: Arc<Shared>,
    unknown: Arc<Mutex<Vec<String>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// Starts to accept clients on a free port of 127.0.0.1.
    pub(crate) fn start(name: &str, shared: &Arc<Shared>, tls: Tls, encrypts: bool) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
        let port = listener.local_addr().context("cannot learn the port")?.port();
        let unknown = Arc::new(Mutex::new(Vec::new()));
        let (name, tls) = (name.to_owned(), Arc::new(tls));
        let (shared_too, unknown_too) = (Arc::clone(shared), Arc::clone(&unknown));
        let accepting = std::thread::spawn(move || {
            let mut clients: Vec<JoinHandle<()>> = Vec::new();
            for accepted in listener.incoming() {
                if shared_too.at_once().stopping {
                    break;
                }
                let Ok(tcp) = accepted else { continue };
                let (Ok(peer), Ok(socket)) = (tcp.peer_addr(), tcp.try_clone()) else { continue };
                let host = Host {
                    name: name.clone(),
                    shared: Arc::clone(&shared_too),
                    tls: Arc::clone(&tls),
                    encrypts,
                    peer,
                    socket: Arc::new(socket),
                    unknown: Arc::clone(&unknown_too),
                };
                clients.retain(|client| !client.is_finished());
                clients.push(std::thread::spawn(move || serve(tcp, &host)));
            }
            // Whoever is still here was cut, or has not logged in and is not waited for.
            clients.into_iter().filter(|client| client.is_finished()).for_each(|client| drop(client.join()));
        });
        Ok(Self { port, shared: Arc::clone(shared), unknown, accepting: Some(accepting) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The statements that were not understood so far.
    pub(crate) fn unknown(&self) -> Vec<String> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut world = self.shared.at_once();
        world.stopping = true;
        world.sessions.kill_all();
        drop(world);
        self.shared.wake();
        // The thread waits for a client: this is the last one.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Serves one client.
fn serve(tcp: TcpStream, host: &Host) {
    let _ = tcp.set_nodelay(true);
    let strict = {
        let mut first = [0];
        // TLS begins with a record of a handshake.
        matches!(tcp.peek(&mut first), Ok(1)) && first[0] == 0x16
    };
    let mut connection = Connection::new(tcp);
    let begun = if strict { connection.encrypt(&host.tls.strict) } else { Ok(()) };
    let served = begun.and_then(|()| log_in::log_in(&mut connection, host, strict));
    if let Ok(Some(LoggedIn { own, version })) = served {
        let id = own.session;
        let mut session = Session { connection, host, version, own, transaction: 1, stopped: false };
        // What went wrong with the connection, it has ended.
        let _ = session.run();
        let mut world = host.shared.at_once();
        world.end(id, false);
        world.sessions.leave(id);
        drop(world);
        host.shared.wake();
    }
    let _ = host.socket.shutdown(Shutdown::Both);
}

/// A client that is logged in.
struct Session<'a> {
    connection: Connection,
    host: &'a Host,
    version: TdsVersion,
    own: Own,
    /// The number of the current transaction, or of the next.
    transaction: u64,
    /// Whether the client has given up the request that is being answered.
    stopped: bool,
}

impl Session<'_> {
    /// Answers requests until the client leaves or is cut.
    fn run(&mut self) -> io::Result<()> {
        let home = self.own.database.clone();
        while let Some(message) = self.connection.read()? {
            if self.host.shared.at_once().sessions.get(self.own.session).is_none_or(|session| session.killed) {
                return Ok(());
            }
            if message.status.contains(Status::IGNORE) {
                continue;
            }
            let mut head = Vec::new();
            if message.status.contains(Status::RESET) || message.status.contains(Status::RESET_KEEPING_TRANSACTION) {
                self.reset(&home, message.status.contains(Status::RESET_KEEPING_TRANSACTION));
                EnvChange::Reset.encode(&mut head).map_err(io::Error::other)?;
            }
            self.set_running(true);
            let answer = self.answer(&message)?;
            self.set_running(false);
            head.extend(answer);
            self.connection.send(PacketType::Result, &head)?;
            // What was given up has its own end, and the wish to give it up has an answer of its own.
            if std::mem::take(&mut self.stopped) {
                let answer = Answer::new(self.version, &self.host.name, false).end(DoneStatus::ATTENTION);
                self.connection.send(PacketType::Result, &answer)?;
            }
        }
        Ok(())
    }

    fn set_running(&self, running: bool) {
        if let Some(session) = self.host.shared.at_once().sessions.get_mut(self.own.session) {
            session.running = running;
        }
    }

    /// Makes the session as it was after the log-in.
    fn reset(&mut self, home: &str, keeping: bool) {
        self.own.database = home.to_owned();
        self.own.error = None;
        self.own.variables.clear();
        let mut world = self.host.shared.at_once();
        if !keeping {
            self.own.transactions = 0;
            world.end(self.own.session, false);
        }
        if let Some(session) = world.sessions.get_mut(self.own.session) {
            session.database = home.to_owned();
            session.transactions = self.own.transactions;
        }
        drop(world);
        self.host.shared.wake();
    }

    fn answer(&mut self, message: &Message) -> io::Result<Vec<u8>> {
        let wrong = |error: mayfly_protocol::tds::DecodeError| violation(error.to_string());
        match message.kind {
            PacketType::Batch => {
                let batch = Batch::decode(&message.data, self.version).map_err(wrong)?;
                Ok(self.batch(&batch.sql, |run| run.batch(&batch.sql), false))
            }
            PacketType::Rpc => match Rpc::decode(&message.data, self.version) {
                Ok((_, calls)) => Ok(calls.into_iter().flat_map(|call| self.call(call)).collect()),
                // A type that the codec does not know is a statement that the stand-in does not understand.
                Err(mayfly_protocol::tds::DecodeError::DataType(byte)) => {
                    let error = SqlError::unknown(&format!("a parameter of type {byte:#04x}"));
                    Ok(self.batch("RPC", |run| run.failed(error), true))
                }
                Err(error) => Err(wrong(error)),
            },
            PacketType::Attention => Ok(Answer::new(self.version, &self.host.name, false).end(DoneStatus::ATTENTION)),
            PacketType::Bulk | PacketType::Transaction => {
                let error = SqlError::unknown(&format!("a request of type {:?}", message.kind));
                Ok(self.batch("request", |run| run.failed(error), false))
            }
            other => Err(violation(format!("{other:?} after the log-in"))),
        }
    }

    /// Calls a procedure.
    fn call(&mut self, call: Rpc) -> Vec<u8> {
        let name = match call.procedure {
            Procedure::Name(name) => name,
            Procedure::EXECUTE_SQL => "sp_executesql".to_owned(),
            Procedure::Id(id) => format!("number {id}"),
        };
        let name = name.rsplit('.').next().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let mut values = Vec::new();
        for parameter in call.parameters {
            match Value::from_wire(parameter.value) {
                Ok(value) => {
                    let given = parameter.name.strip_prefix('@').map(str::to_lowercase);
                    // The first two of `sp_executesql` have names with some clients, which are not those of parameters.
                    values.push((
                        given.filter(|given| !matches!(given.as_str(), "statement" | "params" | "stmt")),
                        value,
                    ));
                }
                Err(error) => return self.batch(&name, |run| run.failed(error), true),
            }
        }
        let act = |run: &mut Run<'_>| match run.call(&name, Arguments(values)) {
            Ok((flow, _)) => flow,
            Err(error) => run.failed(error),
        };
        self.batch(&name, act, true)
    }

    /// Runs something as a batch, and answers what it comes to.
    fn batch(&mut self, shown: &str, act: impl FnOnce(&mut Run<'_>) -> Flow, call: bool) -> Vec<u8> {
        self.own.variables.clear();
        let before = self.own.transactions;
        let mut waiting = Waiting { connection: &mut self.connection, host: self.host, session: self.own.session };
        let mut run = Run::new(&self.host.shared, &mut self.own, &mut waiting);
        let flow = act(&mut run);
        let events = run.events;
        let number =
            |event: &Event| matches!(event, Event::Error(error) if error.number == super::super::error::UNKNOWN);
        if events.iter().any(number) {
            self.host.unknown.lock().unwrap_or_else(PoisonError::into_inner).push(shown.to_owned());
        }
        if before == 0 && self.own.transactions > 0 {
            self.transaction += 1;
        }
        let answer = Answer::new(self.version, &self.host.name, call);
        self.stopped |= flow == Flow::Stopped;
        answer.of(events, self.transaction)
    }
}

/// Waits for the end of a `WAITFOR`, while the client can give it up and others can cut the session.
struct Waiting<'a> {
    connection: &'a mut Connection,
    host: &'a Host,
    session: u16,
}

impl Pause for Waiting<'_> {
    fn wait(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut whole = true;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if self.host.shared.at_once().sessions.get(self.session).is_none_or(|session| session.killed) {
                whole = false;
                break;
            }
            if self.connection.set_patience(Some(LOOK.min(left))).is_err() {
                break;
            }
            match self.connection.read() {
                // Whatever a client sends meanwhile gives up what it waits for.
                Ok(_) => {
                    whole = false;
                    break;
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let _ = self.connection.set_patience(None);
        whole
    }
}
