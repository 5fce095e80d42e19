//! The broker for MySQL and MariaDB, between both servers' own clients and both servers; and hostile clients and targets made by
//! hand.

mod ends;
mod gateway;
mod hostile_client;
mod hostile_target;
mod kills;
mod programs;
mod raw;
mod roles;
mod sessions;
mod sign_in;
