//! A session's states and the reasons for which it ends. People read the reasons, so each has a sentence of its own.

#![deny(clippy::wildcard_enum_match_arm)]

use serde::{Deserialize, Serialize};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Its changes are being made.
    Launching,
    /// A connection has reached the target.
    Live,
    /// Nobody can join; connections are cut and changes withdrawn.
    Ending,
    /// Nothing of it is left that is still worked on.
    Ended,
}

impl SessionState {
    /// The state as it stands in the ledger and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "launching",
            Self::Live => "live",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }

    /// Reads a state back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Launching, Self::Live, Self::Ending, Self::Ended].into_iter().find(|state| state.as_str() == text)
    }

    /// Whether a session may go from this state to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Launching => matches!(next, Self::Live | Self::Ending),
            Self::Live => matches!(next, Self::Ending),
            Self::Ending => matches!(next, Self::Ended),
            Self::Ended => false,
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person left: their last connection closed and nobody came back within the linger.
    Stopped,
    /// The granted time is over.
    Expired,
    /// Somebody else ended it.
    Terminated,
    /// It could not be launched.
    Failed,
    /// Everybody who waited for the launch went away.
    Abandoned,
    /// The server is stopping.
    ServerStopped,
    /// It belonged to a run of the server that is over.
    ServerLost,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Stopped,
        Self::Expired,
        Self::Terminated,
        Self::Failed,
        Self::Abandoned,
        Self::ServerStopped,
        Self::ServerLost,
    ];

    /// The reason as it stands in the ledger and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Expired => "expired",
            Self::Terminated => "terminated",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::ServerStopped => "server_stopped",
            Self::ServerLost => "server_lost",
        }
    }

    /// Reads a reason back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// What the person is told when their connection is cut.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Stopped => "the session was ended because its last connection had closed",
            Self::Expired => "the time granted for this session is over",
            Self::Terminated => "an administrator ended this session",
            Self::Failed => "the session could not be started",
            Self::Abandoned => "the session was ended because nobody waited for it any more",
            Self::ServerStopped => "the Mayfly server is stopping",
            Self::ServerLost => "the Mayfly server that carried this session is gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
        }
        for state in [SessionState::Launching, SessionState::Live, SessionState::Ending, SessionState::Ended] {
            assert_eq!(SessionState::parse(state.as_str()), Some(state));
            assert!(!state.may_become(SessionState::Launching), "nothing starts again");
        }
    }
}
