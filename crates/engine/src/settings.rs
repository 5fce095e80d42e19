//! The engine's limits and times (DESIGN §9). All of them are explicit; none can be switched off.

use std::time::Duration;

/// The engine's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How far past a session's deadline the target's own deadline lies.
    pub margin: Duration,
    /// How long after being written down a command that gives access can still take effect.
    pub last_moment: Duration,
    /// Skew of a target's clock that is shown.
    pub skew_shown: Duration,
    /// Skew of a target's clock at which launches are refused.
    pub skew_refused: Duration,
    /// Commands in flight on one target: the administrative connections that it is worth.
    pub commands_per_target: usize,
    /// Steps handed to a provider in one batch.
    pub batch: usize,
    /// How long a batch keeps others of its kind back, where a target takes one at a time: those that go on longer wait for
    /// something, and what comes after them goes past.
    pub patience: Duration,
    /// How long a provider may take over one batch before its outcome counts as unknown. Providers have shorter limits of
    /// their own; this one only keeps a provider that forgot them from holding a place for ever.
    pub command_limit: Duration,
    /// Launches in flight on one target.
    pub launches_per_target: usize,
    /// Launches that wait for one target; one more is refused.
    pub launches_waiting: usize,
    /// How long connections get to wind down before the target is told to end their sessions.
    pub cut_grace: Duration,
    /// How long a pass that runs has before somebody else looks at its change.
    pub pass_grace: Duration,
    /// Passes in flight over all targets.
    pub passes: usize,
    /// The first and the longest wait between removal attempts.
    pub retry: (Duration, Duration),
    /// The same for a target that does not answer: a probe is cheap and the return is worth noticing early.
    pub retry_unreachable: (Duration, Duration),
    /// The same for a target that refuses the administrative credential, lest the administrator be locked out.
    pub retry_refused: (Duration, Duration),
    /// Failures in a row after which a target's breaker opens.
    pub breaker_failures: u32,
    /// How often a session looks whether somebody else uses its account, and how old a session on the target must be to be
    /// none of ours that is just coming in.
    pub watch: Duration,
    /// How often a target that was written off is looked for again.
    pub written_off_look: Duration,
    /// How often a step that ends sessions is repeated within one pass.
    pub end_rounds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            margin: Duration::from_secs(60),
            last_moment: Duration::from_secs(5),
            skew_shown: Duration::from_secs(5),
            skew_refused: Duration::from_secs(300),
            commands_per_target: 4,
            batch: 32,
            patience: Duration::from_millis(250),
            command_limit: Duration::from_secs(60),
            launches_per_target: 32,
            launches_waiting: 1000,
            cut_grace: Duration::from_millis(500),
            pass_grace: Duration::from_secs(60),
            passes: 1024,
            retry: (Duration::from_secs(1), Duration::from_secs(300)),
            retry_unreachable: (Duration::from_secs(1), Duration::from_secs(15)),
            retry_refused: (Duration::from_secs(60), Duration::from_secs(3600)),
            breaker_failures: 5,
            watch: Duration::from_secs(10),
            written_off_look: Duration::from_secs(300),
            end_rounds: 4,
        }
    }
}
