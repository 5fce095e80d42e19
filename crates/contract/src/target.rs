//! A target in memory: accounts, memberships, sessions, a clock of its own, and commands that arrive late. It plays a server
//! that behaves as the worst of the real ones do: a session outlives its account, a membership has one row whoever granted
//! it, and a command whose sender died still takes effect.

use crate::clock::SimClock;
use mayfly_domain::{Failure, FailureClass, TargetId, WallTime};
use mayfly_engine::ports::ledger::ChangeRow;
use mayfly_engine::ports::provider::{CloseVerb, Closed, Opened, Presence, SessionScope, Sight};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An account on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The identity that the target gave it.
    pub id: u64,
    /// Our mark, if it carries one.
    pub mark: Option<String>,
    /// Whether it can log in.
    pub can_log_in: bool,
    /// How many things it owns.
    pub owns: u32,
}

/// A session on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSession {
    /// The account's identity; it stays when the account is gone.
    pub account_id: u64,
    /// When it logged in, by the target's clock.
    pub since: WallTime,
    /// How many more times it survives being told to end.
    pub stubborn: u32,
}

/// A command on its way.
#[derive(Debug, Clone)]
pub enum Command {
    /// Make what a change says.
    Open(Box<ChangeRow>),
    /// Do a step of the way out.
    Close(CloseVerb, Box<ChangeRow>, SessionScope),
}

impl Command {
    /// The change that it is about.
    pub fn change(&self) -> &ChangeRow {
        match self {
            Self::Open(change) | Self::Close(_, change, _) => change,
        }
    }
}

/// What of the target is compared before and after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Accounts by name.
    pub accounts: BTreeMap<String, Account>,
    /// Who is in which group, and whether we added them.
    pub memberships: BTreeMap<(String, String), bool>,
    /// Groups.
    pub groups: BTreeSet<String>,
    /// Sessions by id.
    pub sessions: BTreeMap<u64, TargetSession>,
}

#[derive(Default)]
struct State {
    now: Snapshot,
    next_id: u64,
    skew: i64,
    late: Vec<(WallTime, Command)>,
    /// Names of accounts that were made and removed again, to catch a second coming.
    made: BTreeSet<String>,
    violations: Vec<String>,
}

/// The target.
pub struct FakeTarget {
    id: TargetId,
    clock: Arc<SimClock>,
    state: Mutex<State>,
}

fn refuse<T>(class: FailureClass, text: &str) -> Result<T, Failure> {
    Err(Failure::new(class, text))
}

fn key(change: &ChangeRow) -> (String, String) {
    (change.account.as_str().to_owned(), change.group.clone().unwrap_or_default())
}

fn is_account(change: &ChangeRow) -> bool {
    change.kind == mayfly_domain::ChangeKind::Account
}

impl State {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The account of a change that we made: by its identity where known, else by its name and our mark.
    fn ours(&self, change: &ChangeRow) -> Option<(String, Account)> {
        let native: Option<u64> = change.native_id.as_ref().and_then(|id| id.parse().ok());
        let mark = String::from_utf8_lossy(&change.payload.bytes).into_owned();
        let found = self.now.accounts.iter().find(|(name, account)| match native {
            Some(id) => account.id == id,
            None => name.as_str() == change.account.as_str() && account.mark.as_deref() == Some(mark.as_str()),
        });
        found.map(|(name, account)| (name.clone(), account.clone()))
    }

    /// The identity whose sessions count.
    fn account_id(&self, change: &ChangeRow) -> Option<u64> {
        if is_account(change) {
            return self
                .ours(change)
                .map(|(_, account)| account.id)
                .or_else(|| change.native_id.as_ref()?.parse().ok());
        }
        self.now.accounts.get(change.account.as_str()).map(|account| account.id)
    }

    fn in_scope(&self, change: &ChangeRow, scope: &SessionScope, now: WallTime) -> Vec<u64> {
        let Some(account) = self.account_id(change) else { return Vec::new() };
        let sessions = self.now.sessions.iter().filter(|(_, session)| session.account_id == account);
        let wanted = sessions.filter(|(id, session)| match scope {
            SessionScope::All => true,
            SessionScope::Between { from, until } => {
                session.since >= *from && until.is_none_or(|until| session.since <= until)
            }
            SessionScope::Ours(ids) => ids.contains(&id.to_string()),
            SessionScope::Foreign { ours, older_than } => {
                !ours.contains(&id.to_string()) && now.since(session.since) >= *older_than
            }
        });
        wanted.map(|(id, _)| *id).collect()
    }

