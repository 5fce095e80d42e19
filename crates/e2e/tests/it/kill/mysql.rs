//! The server is killed while it works on MySQL or MariaDB.

use super::{PEOPLE, Scene, Seen, VISITS, killed_at_any_moment};
use mayfly_e2e::mysql_world::MysqlTicket;
use mayfly_e2e::objects::Record;
use mayfly_e2e::{MysqlWorld, Prompt};
use mayfly_testbed::mysql::{Flavour, Session, skip};
use std::sync::Mutex;
use std::time::Duration;

struct OnMysql {
    world: MysqlWorld,
    tickets: Vec<MysqlTicket>,
    bystander: Session,
    eye: Mutex<Session>,
}

impl Scene for OnMysql {
    type On = MysqlWorld;
    type Lock = Session;
    const TRIFLE: &str = "select 1";
    /// Changes of accounts wait for each other on both servers.
    const RECOVERED: Duration = Duration::from_secs(20);

    fn target(&self) -> &MysqlWorld {
        &self.world
    }

    async fn seen(&self) -> Seen {
        let (closed, lifted) = match self.world.server().flavour() {
            Flavour::MariaDb => (
                "SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'keeper\\_%' AND JSON_VALUE(Priv, '$.account_locked') IN ('true', '1')",
                "SELECT COUNT(*) FROM mysql.roles_mapping WHERE User = 'app' AND Role = 'readonly'",
            ),
            Flavour::MySql => (
                "SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'keeper\\_%' AND account_locked = 'Y'",
                "SELECT COUNT(*) FROM mysql.role_edges WHERE TO_USER = 'app' AND FROM_USER = 'readonly'",
            ),
        };
        let query = format!(
            "SELECT (SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'keeper\\_%'), ({closed}), ({lifted}), \
             (SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'mayfly_admin' AND state LIKE 'Waiting for%')"
        );
        let rows = self.eye.lock().unwrap().ask(&query).unwrap();
        let numbers: Vec<usize> = rows[0].split('\t').map(|number| number.parse().unwrap()).collect();
        Seen { accounts: numbers[0], closed: numbers[1], lifted: numbers[2], waiting: numbers[3] }
    }

    async fn lock(&self) -> Session {
        let mut locker = self.world.server().root_session().unwrap();
        locker.ask("FLUSH TABLES WITH READ LOCK").unwrap();
        locker
    }

    fn start(&self, visit: usize) -> Prompt {
        self.tickets[visit].start().unwrap()
    }

    fn sessions(&self) -> anyhow::Result<usize> {
        Ok((self.world.sessions_of("keeper\\_%")? + self.world.sessions_of("app")?).saturating_sub(1))
    }

    fn goes_on(&mut self) {
        assert!(self.bystander.is_alive());
    }
}

async fn on(flavour: Flavour) {
    if !skip::can_run(flavour) {
        return;
    }
    let world = MysqlWorld::new(flavour).unwrap();
    let lift = |name| Record { launch: Some("launch"), overlap: true, linger: "0s", ..Record::new(name) };
    let made = |name| Record { linger: "0s", ..Record::new(name) };
    // Without a role the database of the record is closed to the account, so that everybody has one.
    let records = [
        (made("grouped"), None),
        (made("plain"), None),
        (lift("left"), Some(&world.app)),
        (lift("right"), Some(&world.app)),
    ];
    let running = world.serve(&PEOPLE, &records).unwrap();
    let tickets = VISITS.map(|(person, record)| world.ticket(person, record).unwrap()).into();
    let bystander = world.server().session(&world.app, "").unwrap();
    let eye = Mutex::new(world.server().root_session().unwrap());
    killed_at_any_moment(OnMysql { world, tickets, bystander, eye }, running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_left_on_mariadb() {
    on(Flavour::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_left_on_mysql() {
    on(Flavour::MySql).await;
}
