//! Drives the real `mayfly` binary as people do: makes an installation in a throw-away directory, starts and kills the
//! server, runs the command line and real database clients against it. Development only.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development crate starts processes, waits by the machine's clock and prints what it does"
)]

pub mod client;
pub mod installation;
pub mod machine;
pub mod objects;
pub mod prompt;
pub mod recorder;
pub mod target;
pub mod terminal;
pub mod wait;
pub mod world;

pub use installation::{Installation, Server};
pub use machine::MachineWorld;
pub use prompt::Prompt;
pub use recorder::Recorder;
pub use target::Target;
pub use world::World;
