//! Promise 6 on a real server: a person gives the session's account a secret of their own and comes in past Mayfly. What they
//! open is ended and recorded while the session lasts; the session itself is not disturbed.

use mayfly_e2e::objects::Record;
use mayfly_e2e::{World, wait};
use mayfly_testbed::Flavour;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

async fn a_way_past_us_is_closed(flavour: Flavour) {
    let world = World::new(flavour, "").await.unwrap();
    let _running = world.serve(&["alice"], &[(Record::new("orders"), None)]).unwrap();
    let mut psql = world.ticket("alice", "orders").unwrap().open().unwrap();
    let account = psql.query("select current_user").unwrap();
    let own = "own secret 4f1d9a";
    psql.query(&format!("alter role current_user password '{own}'")).unwrap();
    let handle = world.server.handle();
    let mut past_us = Command::new("psql")
        .args(["-X", "-h", handle.host(), "-p", &handle.port().to_string(), "-U", &account, "-d", "orders"])
        .args(["-c", "select pg_sleep(600)"])
        .env("PGPASSWORD", own)
        .env("PGSSLROOTCERT", handle.ca_path())
        .env("PGSSLMODE", "verify-full")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sessions = format!("select count(*) from pg_stat_activity where usename = '{account}'");
    wait::until("the session past us runs", LIMIT, || Ok(world.ask(&sessions)? == "2")).unwrap();
    wait::until("the session past us ends", LIMIT, || Ok(past_us.try_wait()?.is_some())).unwrap();
    let words = std::io::read_to_string(past_us.stderr.take().unwrap()).unwrap();
    assert!(words.contains("terminating connection due to administrator command"), "{words}");
    assert_eq!(psql.query("select current_user").unwrap(), account, "ours goes on");
    // The client hears of it before the server has seen that it is gone, and says so then.
    wait::until("it is on record", LIMIT, || Ok(!world.installation.events("connection.foreign")?.is_empty())).unwrap();
    let found = world.installation.events("connection.foreign").unwrap();
    let reason = found[0]["reason"].as_str().unwrap();
    assert!(reason.contains("was opened by none of our connections and told to end"), "{reason}");
    assert!(reason.contains("127.0.0.1"), "where it came from: {reason}");
    assert_eq!(found.len(), 1, "{found:?}");
    drop(psql);
    world.as_before("a session with a way past us").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_past_us_is_closed_on_15() {
    a_way_past_us_is_closed(Flavour::Debian15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_past_us_is_closed_on_newer() {
    a_way_past_us_is_closed(Flavour::Newer).await;
}
