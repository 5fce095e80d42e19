//! The demo: a real PostgreSQL, a real Linux host, a real Mayfly, one real session on each, and what the targets looked like
//! before, during and after. In a terminal it then stays, with commands to try, until Ctrl-C. Everything that it starts goes
//! with it.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "the demo prints what it does and waits")]

mod machine;

use anyhow::{Context, Result};
use machine::Machine;
use mayfly_e2e::Installation;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::installation::binary;
use mayfly_e2e::objects::{self, PASSWORD, Record};
use mayfly_e2e::wait;
use mayfly_testbed::{Flavour, Options, Postgres, PostgresHandle, admin, fixtures};
use std::io::IsTerminal;
use std::time::Duration;

/// Accounts and memberships, as the server's own catalogue has them; roles of the server itself are left out.
const ROLES: &str = "select r.rolname as account, r.rolcanlogin as \"can log in\", \
     coalesce(to_char(r.rolvaliduntil at time zone 'utc', 'HH24:MI:SS \"UTC\"'), '') as \"valid until\", \
     coalesce((select string_agg(g.rolname, ', ' order by g.rolname) from pg_auth_members m \
       join pg_roles g on g.oid = m.roleid where m.member = r.oid and g.rolname !~ '^keeper_'), '') as \"member of\", \
     coalesce(shobj_description(r.oid, 'pg_authid'), '') as mark \
     from pg_roles r where r.rolname !~ '^pg_' order by 1";

fn heading(text: &str) {
    let (bold, plain) = if std::io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    println!("\n{bold}== {text}{plain}");
}

fn show_roles(server: &PostgresHandle) -> Result<()> {
    print!("{}", server.psql(&["-P", "format=aligned", "-P", "tuples_only=off", "-P", "footer=off", "-c", ROLES])?);
    Ok(())
}

fn ours(server: &PostgresHandle) -> Result<String> {
    Ok(server.psql(&["-Atc", "select count(*) from pg_roles where rolname ~ '^keeper_'"])?.trim().to_owned())
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let stopped = runtime.spawn(interrupted());
    let shown = runtime.block_on(async {
        tokio::select! {
            shown = tokio::task::spawn_blocking(demo) => shown?,
            () = interrupted() => anyhow::bail!("interrupted"),
        }
    });
    let Shown { installation, running, server, machine } = shown?;
    if std::io::stdout().is_terminal() {
        try_it(&installation, machine.as_ref())?;
        runtime.block_on(stopped)?;
        println!();
    }
    heading("Stopping");
    running.stop().context("the server did not stop in order")?;
    println!("sessions ended, accounts of ours on the server: {}", ours(server.handle())?);
    drop((installation, server, machine));
    println!("everything that the demo started is gone");
    Ok(())
}

async fn interrupted() {
    // Without a handler Ctrl-C would end the demo at once, which its watchdogs clean up after too.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What stays up.
struct Shown {
    installation: Installation,
    running: mayfly_e2e::Server,
    server: Postgres,
    machine: Option<Machine>,
}

/// Starts everything and shows one session on each target.
fn demo() -> Result<Shown> {
    let (installation, running, server) = database()?;
    let machine = machine::show(&installation)?;
    trail(&installation)?;
    Ok(Shown { installation, running, server, machine })
}

/// Starts PostgreSQL and Mayfly and shows a session on the database.
fn database() -> Result<(Installation, mayfly_e2e::Server, Postgres)> {
    heading("Starting a throw-away PostgreSQL on loopback, with random secrets, in a throw-away directory");
    let server = Postgres::start(Options::new(Flavour::Debian15))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let admin = runtime.block_on(async {
        fixtures::create(server.handle()).await?;
        admin::create(server.handle(), &fixtures::ROLES, &fixtures::DATABASES).await
    })?;
    println!(
        "PostgreSQL 15 on 127.0.0.1:{}, administered by `{}`, which is no superuser",
        server.handle().port(),
        admin.user
    );

    heading("Making an installation and starting Mayfly");
    let installation = Installation::init()?;
    let running = installation.start()?;
    let record = Record { duration: "30m", linger: "2s", ..Record::new("orders") };
    objects::apply(&installation, server.handle(), &admin, &["alice"], &[(record, None)])?;
    print!("{}", installation.must(&["ls"], "")?);

    heading("What the administrator's account may do (mayfly record check orders)");
    let check = installation.run(&["record", "check", "orders"])?;
    print!("{}", String::from_utf8_lossy(&check.stdout));

    heading("Before: accounts and memberships on the server");
    show_roles(server.handle())?;

    heading("A session: alice types psql \"host=localhost user=alice~orders dbname=orders sslmode=verify-full …\"");
    let ticket = Ticket::get(&installation, "alice", "orders")?;
    let mut psql = ticket.open()?;
    for statement in ["select current_user", "select count(*) from orders"] {
        println!("orders=> {statement};\n{}", psql.query(statement)?);
    }
    let refused = ticket.psql("delete from orders")?;
    print!("orders=> delete from orders;\n{}", String::from_utf8_lossy(&refused.stderr));
    println!("(the second psql joined the same session, with the same account; its role lets her read)");

    heading("During: the account exists, in its role, with a deadline of its own and our mark");
    show_roles(server.handle())?;
    print!("{}", installation.must(&["sessions", "ls"], "")?);

    heading("She leaves; two seconds later nothing is left");
    psql.leave()?;
    wait::until("the account is gone", Duration::from_secs(20), || Ok(ours(server.handle())? == "0"))?;
    wait::until("the session is closed", Duration::from_secs(20), || {
        Ok(installation.json(&["sessions", "ls"])?["items"].as_array().is_some_and(Vec::is_empty))
    })?;
    show_roles(server.handle())?;
    Ok((installation, running, server))
}

/// Shows the trail.
fn trail(installation: &Installation) -> Result<()> {
    heading("The trail, and its verification by a program that shares no code with the server");
    print!("{}", installation.must(&["audit", "tail", "-n", "24"], "")?);
    // The checkpoint of the last second is still to be signed.
    std::thread::sleep(Duration::from_millis(1500));
    let config = installation.config();
    let config = config.to_str().context("a path that is text")?;
    print!("{}", installation.must(&["audit", "verify", "--config", config], "")?);
    Ok(())
}

/// Prints what to try.
fn try_it(installation: &Installation, machine: Option<&Machine>) -> Result<()> {
    heading("It stays up until Ctrl-C. In another terminal:");
    println!("alias mayfly={}", binary()?.display());
    println!(
        "export MAYFLY_SOCKET={} MAYFLY_CONFIG={}",
        installation.socket().display(),
        installation.config().display()
    );
    println!("mayfly db orders --person alice        # the password is: {PASSWORD}");
    println!("mayfly connect orders --person alice   # for any other client");
    if let Some(machine) = machine {
        println!("{}", machine.command(installation));
    }
    println!("mayfly sessions ls");
    println!("mayfly sessions end ID --reason \"lunch\"");
    println!("mayfly cleanup ls");
    println!("mayfly audit tail -f");
    println!("mayfly audit verify");
    Ok(())
}
