//! The broker between real clients and real servers: psql, libpq of two versions, psycopg2 and pg_dump through a broker
//! whose port is answered by a test, to throw-away PostgreSQL servers; the clients of MariaDB and MySQL to theirs (`mysql`);
//! OpenSSH's clients to disposable hosts (`ssh`); and
//! hostile clients and targets made by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes, tasks and connections themselves")]

mod door;
mod ends;
mod gateway;
mod hostile_client;
mod hostile_target;
mod mysql;
mod programs;
mod raw;
mod sessions;
mod sign_in;
mod ssh;
mod tds;
