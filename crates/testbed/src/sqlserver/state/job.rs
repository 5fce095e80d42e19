//! Jobs of the Agent: rows. The stand-in runs none by itself; a test can ask it to.

/// A step of a job.
#[derive(Debug, Clone)]
pub(crate) struct JobStep {
    pub(crate) name: String,
    pub(crate) command: String,
    pub(crate) database: String,
}

/// When a job is to run: once.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) freq_type: i64,
    /// As `yyyymmdd`.
    pub(crate) start_date: i64,
    /// As `hhmmss`.
    pub(crate) start_time: i64,
}

/// A job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Its id as text.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) description: String,
    pub(crate) owner_sid: Vec<u8>,
    /// What becomes of it when it has run: 0 for nothing, 1 to 3 for deletion.
    pub(crate) delete_level: i64,
    pub(crate) steps: Vec<JobStep>,
    pub(crate) schedules: Vec<Schedule>,
    /// Whether it was given to this server to run.
    pub(crate) targeted: bool,
    pub(crate) created: i64,
}
