//! The verbs of `mayfly server`: they act on the local files, not over the API.

mod check;
mod init;
mod openapi;
mod run;

pub use check::{CheckReport, check};
pub use init::{InitError, InitOptions, InitReport, init};
pub use openapi::openapi;
pub use run::run;
