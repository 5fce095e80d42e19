//! Which sessions this process runs: one for each (person, record), found by either. One place decides whether somebody
//! joins or launches.

use crate::seat::Message;
use crate::sync::lock;
use mayfly_domain::{PersonName, RecordName, SessionId};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;

pub(crate) type Key = (PersonName, RecordName);
pub(crate) type Mailbox = UnboundedSender<Message>;

#[derive(Default)]
struct Tables {
    joinable: BTreeMap<Key, (SessionId, Mailbox)>,
    running: BTreeMap<SessionId, (Key, Mailbox)>,
}

/// The sessions of this process. The lock is held for single look-ups and changes of a map, never across an await.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Tables>);

impl Registry {
    /// The session that this person can join on this record, or the one that `launch` starts.
    pub(crate) fn join_or(&self, key: &Key, launch: impl FnOnce() -> (SessionId, Mailbox)) -> Mailbox {
        let mut tables = lock(&self.0);
        if let Some((_, mailbox)) = tables.joinable.get(key) {
            return mailbox.clone();
        }
        let (id, mailbox) = launch();
        tables.joinable.insert(key.clone(), (id.clone(), mailbox.clone()));
        tables.running.insert(id, (key.clone(), mailbox.clone()));
        mailbox
    }

    /// Makes a session that is ending unjoinable; the next connection launches another.
    pub(crate) fn close(&self, key: &Key, id: &SessionId) {
        let mut tables = lock(&self.0);
        if tables.joinable.get(key).is_some_and(|(joinable, _)| joinable == id) {
            tables.joinable.remove(key);
        }
    }

    /// Forgets a session that has done everything it could.
    pub(crate) fn forget(&self, id: &SessionId) {
        lock(&self.0).running.remove(id);
    }

    /// The mailbox of a session that runs here.
    pub(crate) fn find(&self, id: &SessionId) -> Option<Mailbox> {
        lock(&self.0).running.get(id).map(|(_, mailbox)| mailbox.clone())
    }

    /// The mailboxes of all sessions that run here.
    pub(crate) fn all(&self) -> Vec<Mailbox> {
        self.of(|_| true)
    }

    /// The mailboxes of the sessions that run here and are such as asked for.
    pub(crate) fn of(&self, asked: impl Fn(&Key) -> bool) -> Vec<Mailbox> {
        lock(&self.0).running.values().filter(|(key, _)| asked(key)).map(|(_, mailbox)| mailbox.clone()).collect()
    }
}
