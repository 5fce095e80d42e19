//! A tracer that keeps what it is told.

use mayfly_engine::ports::trace::{Span, Step, Tracer};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// What was told so far, in order.
#[derive(Debug, Default)]
pub struct KeptSpans(Mutex<Vec<Span>>);

impl Tracer for KeptSpans {
    fn take(&self, span: Span) {
        self.0.lock().unwrap().push(span);
    }
}

impl KeptSpans {
    /// All of it.
    pub fn all(&self) -> Vec<Span> {
        self.0.lock().unwrap().clone()
    }

    /// What is wrong with it: the whole of a session is told once, by whoever closed it.
    pub fn wrong(&self) -> Vec<String> {
        let mut wholes = BTreeMap::new();
        for span in self.0.lock().unwrap().iter().filter(|span| span.step == Step::Session) {
            *wholes.entry(span.session.clone()).or_insert(0) += 1;
        }
        let twice = wholes.into_iter().filter(|(_, times)| *times > 1);
        twice.map(|(session, times)| format!("the whole of {session} was told {times} times")).collect()
    }
}
