//! Lanes: all work on one (target, account) goes through one queue, in order. A lane's work runs in a task of its own, so a
//! caller that vanishes drops its interest and never the command.

use crate::sync::lock;
use crate::tasks::Tasks;
use mayfly_domain::{AccountName, TargetId};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

type Key = (TargetId, AccountName);

/// All lanes in use.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<()>>>>,
}

impl Lanes {
    /// Runs `work` when the lane is free and hands its answer back; `None` when the process is ending.
    pub(crate) fn run<T: Send + 'static>(
        self: &Arc<Self>,
        tasks: &Tasks,
        target: &TargetId,
        account: &AccountName,
        work: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let key = (target.clone(), account.clone());
        let lane = Arc::clone(lock(&self.lanes).entry(key.clone()).or_default());
        let lanes = Arc::clone(self);
        let (reply, answer) = oneshot::channel();
        tasks.spawn("lane", async move {
            // tokio's mutex is fair, so the lane is a queue.
            let turn = lane.lock().await;
            // The receiver may be gone; the work is done all the same.
            drop(reply.send(work.await));
            drop(turn);
            lanes.leave(&key, lane);
        });
        answer
    }

    /// Forgets a lane that nobody else waits in.
    fn leave(&self, key: &Key, lane: Arc<tokio::sync::Mutex<()>>) {
        let mut lanes = lock(&self.lanes);
        drop(lane);
        if lanes.get(key).is_some_and(|lane| Arc::strong_count(lane) == 1) {
            lanes.remove(key);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        lock(&self.lanes).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_in_a_lane_is_done_in_order_even_when_the_caller_vanishes() {
        let (lanes, tasks) = (Arc::new(Lanes::default()), Tasks::new());
        let (target, account) = (TargetId::new("fake", "1"), AccountName::existing("a"));
        let log = Arc::new(Mutex::new(Vec::new()));
        for number in 0..5 {
            let log = Arc::clone(&log);
            drop(lanes.run(&tasks, &target, &account, async move {
                tokio::task::yield_now().await;
                lock(&log).push(number);
            }));
        }
        tasks.finished().await;
        assert_eq!(*lock(&log), vec![0, 1, 2, 3, 4]);
        assert_eq!(lanes.len(), 0, "a lane without work is forgotten");
    }

    #[tokio::test]
    async fn lanes_do_not_wait_for_one_another() {
        let (lanes, tasks) = (Arc::new(Lanes::default()), Tasks::new());
        let target = TargetId::new("fake", "1");
        drop(lanes.run(&tasks, &target, &AccountName::existing("stuck"), std::future::pending::<()>()));
        let answer = lanes.run(&tasks, &target, &AccountName::existing("free"), async { 7 });
        assert_eq!(answer.await, Ok(7));
        tasks.end().await;
    }
}
