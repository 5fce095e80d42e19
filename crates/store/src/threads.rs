//! The one place of this crate that starts threads: each has a name and a handle that its owner joins.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread.
#[expect(
    clippy::disallowed_methods,
    reason = "SQLite blocks, so the store works on threads of its own, which it joins"
)]
pub(crate) fn start(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name).spawn(work)
}
