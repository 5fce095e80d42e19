//! The verbs of `mayfly server`: they act on the local files, not over the API.

mod check;
mod init;
mod openapi;
mod owed;
mod recover;
mod restore;
mod rotate;
mod run;
mod support;

pub use check::{CheckReport, check};
pub use init::{Confirm, InitError, InitOptions, InitReport, init};
pub use openapi::openapi;
pub use owed::{OwedError, by_hand, owed};
pub use recover::{RecoverError, RecoverReport, recover};
pub use restore::{RestoreError, restore};
pub use rotate::{RotateError, RotateOptions, RotateReport, rotate};
pub use run::{Phase, no_core_files, run};
pub use support::offline as support_offline;
