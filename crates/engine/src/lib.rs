//! The lifecycle of sessions and their changes: intent before effect, nothing left behind, only what we did, access ends
//! when it ends (DESIGN §1 and §4). The entry point is [`Engine`].
//!
//! Invariants, stated as absences: nothing here knows which kinds of targets there are; nothing reads a clock, draws a random
//! number, opens a connection or writes a file except through a port; no iteration goes over a hash table, no `Drop` does
//! I/O, so that the simulation replays from its seed.

mod backoff;
mod base;
mod breaker;
mod context;
mod engine;
mod events;
mod lanes;
mod launch;
mod launcher;
mod out;
mod outbox;
mod pass;
mod places;
mod plan;
pub mod ports;
mod queue;
mod reconcile;
mod record;
mod registry;
mod seat;
mod session;
mod settings;
mod signal;
mod spans;
mod surveys;
mod sync;
mod take_up;
mod tasks;
mod watch;
mod write_off;
mod written_off;

pub use base::{Identity, Ports};
pub use engine::Engine;
pub use ports::proof;
pub use queue::Queue;
pub use seat::{Closing, Cut, Joined, Order, Seat};
pub use settings::Settings;
pub use signal::Signal;
pub use take_up::Orphan;
pub use tasks::Tasks;
pub use write_off::WriteOffRefusal;
