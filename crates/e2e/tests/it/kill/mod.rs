//! The server is killed outright at a moment that is observed on the target, and started again: soon nothing of ours is
//! there, and the trail is whole. The scenario is the same for every kind of target; each says how it is looked at.

mod linux;
mod mysql;
mod postgres;

use mayfly_e2e::{Prompt, Server, Target};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// What is observed on the target when the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A command that makes an account waits for a lock on the target, and is let go after the kill.
    CommandWaits,
    /// The first account is there, most are not.
    FirstMade,
    /// The existing account is lifted.
    Lifted,
    /// Everybody is in.
    Live,
    /// Access is being taken away: an account is closed to log-in.
    Disabled,
    /// Some accounts are gone, others are not.
    SomeGone,
    /// The last account is gone, which the store may not know yet.
    AllGone,
}

const MOMENTS: [Moment; 7] = [
    Moment::CommandWaits,
    Moment::FirstMade,
    Moment::Lifted,
    Moment::Live,
    Moment::Disabled,
    Moment::SomeGone,
    Moment::AllGone,
];

/// Who opens what: accounts that are made, with and without a group or role, and one that exists and is lifted by two at once.
const VISITS: [(&str, &str); 8] = [
    ("alice", "grouped"),
    ("bob", "grouped"),
    ("carol", "grouped"),
    ("alice", "plain"),
    ("bob", "plain"),
    ("carol", "plain"),
    ("alice", "left"),
    ("bob", "right"),
];
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// What is seen on the target at once.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// Accounts of ours.
    accounts: usize,
    /// Those of them that are closed to log-in.
    closed: usize,
    /// Memberships of the existing account that we add.
    lifted: usize,
    /// Commands of ours that wait for a lock.
    waiting: usize,
}

impl Seen {
    fn is_at(self, moment: Moment, all: usize) -> bool {
        match moment {
            Moment::CommandWaits => self.waiting > 0,
            Moment::FirstMade => self.accounts > 0,
            Moment::Lifted => self.lifted > 0,
            Moment::Live => true,
            Moment::Disabled => self.closed > 0 || self.accounts < all,
            Moment::SomeGone => self.accounts < all,
            Moment::AllGone => self.accounts == 0,
        }
    }

    const fn is_ours(self) -> bool {
        self.accounts + self.lifted + self.waiting > 0
    }
}

/// A target with the records of [`VISITS`] on it, and somebody's session of the existing account that is older than all.
trait Scene {
    /// The target and its installation.
    type On: Target;
    /// Holds what a command that makes an account waits for, until it is dropped.
    type Lock;
    /// What shows that a client is in.
    const TRIFLE: &str;
    /// The limit for the time after the restart.
    const RECOVERED: Duration;

    fn target(&self) -> &Self::On;
    async fn seen(&self) -> Seen;
    async fn lock(&self) -> Self::Lock;
    /// The client of one of [`VISITS`], which is not waited for.
    fn start(&self, visit: usize) -> Prompt;
    /// Sessions on the target of our accounts and of the one that is lifted, but for the one that is older.
    fn sessions(&self) -> anyhow::Result<usize>;
    /// Expects the older session to go on.
    fn goes_on(&mut self);
}

fn rounds() -> usize {
    if std::env::var_os("MAYFLY_LONG").is_some() { 100 } else { 10 }
}

async fn killed_at_any_moment(mut scene: impl Scene, server: Server) {
    let mut running = Some(server);
    let mut needed = Vec::new();
    for round in 0..rounds() {
        let moment = MOMENTS[round % MOMENTS.len()];
        // One to eight sessions, always with an account and, where it is about that, a lifted one.
        let count = if moment == Moment::Live { VISITS.len() } else { 2 + (round * 5) % 7 };
        let visits: Vec<usize> = match moment {
            Moment::Lifted => (0..VISITS.len()).rev().take(count).collect(),
            _ => (0..count).collect(),
        };
        if kill_at(&scene, running.take().unwrap(), &visits, moment).await {
            needed.push(moment);
        }
        running = Some(scene.target().installation().start().unwrap());
        recovered(&scene, round, moment).await;
        scene.goes_on();
    }
    assert!(needed.len() * 2 >= rounds(), "recovery was hardly ever needed: {needed:?}");
    assert!(needed.contains(&Moment::Live) && needed.contains(&Moment::CommandWaits), "{needed:?}");
}

/// Opens the sessions, kills the server at the moment, and says whether something of ours was on the target then.
async fn kill_at<S: Scene>(scene: &S, server: Server, visits: &[usize], moment: Moment) -> bool {
    let log = || scene.target().installation().log();
    let lock = if moment == Moment::CommandWaits { Some(scene.lock().await) } else { None };
    let mut clients: Vec<Prompt> = visits.iter().map(|visit| scene.start(*visit)).collect();
    let is_after_live = matches!(moment, Moment::Live | Moment::Disabled | Moment::SomeGone | Moment::AllGone);
    if is_after_live {
        for client in &mut clients {
            client.query(S::TRIFLE).unwrap_or_else(|error| panic!("{error:#}\n{}", log()));
        }
    }
    let all = scene.seen().await.accounts;
    if is_after_live && moment != Moment::Live {
        clients.clear();
    }
    let limit = Instant::now() + Duration::from_secs(60);
    while !scene.seen().await.is_at(moment, all) {
        assert!(Instant::now() < limit, "{moment:?} was not seen\n{}", log());
    }
    server.signal(Signal::STOP).unwrap();
    let there = scene.seen().await.is_ours();
    server.kill_9().unwrap();
    drop(lock);
    drop(clients);
    there
}

async fn recovered<S: Scene>(scene: &S, round: usize, moment: Moment) {
    let end = Instant::now() + S::RECOVERED;
    while scene.seen().await.is_ours() || scene.sessions().unwrap() > 0 {
        let log = || scene.target().installation().log();
        assert!(
            Instant::now() < end,
            "round {round}, {moment:?}: something is left: {:?}\n{}",
            scene.seen().await,
            log()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    scene.target().as_before(&format!("round {round}, killed at {moment:?},")).await.unwrap();
    scene.target().installation().verify_trail().unwrap();
}
