//! Sessions, each with the socket that a `KILL` closes.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};

/// A session of a client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u16,
    pub(crate) login: i64,
    pub(crate) login_name: String,
    pub(crate) sid: Vec<u8>,
    pub(crate) login_time: i64,
    pub(crate) host: String,
    pub(crate) program: String,
    pub(crate) database: String,
    pub(crate) client_address: String,
    pub(crate) encrypted: bool,
    /// Whether it is doing something.
    pub(crate) running: bool,
    pub(crate) transactions: u32,
    pub(crate) read_only: bool,
    /// The database that let it in, if it was no login.
    pub(crate) contained_in: Option<String>,
    pub(crate) killed: bool,
    socket: TcpStream,
}

/// What a session says of itself when it begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrival {
    pub(crate) login: i64,
    pub(crate) login_name: String,
    pub(crate) sid: Vec<u8>,
    pub(crate) host: String,
    pub(crate) program: String,
    pub(crate) database: String,
    pub(crate) client_address: String,
    pub(crate) encrypted: bool,
    pub(crate) read_only: bool,
    pub(crate) contained_in: Option<String>,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    map: BTreeMap<u16, Session>,
}

/// The first number that clients get; smaller ones are the server's own.
const FIRST: u16 = 51;

impl Sessions {
    /// Adds a session. Returns its number.
    pub(crate) fn enter(&mut self, arrival: Arrival, socket: TcpStream) -> u16 {
        let id = (FIRST..u16::MAX).find(|id| !self.map.contains_key(id)).unwrap_or(u16::MAX);
        let Arrival {
            login,
            login_name,
            sid,
            host,
            program,
            database,
            client_address,
            encrypted,
            read_only,
            contained_in,
        } = arrival;
        let session = Session {
            id,
            login,
            login_name,
            sid,
            login_time: super::now(),
            host,
            program,
            database,
            client_address,
            encrypted,
            running: false,
            transactions: 0,
            read_only,
            contained_in,
            killed: false,
            socket,
        };
        self.map.insert(id, session);
        id
    }

    /// Ends a session: it is not listed any more.
    pub(crate) fn leave(&mut self, id: u16) {
        self.map.remove(&id);
    }

    /// The session with this number.
    pub(crate) fn get(&self, id: u16) -> Option<&Session> {
        self.map.get(&id)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, id: u16) -> Option<&mut Session> {
        self.map.get_mut(&id)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.map.values()
    }

    /// Cuts a session: its socket is closed, and it does nothing more.
    pub(crate) fn kill(&mut self, id: u16) -> bool {
        let Some(session) = self.map.get_mut(&id) else { return false };
        session.killed = true;
        // It may be closed already.
        let _ = session.socket.shutdown(Shutdown::Both);
        true
    }

    /// Cuts all.
    pub(crate) fn kill_all(&mut self) {
        let ids: Vec<u16> = self.map.keys().copied().collect();
        ids.into_iter().for_each(|id| {
            self.kill(id);
        });
    }
}