    fn open(&mut self, change: &ChangeRow, now: WallTime) -> Result<Opened, Failure> {
        if now > change.last_moment {
            return refuse(FailureClass::Busy, "the last moment of this command is past");
        }
        if !is_account(change) {
            if !self.now.accounts.contains_key(change.account.as_str()) {
                return refuse(FailureClass::Conflict, "no such account");
            }
            let there = self.now.memberships.contains_key(&key(change));
            if !there {
                self.now.memberships.insert(key(change), true);
            }
            return Ok(Opened { native_id: None, added: !there });
        }
        let name = change.account.as_str().to_owned();
        if self.now.accounts.contains_key(&name) {
            return refuse(FailureClass::Conflict, "an account of that name exists");
        }
        if !self.made.insert(name.clone()) {
            self.violations.push(format!("account {name} was made a second time"));
        }
        let id = self.id();
        let mark = String::from_utf8_lossy(&change.payload.bytes).into_owned();
        self.now.accounts.insert(name.clone(), Account { id, mark: Some(mark), can_log_in: true, owns: 0 });
        if let Some(group) = &change.group {
            self.now.memberships.insert((name, group.clone()), true);
        }
        Ok(Opened { native_id: Some(id.to_string()), added: true })
    }

    fn close(
        &mut self,
        verb: CloseVerb,
        change: &ChangeRow,
        scope: &SessionScope,
        now: WallTime,
    ) -> Result<Closed, Failure> {
        match verb {
            CloseVerb::Disable => {
                if let Some((name, _)) = self.ours(change) {
                    self.now.accounts.entry(name).and_modify(|account| account.can_log_in = false);
                }
            }
            CloseVerb::EndSessions => {
                let ended = self.in_scope(change, scope, now);
                let foreign = matches!(scope, SessionScope::Foreign { .. });
                let told = ended.iter().filter(|_| foreign).map(|id| format!("session {id} is none of ours")).collect();
                for id in ended {
                    let stubborn = self.now.sessions.get(&id).map_or(0, |session| session.stubborn);
                    if stubborn == 0 {
                        self.now.sessions.remove(&id);
                    } else if let Some(session) = self.now.sessions.get_mut(&id) {
                        session.stubborn -= 1;
                    }
                }
                let left = u32::try_from(self.in_scope(change, scope, now).len()).unwrap();
                return Ok(Closed { sessions_left: left, report: told, ..Closed::default() });
            }
            CloseVerb::Withdraw => {
                // One row whoever granted it: taking it away takes away what stood there before, too.
                self.now.memberships.remove(&key(change));
                return Ok(Closed { gone_at: Some(now), ..Closed::default() });
            }
            CloseVerb::HandOver => {
                if let Some((name, _)) = self.ours(change) {
                    self.now.accounts.entry(name).and_modify(|account| account.owns = 0);
                }
            }
            CloseVerb::Remove => return self.remove(change),
        }
        Ok(Closed::default())
    }

    fn remove(&mut self, change: &ChangeRow) -> Result<Closed, Failure> {
        let Some((name, account)) = self.ours(change) else { return Ok(Closed::default()) };
        if account.owns > 0 {
            return refuse(FailureClass::Conflict, "the account owns something");
        }
        if self.now.sessions.values().any(|session| session.account_id == account.id) {
            return refuse(FailureClass::Busy, "a session of the account runs");
        }
        self.now.accounts.remove(&name);
        self.now.memberships.retain(|(member, _), _| *member != name);
        Ok(Closed::default())
    }

    fn apply(&mut self, command: &Command, now: WallTime) -> Result<(Opened, Closed), Failure> {
        match command {
            Command::Open(change) => self.open(change, now).map(|opened| (opened, Closed::default())),
            Command::Close(verb, change, scope) => {
                self.close(*verb, change, scope, now).map(|closed| (Opened::default(), closed))
            }
        }
    }
}

impl FakeTarget {
    /// An empty target whose clock is off by `skew` microseconds.
    pub fn new(id: &str, clock: Arc<SimClock>, skew: i64) -> Self {
        let state = Mutex::new(State { skew, ..State::default() });
        Self { id: TargetId::new("fake", id), clock, state }
    }

    /// Its identity.
    pub const fn id(&self) -> &TargetId {
        &self.id
    }

    /// Its clock.
    pub fn now(&self) -> WallTime {
        let skew = self.state.lock().unwrap().skew;
        WallTime::from_micros(self.clock.true_time().micros() + skew)
    }

    /// Lets commands that are due take effect.
    fn advance(&self) -> WallTime {
        let now = self.now();
        let mut state = self.state.lock().unwrap();
        let late = std::mem::take(&mut state.late);
        let (due, later): (Vec<_>, Vec<_>) = late.into_iter().partition(|(at, _)| *at <= now);
        state.late = later;
        for (at, command) in due {
            // Nobody hears how it went.
            let _ = state.apply(&command, at);
        }
        now
    }

    /// Runs a command now.
    pub fn apply(&self, command: &Command) -> Result<(Opened, Closed), Failure> {
        let now = self.advance();
        self.state.lock().unwrap().apply(command, now)
    }

