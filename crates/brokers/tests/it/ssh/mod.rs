//! The SSH broker between OpenSSH's clients and a disposable Linux host.

mod ends;
mod files;
mod forwarding;
mod fuzz;
mod gateway;
mod hostile;
mod hostile_target;
mod pressure;
mod programs;
mod raw;
mod shells;
mod sign_in;
mod silence;
