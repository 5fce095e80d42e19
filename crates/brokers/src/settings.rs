//! The limits of a broker of databases.

use std::time::Duration;

use crate::admission::Limits;

/// The limits of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many clients there may be that have not signed in.
    pub admission: Limits,
    /// How long a client may take from connecting to the end of its sign-in.
    pub sign_in_time: Duration,
    /// How long a client waits for the launch of its session.
    pub launch_time: Duration,
    /// How long a target may take from connecting until it waits for the first command, or to take a request to cancel.
    pub target_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            admission: Limits::default(),
            sign_in_time: Duration::from_secs(10),
            launch_time: Duration::from_secs(60),
            target_time: Duration::from_secs(10),
        }
    }
}
