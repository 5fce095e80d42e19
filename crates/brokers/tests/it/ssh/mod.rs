//! The SSH broker between OpenSSH's clients and a disposable Linux host.

mod gateway;
mod programs;
mod shells;
