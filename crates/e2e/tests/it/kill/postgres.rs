//! The server is killed while it works on PostgreSQL.

use super::{PEOPLE, Scene, Seen, VISITS, killed_at_any_moment};
use mayfly_e2e::client::{Ticket, direct};
use mayfly_e2e::objects::Record;
use mayfly_e2e::world::OURS;
use mayfly_e2e::{Prompt, World};
use mayfly_testbed::Flavour;
use std::time::Duration;
use tokio_postgres::{Client, SimpleQueryMessage};

struct Postgres {
    world: World,
    tickets: Vec<Ticket>,
    bystander: Prompt,
    eye: Client,
}

impl Scene for Postgres {
    type On = World;
    type Lock = Client;
    const TRIFLE: &str = "select 1";
    /// The promise of the provider's issue.
    const RECOVERED: Duration = Duration::from_secs(10);

    fn target(&self) -> &World {
        &self.world
    }

    async fn seen(&self) -> Seen {
        let query = format!(
            "SELECT count(*), count(*) FILTER (WHERE NOT rolcanlogin), \
             (SELECT count(*) FROM pg_auth_members WHERE member = 'app'::regrole AND roleid = 'readonly'::regrole), \
             (SELECT count(*) FROM pg_stat_activity WHERE usename = 'mayfly_admin' AND wait_event_type = 'Lock') {OURS}"
        );
        for message in self.eye.simple_query(&query).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                let number = |column| row.get(column).unwrap().parse().unwrap();
                return Seen { accounts: number(0), closed: number(1), lifted: number(2), waiting: number(3) };
            }
        }
        panic!("no answer")
    }

    async fn lock(&self) -> Client {
        let locker = self.world.server.client("postgres").await.unwrap();
        locker.batch_execute("BEGIN; LOCK TABLE pg_authid IN SHARE MODE").await.unwrap();
        locker
    }

    fn start(&self, visit: usize) -> Prompt {
        self.tickets[visit].start().unwrap()
    }

    fn sessions(&self) -> anyhow::Result<usize> {
        let of_app = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' OR usename LIKE 'keeper\\_%' \
                      OR usesysid IS NOT NULL AND usename IS NULL";
        Ok(self.world.ask(of_app)?.parse::<usize>()?.saturating_sub(1))
    }

    fn goes_on(&mut self) {
        assert_eq!(self.bystander.query("select current_user").unwrap(), "app");
    }
}

async fn on(flavour: Flavour) {
    let world = World::new(flavour, "").await.unwrap();
    let lift = |name| Record { launch: Some("launch"), overlap: true, linger: "0s", ..Record::new(name) };
    let made = |name| Record { linger: "0s", ..Record::new(name) };
    let plain = Record { elevate: None, ..made("plain") };
    let records =
        [(made("grouped"), None), (plain, None), (lift("left"), Some(&world.app)), (lift("right"), Some(&world.app))];
    let running = world.serve(&PEOPLE, &records).unwrap();
    let tickets = VISITS.map(|(person, record)| world.ticket(person, record).unwrap()).into();
    let bystander = direct(world.server.handle(), &world.app).unwrap();
    let eye = world.server.client("postgres").await.unwrap();
    killed_at_any_moment(Postgres { world, tickets, bystander, eye }, running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_left_on_15() {
    on(Flavour::Debian15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_left_on_the_newer() {
    on(Flavour::Newer).await;
}
