//! The broker for SQL Server, between clients that are not ours and the testbed's stand-in for the server; and hostile clients and
//! targets made by hand.

mod ends;
mod gateway;
mod hostile_client;
mod hostile_target;
mod passing;
mod programs;
mod raw;
mod sessions;
mod sign_in;
