//! The readers: a few threads, each with a connection of its own, that take questions from one bounded queue. A question
//! sees one snapshot of what is committed.

use crate::database;
use crate::error::{OpenError, Stop};
use crate::threads;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

const THREADS: usize = 4;
const WAITING_MOST: usize = 1024;

type Question = Box<dyn FnOnce(&mut Connection) + Send>;

pub(crate) struct Readers {
    queue: Mutex<Option<mpsc::Sender<Question>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub(crate) fn start(path: &Path) -> Result<Self, OpenError> {
        let (queue, questions) = mpsc::channel(WAITING_MOST);
        let questions = Arc::new(Mutex::new(questions));
        let readers = Self { queue: Mutex::new(Some(queue)), threads: Mutex::default() };
        for number in 0..THREADS {
            let connection = database::connect_reader(path)?;
            let questions = Arc::clone(&questions);
            let thread = threads::start(format!("store-read-{number}"), move || run(connection, &questions))
                .map_err(OpenError::file(path))?;
            readers.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(readers)
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, Stop> {
        let closed = || Stop::Unavailable("it is closed".to_owned());
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            if !reply.is_closed() {
                // Whoever asked may have gone meanwhile.
                drop(reply.send(in_snapshot(connection, work)));
            }
        });
        queue.send(question).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Ends the threads once the queue is empty, and waits for them.
    pub(crate) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("A reading thread of the store had panicked");
            }
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(mut connection: Connection, questions: &Mutex<mpsc::Receiver<Question>>) {
    loop {
        // The lock is held while waiting, so that exactly one thread waits for the next question, and let go before it is
        // answered.
        let question = questions.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match question {
            Some(question) => question(&mut connection),
            None => return,
        }
    }
}

fn in_snapshot<T>(connection: &mut Connection, work: impl FnOnce(&Connection) -> Result<T, Stop>) -> Result<T, Stop> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    work(&transaction)
}
