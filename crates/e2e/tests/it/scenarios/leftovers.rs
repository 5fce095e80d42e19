//! What an account leaves in two databases, by policy. Functions with their owner's rights, schemas, large objects and prepared
//! transactions are among it, and nothing of it keeps the account.

use super::on_both;
use mayfly_e2e::World;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::Record;
use mayfly_e2e::wait;
use mayfly_testbed::Flavour;
use std::time::Duration;

on_both!(what_is_left_goes_by_policy);

const SETUP: &str = "CREATE ROLE builder NOLOGIN; GRANT CREATE ON DATABASE orders TO builder; \
                     GRANT CREATE ON DATABASE billing TO builder";

async fn what_is_left_goes_by_policy(flavour: Flavour) {
    let mut world = World::new(flavour, SETUP).await.unwrap();
    if flavour.has_membership_options() {
        world.ask("GRANT builder TO mayfly_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").unwrap();
        world.settle().await.unwrap();
    }
    let policy = |leftovers: &'static str| Record { elevate: Some("builder"), leftovers, ..Record::new(leftovers) };
    let records = [(policy("drop"), None), (policy("graveyard"), None), (policy("keep"), None)];
    let _running = world.serve(&["alice"], &records).unwrap();
    dropped(&world).await;
    buried(&world).await;
    kept(&world).await;
}

/// Leaves everything that can be left, and returns the account.
fn leave_everything(ticket: &Ticket) -> String {
    let in_each = "
        create schema nest;
        create table nest.eggs (id int primary key, of text);
        create view nest.seen as select * from nest.eggs;
        create sequence nest.counter;
        create type nest.colour as enum ('red', 'blue');
        create function nest.cuckoo() returns int language sql security definer as 'select 1';
        create function nest.hatch() returns trigger language plpgsql as 'begin return new; end';
        create trigger hatch before insert on nest.eggs for each row execute function nest.hatch();
        grant usage on schema nest to public;
        grant select on nest.eggs to readonly;
        alter default privileges in schema nest grant select on tables to readonly;
        select lo_create(LARGE);
        begin; create table nest.pending (); prepare transaction 'DATABASE pending';\n";
    for (database, large) in [("orders", "424242"), ("billing", "434343")] {
        let script = in_each.replace("LARGE", large).replace("DATABASE", database);
        ticket.script(database, &script).unwrap();
    }
    ticket.query("select current_user").unwrap()
}

async fn dropped(world: &World) {
    leave_everything(&world.ticket("alice", "drop").unwrap());
    world.as_before("the policy `drop`").await.unwrap();
}

async fn buried(world: &World) {
    leave_everything(&world.ticket("alice", "graveyard").unwrap());
    world.all_out().unwrap();
    let difference = world.difference().await.unwrap();
    assert!(difference.lines().all(|line| line.starts_with("+ ")), "nothing else changes:\n{difference}");
    assert!(!difference.contains("keeper_") && !difference.contains("dangling"), "{difference}");
    for left in ["eggs", "seen", "counter", "colour", "cuckoo", "424242", "434343"] {
        assert!(difference.contains(left), "{left} is kept:\n{difference}");
    }
    let count =
        |database: &str, what: &str| world.server.psql(&["-d", database, "-c", what]).unwrap().trim().to_owned();
    for database in ["orders", "billing"] {
        let owner = "select distinct relowner::regrole from pg_class where relnamespace = 'nest'::regnamespace";
        assert_eq!(count(database, owner), "mayfly_graveyard");
        assert_eq!(count(database, "select prosecdef from pg_proc where proname = 'cuckoo'"), "f");
        assert_eq!(count(database, "select count(*) from pg_prepared_xacts"), "0");
        count(database, "drop owned by mayfly_graveyard cascade");
    }
    world.as_before("the policy `graveyard`, and emptying the graveyard,").await.unwrap();
}

async fn kept(world: &World) {
    let account = leave_everything(&world.ticket("alice", "keep").unwrap());
    let is_kept = || Ok(world.installation.owed()?.first().is_some_and(|change| change["state"] == "kept"));
    wait::until("the account is kept", Duration::from_secs(30), is_kept)
        .unwrap_or_else(|error| panic!("{error:#}\n{}", world.installation.log()));
    let owed = world.installation.owed().unwrap();
    assert_eq!((&owed[0]["account"], &owed[0]["can_log_in"]), (&account.as_str().into(), &false.into()), "{owed:?}");
    assert_eq!(world.ask(&format!("select rolcanlogin from pg_roles where rolname = '{account}'")).unwrap(), "f");
    assert_eq!(world.ask("select count(*) from pg_prepared_xacts").unwrap(), "0");
    for database in ["orders", "billing"] {
        world.server.psql(&["-d", database, "-c", &format!("drop owned by {account} cascade")]).unwrap();
    }
    world.installation.run(&["cleanup", "retry", owed[0]["id"].as_str().unwrap()]).unwrap();
    world.as_before("the policy `keep`, once nothing is owned any more,").await.unwrap();
}
