//! The server is killed outright at a moment that is observed on the target, and started again: within ten seconds nothing of
//! ours is there, and the trail is whole.

use mayfly_e2e::client::{Psql, Ticket, direct};
use mayfly_e2e::objects::Record;
use mayfly_e2e::world::OURS;
use mayfly_e2e::{Server, World, wait};
use mayfly_testbed::Flavour;
use rustix::process::Signal;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, SimpleQueryMessage};

/// The issue's own limit for the time after the restart.
const RECOVERED: Duration = Duration::from_secs(10);

/// What is observed on the target when the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A command that makes an account waits for a lock on the server, and is let go after the kill.
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

/// What is seen on the target at once.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    accounts: usize,
    closed: usize,
    lifted: usize,
    waiting: usize,
}

impl Seen {
    async fn now(eye: &Client) -> Self {
        let query = format!(
            "SELECT count(*), count(*) FILTER (WHERE NOT rolcanlogin), \
             (SELECT count(*) FROM pg_auth_members WHERE member = 'app'::regrole AND roleid = 'readonly'::regrole), \
             (SELECT count(*) FROM pg_stat_activity WHERE usename = 'mayfly_admin' AND wait_event_type = 'Lock') {OURS}"
        );
        for message in eye.simple_query(&query).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                let number = |column| row.get(column).unwrap().parse().unwrap();
                return Self { accounts: number(0), closed: number(1), lifted: number(2), waiting: number(3) };
            }
        }
        panic!("no answer")
    }

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

fn rounds() -> usize {
    if std::env::var_os("MAYFLY_LONG").is_some() { 100 } else { 10 }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_left_on_15() {
    killed_at_any_moment(Flavour::Debian15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_left_on_the_newer() {
    killed_at_any_moment(Flavour::Newer).await;
}

async fn killed_at_any_moment(flavour: Flavour) {
    let world = World::new(flavour, "").await.unwrap();
    let lift = |name| Record { launch: Some("launch"), overlap: true, linger: "0s", ..Record::new(name) };
    let made = |name| Record { linger: "0s", ..Record::new(name) };
    let plain = Record { elevate: None, ..made("plain") };
    let records =
        [(made("orders"), None), (plain, None), (lift("left"), Some(&world.app)), (lift("right"), Some(&world.app))];
    let people = ["alice", "bob", "carol"];
    let mut running = Some(world.serve(&people, &records).unwrap());
    let pairs = [
        ("alice", "orders"),
        ("bob", "orders"),
        ("carol", "orders"),
        ("alice", "plain"),
        ("bob", "plain"),
        ("carol", "plain"),
        ("alice", "left"),
        ("bob", "right"),
    ];
    let tickets: Vec<Ticket> = pairs.iter().map(|(person, record)| world.ticket(person, record).unwrap()).collect();
    let mut bystander = direct(world.server.handle(), &world.app).unwrap();
    let eye = world.server.client("postgres").await.unwrap();
    let mut needed = Vec::new();
    for round in 0..rounds() {
        let moment = MOMENTS[round % MOMENTS.len()];
        // One to eight sessions, always with an account and, where it is about that, a lifted one.
        let count = if moment == Moment::Live { tickets.len() } else { 2 + (round * 5) % 7 };
        let used: Vec<&Ticket> = match moment {
            Moment::Lifted => tickets.iter().rev().take(count).collect(),
            _ => tickets.iter().take(count).collect(),
        };
        if kill_at(&world, &eye, running.take().unwrap(), &used, moment).await {
            needed.push(moment);
        }
        running = Some(world.installation.start().unwrap());
        recovered(&world, round, moment).await;
        assert_eq!(bystander.query("select current_user").unwrap(), "app", "a session older than all of this goes on");
    }
    assert!(needed.len() * 2 >= rounds(), "recovery was hardly ever needed: {needed:?}");
    assert!(needed.contains(&Moment::Live) && needed.contains(&Moment::CommandWaits), "{needed:?}");
}

/// Opens the sessions, kills the server at the moment, and says whether something of ours was on the target then.
async fn kill_at(world: &World, eye: &Client, server: Server, tickets: &[&Ticket], moment: Moment) -> bool {
    let locker = world.server.client("postgres").await.unwrap();
    if moment == Moment::CommandWaits {
        locker.batch_execute("BEGIN; LOCK TABLE pg_authid IN SHARE MODE").await.unwrap();
    }
    let mut clients: Vec<Psql> = tickets.iter().map(|ticket| ticket.start().unwrap()).collect();
    let is_after_live = matches!(moment, Moment::Live | Moment::Disabled | Moment::SomeGone | Moment::AllGone);
    if is_after_live {
        for psql in &mut clients {
            psql.query("select 1").unwrap_or_else(|error| panic!("{error:#}\n{}", world.installation.log()));
        }
    }
    let all = Seen::now(eye).await.accounts;
    if is_after_live && moment != Moment::Live {
        clients.clear();
    }
    let limit = Instant::now() + Duration::from_secs(20);
    while !Seen::now(eye).await.is_at(moment, all) {
        assert!(Instant::now() < limit, "{moment:?} was not seen\n{}", world.installation.log());
    }
    server.signal(Signal::STOP).unwrap();
    let there = Seen::now(eye).await.is_ours();
    server.kill_9().unwrap();
    if moment == Moment::CommandWaits {
        locker.batch_execute("COMMIT").await.unwrap();
    }
    drop(clients);
    there
}

async fn recovered(world: &World, round: usize, moment: Moment) {
    let of_app = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' OR usename LIKE 'keeper\\_%' \
                  OR usesysid IS NOT NULL AND usename IS NULL";
    let clean = || {
        // The bystander is the one session that stays.
        Ok(world.accounts()? == 0 && !world.is_member("app", "readonly")? && world.ask(of_app)? == "1")
    };
    wait::until("nothing of ours is on the target", RECOVERED, clean)
        .unwrap_or_else(|error| panic!("round {round}, {moment:?}: {error:#}\n{}", world.installation.log()));
    world.as_before(&format!("round {round}, killed at {moment:?},")).await.unwrap();
    let config = world.installation.config();
    world.installation.must(&["audit", "verify", "--config", config.to_str().unwrap()], "").unwrap();
}
