//! Accounts on targets: one folder for each kind of target, what each kind can do, and the registry that finds them by name.
//!
//! Invariants, stated as absences: nothing here keeps books, decides what is owed, or retries for longer than one command;
//! no folder knows another; no identifier or text read from a target reaches a statement or a shell unquoted; no clear
//! password stands in a statement.

mod batch;
pub mod check;
pub mod descriptor;
pub mod holders;
mod leftovers;
pub mod linux;
mod manual;
mod meter;
pub mod mysql;
mod pool;
pub mod postgres;
pub mod registry;
pub mod scan;
mod services;
pub mod sqlserver;
mod text;
pub mod visit;

pub use check::{Check, CheckReport, CheckRequest, Finding, HelperRequest, Level, Served};
pub use descriptor::{Capabilities, Descriptor, Setting, SettingKind, TargetDeadline};
pub use holders::{Holder, Holders, HoldersRequest};
pub use registry::Registry;
pub use scan::{Found, Scan, ScanRequest};
pub use services::Services;
pub use visit::{Visit, VisitRequest};
