//! The real binary against a stand-in of the server: what it prints, what it sends, and how it ends. The stand-in answers
//! with canned answers of the API; the real server is driven by the tests of `e2e`.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the tests run the real binary and answer it from threads of their own; a failure is a panic"
)]

mod clients;
mod completion;
mod exits;
mod help;
mod objects;
mod results;
mod ssh;
mod stand_in;
