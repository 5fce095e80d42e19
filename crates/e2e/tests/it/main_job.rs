//! The main job on a real server: a person types `psql`, an account made for that session lets them in, in the right role,
//! and when they leave the server is as it was.

use mayfly_e2e::Installation;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::wait;
use mayfly_testbed::{Flavour, Options, Postgres, admin, fixtures, snapshot};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_an_account_for_the_session_and_the_server_is_as_it_was() {
    let server = Postgres::start(Options::new(Flavour::Debian15)).unwrap();
    fixtures::create(server.handle()).await.unwrap();
    let admin = admin::create(server.handle(), &fixtures::ROLES, &fixtures::DATABASES).await.unwrap();
    let before = snapshot::take(server.handle()).await.unwrap();

    let installation = Installation::init().unwrap();
    let _running = installation.start().unwrap();
    objects::apply(&installation, server.handle(), &admin, &["alice"], &[(Record::new("orders"), None)]).unwrap();
    let ticket = Ticket::get(&installation, "alice", "orders").unwrap();
    let mut psql = ticket.open().unwrap_or_else(|error| panic!("{error:#}\n{}", installation.log()));
    let account = psql.query("select current_user").unwrap();
    assert!(account.starts_with("keeper_"), "{account}");
    assert_eq!(psql.query("select count(*) from orders").unwrap(), "5");
    assert_eq!(
        server.handle().psql(&["-Atc", "select count(*) from pg_roles where rolname like 'keeper%'"]).unwrap().trim(),
        "1"
    );
    psql.leave().unwrap();
    wait::until("the account is gone", Duration::from_secs(10), || {
        Ok(server.handle().psql(&["-Atc", "select count(*) from pg_roles where rolname like 'keeper%'"])?.trim() == "0")
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", installation.log()));
    let after = snapshot::take(server.handle()).await.unwrap();
    assert_eq!(snapshot::diff(&before, &after), "");
}
