//! How far the session of a connection is, as its channels see it.

use std::sync::Arc;

use mayfly_domain::RecordName;
use tokio::sync::watch;

use super::opening::Target;

/// How far the session is.
#[derive(Clone)]
pub(super) enum Stage {
    /// It is being joined, or we log in to the target.
    Opening,
    /// It can be used.
    Ready(Arc<Target>),
    /// It could not be opened, or was cut.
    Ended(Arc<Ended>),
}

/// Why a session is over.
pub(super) struct Ended {
    /// What the person reads.
    pub(super) sentence: String,
}

/// A channel's view of the session.
#[derive(Clone)]
pub(super) struct Stages {
    stage: watch::Receiver<Stage>,
    record: RecordName,
}

impl Stages {
    pub(super) fn new(stage: watch::Receiver<Stage>, record: RecordName) -> Self {
        Self { stage, record }
    }

    /// The record that the session is on.
    pub(super) fn record(&self) -> &RecordName {
        &self.record
    }

    /// How far it is now.
    pub(super) fn now(&self) -> Stage {
        self.stage.borrow().clone()
    }

    /// Waits until the session is no longer being opened.
    pub(super) async fn settled(&mut self) -> Stage {
        let stage = self.stage.wait_for(|stage| !matches!(stage, Stage::Opening)).await;
        stage.map_or_else(|_gone| Stage::Ended(gone()), |stage| stage.clone())
    }

    /// Returns when the session is over.
    pub(super) async fn ended(&mut self) -> Arc<Ended> {
        match self.stage.wait_for(|stage| matches!(stage, Stage::Ended(_))).await.as_deref() {
            Ok(Stage::Ended(ended)) => Arc::clone(ended),
            Ok(_) | Err(_) => gone(),
        }
    }
}

/// The one who serves the connection is gone without a word.
fn gone() -> Arc<Ended> {
    Arc::new(Ended { sentence: "the server ended this connection".to_owned() })
}