    /// Lets a command take effect later, whatever becomes of its sender.
    pub fn apply_later(&self, command: Command, delay: Duration) {
        let at = self.advance().plus(delay);
        self.state.lock().unwrap().late.push((at, command));
    }

    /// Looks at a change.
    pub fn look(&self, change: &ChangeRow, scope: &SessionScope) -> Sight {
        let target_now = self.advance();
        let state = self.state.lock().unwrap();
        let (presence, can_log_in) = if is_account(change) {
            match state.ours(change) {
                Some((_, account)) => (
                    Presence::Ours { native_id: Some(account.id.to_string()), leftovers: account.owns > 0 },
                    Some(account.can_log_in),
                ),
                None if state.now.accounts.contains_key(change.account.as_str()) => (Presence::Stranger, None),
                None => (Presence::Absent, None),
            }
        } else {
            match state.now.memberships.get(&key(change)) {
                Some(true) => (Presence::Ours { native_id: None, leftovers: false }, None),
                Some(false) => (Presence::Stranger, None),
                None => (Presence::Absent, None),
            }
        };
        let sessions = u32::try_from(state.in_scope(change, scope, target_now).len()).unwrap();
        Sight { target_now, presence, sessions, can_log_in, carrier_gone: false }
    }

    /// Whether that account is in that group.
    pub fn is_member(&self, account: &str, group: &str) -> bool {
        self.advance();
        self.state.lock().unwrap().now.memberships.contains_key(&(account.to_owned(), group.to_owned()))
    }

    /// Adds an account that is not ours.
    pub fn add_account(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        let id = state.id();
        state.now.accounts.insert(name.to_owned(), Account { id, mark: None, can_log_in: true, owns: 0 });
    }

    /// Whether there is such an account.
    pub fn has_account(&self, name: &str) -> bool {
        self.state.lock().unwrap().now.accounts.contains_key(name)
    }

    /// Removes an account as an administrator would: its sessions go on.
    pub fn remove_account(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        state.now.accounts.remove(name);
        state.now.memberships.retain(|(member, _), _| member != name);
    }

    /// Renames an account; its identity and its memberships stay.
    pub fn rename_account(&self, from: &str, to: &str) {
        let mut state = self.state.lock().unwrap();
        let account = state.now.accounts.remove(from).unwrap();
        state.now.accounts.insert(to.to_owned(), account);
        let memberships = std::mem::take(&mut state.now.memberships);
        let renamed = memberships.into_iter().map(|((member, group), ours)| {
            (if member == from { (to.to_owned(), group) } else { (member, group) }, ours)
        });
        state.now.memberships = renamed.collect();
    }

    /// Adds a group, and its members that are not ours.
    pub fn add_group(&self, name: &str, members: &[&str]) {
        let mut state = self.state.lock().unwrap();
        state.now.groups.insert(name.to_owned());
        for member in members {
            state.now.memberships.insert(((*member).to_owned(), name.to_owned()), false);
        }
    }

    /// Whether there is such a group.
    pub fn has_group(&self, name: &str) -> bool {
        self.state.lock().unwrap().now.groups.contains(name)
    }

    /// Logs in; `None` when the account cannot.
    pub fn log_in(&self, name: &str, stubborn: u32) -> Option<u64> {
        self.log_in_at(name, self.advance(), stubborn)
    }

    /// Logs in at another moment of the target's clock, for sessions that are older than the test.
    pub fn log_in_at(&self, name: &str, since: WallTime, stubborn: u32) -> Option<u64> {
        let mut state = self.state.lock().unwrap();
        let account = state.now.accounts.get(name).filter(|account| account.can_log_in)?.id;
        let id = state.id();
        state.now.sessions.insert(id, TargetSession { account_id: account, since, stubborn });
        Some(id)
    }

    /// Logs out; a session that was ended already stays ended.
    pub fn log_out(&self, id: u64) {
        self.state.lock().unwrap().now.sessions.remove(&id);
    }

    /// Whether a session still runs.
    pub fn is_logged_in(&self, id: u64) -> bool {
        self.advance();
        self.state.lock().unwrap().now.sessions.contains_key(&id)
    }

    /// Lets an account own something, as a person does who makes a table.
    pub fn own(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        state.now.accounts.entry(name.to_owned()).and_modify(|account| account.owns += 1);
    }

    /// Everything that is there.
    pub fn snapshot(&self) -> Snapshot {
        self.advance();
        self.state.lock().unwrap().now.clone()
    }

    /// Whether exactly this is there.
    pub fn is(&self, snapshot: &Snapshot) -> bool {
        self.advance();
        self.state.lock().unwrap().now == *snapshot
    }

    /// What went against the promise so far.
    pub fn violations(&self) -> Vec<String> {
        self.state.lock().unwrap().violations.clone()
    }
}
