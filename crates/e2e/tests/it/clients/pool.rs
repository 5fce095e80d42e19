//! Pools of connections: many at once, and one after the other, all in one session with one account.

use super::{Rig, on_each_server, printed};
use mayfly_testbed::Flavour;

on_each_server! {
    pool => super::many_connections_share_a_session_and_the_limit_is_clear;
}

fn many_connections_share_a_session_and_the_limit_is_clear(flavour: Flavour) {
    let rig = Rig::start(flavour);
    let said = printed(&rig.python(include_str!("pool.py"), "orders"));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "20 connections, 1 account", "{said}");
    // The target's own limit on the account; the person reads its words.
    assert!(lines[1].contains("FATAL:  too many connections for role \"keeper_"), "{said}");
    assert_eq!(lines[2], "200 times, 1 account", "{said}");
    rig.was_one_session();
}
