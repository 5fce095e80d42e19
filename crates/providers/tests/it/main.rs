//! The PostgreSQL provider against real servers: Debian's 15 and the newest that `testbed` has, administered by a superuser
//! and by a role that has just the rights that Mayfly needs.

#![allow(clippy::disallowed_methods, reason = "tests connect to the servers that they started by themselves")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod accounts;
mod rig;
