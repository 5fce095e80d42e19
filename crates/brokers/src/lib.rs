//! Session protocols: each broker speaks one of them to a client and to a target, signs the person in, logs in for them
//! with a secret that they never see, and copies bytes until either side leaves or the session is cut.
//!
//! * [`port`]: what a broker asks of the server (who is this, open the session, when does it end). Implemented by
//!   `server`.
//! * [`admission`]: how many clients there may be that have not signed in yet.
//! * [`postgres`]: the broker for PostgreSQL.
//! * [`mysql`]: the broker for MySQL and MariaDB.
//! * [`tds`]: the broker for SQL Server.
//! * [`ssh`]: the broker for SSH.
//! * `relay`: the copying that every broker shares, with messages of ours between those of the target.
//!
//! Invariants, stated as absences: nothing here creates or removes an account, knows the store, opens a socket to a
//! target by itself (that is `dial`), or starts a task that its caller does not own.

pub mod admission;
mod farewell;
mod listening;
pub mod mysql;
mod outcome;
pub mod port;
pub mod postgres;
mod relay;
mod settings;
pub mod ssh;
mod standing;
mod target;
pub mod tds;
