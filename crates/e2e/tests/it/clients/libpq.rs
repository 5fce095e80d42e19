//! Protocol 3.2, which Debian's clients do not speak yet: the libpq of the newer server, used by Python's `ctypes`, and
//! under Debian's psql.

use super::{Rig, on_each_server, printed, run};
use mayfly_testbed::{Flavour, Options, Postgres};
use std::path::PathBuf;
use std::process::Command;

on_each_server! {
    protocol_3_2 => super::the_newer_protocol_is_spoken_and_cancelled_with_its_long_key;
}

/// The folder of the newer libraries; starting a server of that flavour has fetched them.
fn libraries() -> PathBuf {
    let server = Postgres::start(Options { fsync: false, ..Options::new(Flavour::Newer) }).unwrap();
    let program = std::fs::read_link(format!("/proc/{}/exe", server.pid().unwrap())).unwrap();
    program.parent().unwrap().parent().unwrap().join("lib")
}

fn the_newer_protocol_is_spoken_and_cancelled_with_its_long_key(flavour: Flavour) {
    let rig = Rig::start(flavour);
    let libraries = libraries();
    let mut python = Command::new("/usr/bin/python3");
    rig.ticket.environment(&mut python, "orders");
    python.env("LD_LIBRARY_PATH", &libraries).env("PGMAXPROTOCOLVERSION", "3.2").env("PGMINPROTOCOLVERSION", "3.2");
    let said = printed(&run(python.arg("-c").arg(include_str!("libpq.py"))));
    assert_eq!(
        said,
        "3.2: orders\nrequest encrypted: canceled, and on it goes\nrequest of old: canceled, and on it goes\n"
    );

    rig.cancels_by_ctrl_c(|command| {
        command.env("LD_LIBRARY_PATH", &libraries);
        command.env("PGMAXPROTOCOLVERSION", "3.2").env("PGMINPROTOCOLVERSION", "3.2");
    });

    // TLS from the first byte, with the protocol named within it.
    let mut psql = rig.ticket.tool("psql", "orders");
    psql.env("LD_LIBRARY_PATH", &libraries).env("PGSSLNEGOTIATION", "direct");
    assert_eq!(printed(&run(psql.args(["-X", "-A", "-t", "-c", "select 'direct'"]))), "direct\n");
    rig.was_one_session();
}
