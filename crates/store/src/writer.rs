//! The writer thread, which is the group commit. It takes all jobs that wait, runs each in a savepoint of one transaction,
//! gives their events sequence and hashes, commits once and then answers. On its own timer it signs a checkpoint of what
//! was committed.

use crate::checkpoint;
use crate::database::{self, execute};
use crate::error::{OpenError, Stop};
use crate::health::Status;
use crate::merkle::Tree;
use crate::outside::Outside;
use crate::threads;
use crate::trail;
use mayfly_domain::InstallationId;
use mayfly_domain::audit::Event;
use mayfly_engine::ports::clock::Clock;
use mayfly_engine::ports::trail::CheckpointSigner;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

/// Jobs that wait before whoever brings one has to wait too.
const WAITING_MOST: usize = 1024;
/// Jobs in one transaction.
const BATCH_MOST: usize = 256;
/// From one checkpoint to the next, while events are written.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// The writes of a job.
pub(crate) type Apply = Box<dyn FnOnce(&Connection) -> Result<(), Stop> + Send>;
/// Where its answer goes.
pub(crate) type Reply = oneshot::Sender<Result<(), Stop>>;

/// Writes that belong together, with their events.
pub(crate) struct Job {
    /// Does the writes, or refuses.
    pub(crate) apply: Apply,
    /// What the trail says of them.
    pub(crate) events: Vec<Event>,
    /// Where the answer goes.
    pub(crate) reply: Reply,
    /// Whether it makes an observed store the one that acts: the only job that such a store takes.
    pub(crate) activates: bool,
}

/// The handle on the writer thread.
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(work: Work) -> Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel(WAITING_MOST);
        let path = work.path.clone();
        // A runtime of the thread's own: it waits for jobs and for its timer, and never works for anybody else.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(OpenError::file(&path))?;
        let thread = threads::start("store-write".to_owned(), move || runtime.block_on(work.run(jobs)))
            .map_err(OpenError::file(&path))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    /// Brings a job and waits for its answer.
    pub(crate) async fn write(&self, job: impl FnOnce(Reply) -> Job) -> Result<(), Stop> {
        let closed = || Stop::Unavailable("it is closed".to_owned());
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        queue.send(job(reply)).await.map_err(|_| closed())?;
        drop(queue);
        answer.await.unwrap_or_else(|_| {
            let text = "its writer ended, and whether the entry is durable is not known";
            Err(Stop::Unavailable(text.to_owned()))
        })
    }

    /// Ends the thread once the queue is empty and the last checkpoint is written, and waits for it.
    pub(crate) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("The writing thread of the store had panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread works with.
pub(crate) struct Work {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) installation: InstallationId,
    /// The tree of what is committed; `None` after a failure, until it is read from the store again.
    pub(crate) tree: Option<Tree>,
    /// How many entries are under the last checkpoint that is both in the store and outside.
    pub(crate) checkpointed: u64,
    pub(crate) outside: Outside,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Arc<dyn CheckpointSigner>,
    pub(crate) status: Arc<Status>,
    /// Keep other servers out, of the data directory and of the directory of checkpoints, for as long as something may be written.
    pub(crate) locks: Vec<crate::files::Lock>,
    /// Whether nothing is written, since another copy of the store may be the one that acts.
    pub(crate) observing: bool,
}

/// What whoever brings something to write to an observed store is told.
const OBSERVED: &str =
    "this server only observes: `mayfly status` says why, and `mayfly server activate` makes it the one that acts";

/// How a batch failed as a whole.
struct Failed {
    error: Stop,
    at_commit: bool,
}

