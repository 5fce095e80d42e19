//! The vocabulary of Mayfly and its decisions: names, ids, secrets, times, changes and their states, failures and their
//! classes, audit events and their canonical bytes, trace ids, and `authorise` with its proof.
//!
//! Invariants, stated as absences: nothing here is async, does I/O, reads a clock or draws a random number by itself.
//! Time and randomness arrive as arguments.

pub mod account;
pub mod audit;
pub mod authorise;
pub mod change;
pub mod crockford;
pub mod entropy;
pub mod failure;
pub mod ids;
pub mod lockdown;
pub mod names;
pub mod permit;
pub mod place;
pub mod scope;
pub mod secret;
pub mod session;
pub mod time;
pub mod trace;

pub use account::{AccountName, Mark, Prefix};
pub use authorise::{Administration, Authorised, Oneself};
pub use change::{ChangeKind, ChangeState, Payload};
pub use entropy::Entropy;
pub use failure::{Failure, FailureClass};
pub use ids::{ApiTokenId, ChangeId, ConnectionId, InstallationId, PersonTokenId, RunId, SessionId};
pub use lockdown::Lockdown;
pub use names::{Login, NameError, PersonName, RecordName};
pub use permit::{Outlet, Owed, Permit};
pub use place::{CredentialRef, Destination, Endpoint, Place, TargetId, Trust};
pub use scope::Scope;
pub use secret::Secret;
pub use session::{EndReason, SessionState};
pub use time::{BootTime, WallTime};
