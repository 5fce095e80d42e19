//! Copies bytes between a client and a target until one of them leaves or the session is cut, and puts messages of ours
//! between those of the target: never inside one. Shared by all brokers; what a message is, each protocol says through
//! [`Boundaries`].
//!
//! Both directions run in one task, without a queue between them. Bytes are read into a buffer that all connections of a
//! thread share and written on at once, so that an idle connection holds no buffer at all; only what a slow peer does not
//! take stays with the connection, and nothing more is read until it has gone.

mod boundaries;
mod flow;
mod pump;

pub(crate) use boundaries::{Boundaries, Violation};
pub(crate) use pump::{End, Finished, Interjection, Relay};

#[cfg(test)]
mod tests;