impl Work {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut timer = tokio::time::interval(CHECKPOINT_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH_MOST);
        loop {
            tokio::select! {
                // The timer first, so that a queue which is never empty cannot put checkpoints off.
                biased;
                _ = timer.tick() => self.tick(),
                taken = jobs.recv_many(&mut batch, BATCH_MOST) => {
                    if taken == 0 {
                        break;
                    }
                    self.write(batch.drain(..));
                }
            }
        }
        self.tick();
        drop(self.locks);
    }

    /// Writes a batch and answers everybody in it.
    fn write(&mut self, jobs: impl Iterator<Item = Job>) {
        let mut answers = Vec::with_capacity(BATCH_MOST);
        let result = self.transact(jobs, &mut answers);
        let failed = match result {
            Ok(()) => None,
            Err(failed) => Some(self.recover(&failed)),
        };
        for (reply, answer) in answers {
            // Whoever asked may have gone; the entry is written all the same.
            drop(reply.send(match &failed {
                Some(text) => Err(Stop::Unavailable(text.clone())),
                None => answer,
            }));
        }
    }

    /// Runs the jobs in one transaction. Every job's reply is in `answers` afterwards, whatever happens.
    fn transact(
        &mut self,
        mut jobs: impl Iterator<Item = Job>,
        answers: &mut Vec<(Reply, Result<(), Stop>)>,
    ) -> Result<(), Failed> {
        let before_commit = |error| Failed { error, at_commit: false };
        let mut begun = self.current_tree().and_then(|tree| {
            execute(&self.connection, "BEGIN IMMEDIATE", [])?;
            Ok(tree)
        });
        if let Ok(tree) = &mut begun {
            for job in jobs.by_ref() {
                let result = if self.observing && !job.activates {
                    Stop::expected(OBSERVED)
                } else {
                    self.run_job(tree, job.apply, &job.events)
                };
                let fatal = matches!(&result, Err(stop) if !stop.is_of_one_entry());
                if fatal {
                    answers.push((job.reply, Ok(())));
                    begun = result.map(|()| Tree::default());
                    break;
                }
                answers.push((job.reply, result));
            }
        }
        // After a failure of the whole batch nobody's job is run any more, but everybody is answered.
        answers.extend(jobs.map(|job| (job.reply, Ok(()))));
        let tree = begun.map_err(before_commit)?;
        let written = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
        if written == 0 {
            return execute(&self.connection, "ROLLBACK", []).map(drop).map_err(|error| before_commit(error.into()));
        }
        trail::save(&self.connection, &tree).map_err(|error| before_commit(error.into()))?;
        execute(&self.connection, "COMMIT", []).map_err(|error| Failed { error: error.into(), at_commit: true })?;
        self.status.trail_has(tree.size());
        self.tree = Some(tree);
        self.status.committed(written as u64);
        self.status.wrote(Ok(()));
        Ok(())
    }

    /// Runs one job in a savepoint. When it alone is at fault, it alone is undone, with its part of the tree.
    fn run_job(&self, tree: &mut Tree, apply: Apply, events: &[Event]) -> Result<(), Stop> {
        execute(&self.connection, "SAVEPOINT entry", [])?;
        let before = tree.clone();
        let result =
            apply(&self.connection).and_then(|()| trail::append(&self.connection, &self.installation, tree, events));
        match &result {
            Err(stop) if stop.is_of_one_entry() => {
                *tree = before;
                execute(&self.connection, "ROLLBACK TO entry", [])?;
                execute(&self.connection, "RELEASE entry", [])?;
            }
            Err(_) => {}
            Ok(()) => drop(execute(&self.connection, "RELEASE entry", [])?),
        }
        result
    }

    fn current_tree(&self) -> Result<Tree, Stop> {
        match &self.tree {
            Some(tree) => Ok(tree.clone()),
            None => trail::load(&self.connection),
        }
    }

    /// Puts the connection and what is kept in memory back to what is on disk after a batch that failed. Answers what its
    /// callers are told.
    fn recover(&mut self, failed: &Failed) -> String {
        let mut text = failed.error.to_string();
        let full = matches!(&failed.error, Stop::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull));
        if failed.at_commit && !full {
            // What was written may be on disk although the sync failed.
            text.push_str(", and whether this entry is durable is not known");
        }
        self.tree = None;
        if !self.connection.is_autocommit()
            && let Err(error) = execute(&self.connection, "ROLLBACK", [])
        {
            tracing::warn!(%error, "A transaction of the store could not be rolled back");
        }
        // After a failed sync the kernel may have dropped what it could not write, so nothing that the connection
        // remembers of the file counts any more.
        if !full || !self.connection.is_autocommit() {
            match database::connect_writer(&self.path) {
                Ok(connection) => self.connection = connection,
                Err(error) => tracing::warn!(%error, "The store could not be opened again"),
            }
        }
        self.status.wrote(Err(text.clone()));
        text
    }

    /// What is done each second: looking whether a store that could not be written can be again, and the checkpoint.
    fn tick(&mut self) {
        if self.observing {
            return;
        }
        if self.status.health().writes.is_some() {
            let now = self.clock.wall().micros();
            let result = execute(&self.connection, include_str!("../sql/probe.sql"), [now]);
            self.status.wrote(result.map(drop).map_err(|error| error.to_string()));
        }
        match self.current_tree() {
            Ok(tree) if tree.size() > self.checkpointed => {
                let result = self.checkpoint(&tree);
                self.status.checkpointed(result);
            }
            Ok(_) => {}
            Err(error) => self.status.checkpointed(Err(error.to_string())),
        }
    }

    /// Signs a checkpoint of what is committed, and writes it outside and into the store. One that fails half-way is made
    /// anew the next time; a second checkpoint of one size harms nobody.
    fn checkpoint(&mut self, tree: &Tree) -> Result<(), String> {
        let at = self.clock.wall();
        let note = checkpoint::sign(&self.installation, tree, at, &*self.signer);
        self.outside.append(at, &note).map_err(|error| format!("{}: {error}", self.outside.directory().display()))?;
        trail::keep_checkpoint(&self.connection, tree.size(), &note).map_err(|error| error.to_string())?;
        self.checkpointed = tree.size();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
