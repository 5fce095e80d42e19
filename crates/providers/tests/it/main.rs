//! The providers against real targets. PostgreSQL: Debian's 15 and the newest that `testbed` has, administered by a superuser
//! and by a role that has just the rights that Mayfly needs. Linux: hosts without systemd and with it, administered by root and
//! through sudo. MariaDB and MySQL: Debian's 10.11 and the newest that `testbed` has, administered as PostgreSQL is.

#![allow(clippy::disallowed_methods, reason = "tests connect to the servers that they started by themselves")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod accounts;
mod checks;
mod common;
mod contract;
mod holders;
mod hostile;
mod leftovers;
mod linux;
mod memberships;
mod mysql;
mod rig;
mod sqlserver;
