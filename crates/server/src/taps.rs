//! A tracer between the engine and whoever traces are sent to, from which the steps of a few sessions can be read here as well:
//! for what an administrator is told of a record that is tried out.

use mayfly_domain::SessionId;
use mayfly_engine::ports::trace::{Span, Tracer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// No session that is listened to has more steps than this.
const STEPS_MOST: usize = 256;

/// The tracer.
pub(crate) struct Taps {
    further: Arc<dyn Tracer>,
    heard: Mutex<BTreeMap<SessionId, Vec<Span>>>,
}

impl Taps {
    /// A tracer that passes everything on.
    pub(crate) fn over(further: Arc<dyn Tracer>) -> Arc<Self> {
        Arc::new(Self { further, heard: Mutex::default() })
    }

    fn heard(&self) -> MutexGuard<'_, BTreeMap<SessionId, Vec<Span>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to a session, until what this returns is dropped.
    pub(crate) fn listen(self: &Arc<Self>, session: &SessionId) -> Tap {
        self.heard().insert(session.clone(), Vec::new());
        Tap { taps: Arc::clone(self), session: session.clone() }
    }
}

impl Tracer for Taps {
    fn take(&self, span: Span) {
        if let Some(spans) = self.heard().get_mut(&span.session)
            && spans.len() < STEPS_MOST
        {
            spans.push(span.clone());
        }
        self.further.take(span);
    }
}

/// What is heard of one session.
pub(crate) struct Tap {
    taps: Arc<Taps>,
    session: SessionId,
}

impl Tap {
    /// The session.
    pub(crate) const fn session(&self) -> &SessionId {
        &self.session
    }

    /// Its steps since this was asked last, in the order in which they were over.
    pub(crate) fn heard(&self) -> Vec<Span> {
        self.taps.heard().get_mut(&self.session).map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.taps.heard().remove(&self.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use mayfly_domain::WallTime;
    use mayfly_engine::ports::trace::{NoTraces, Step};

    #[test]
    fn only_the_session_that_is_listened_to_is_heard_and_only_as_long() {
        let taps = Taps::over(Arc::new(NoTraces));
        let (one, other) = (SessionId::random(&mut OsEntropy), SessionId::random(&mut OsEntropy));
        let at = WallTime::from_micros(0);
        let tell = |session: &SessionId, step| taps.take(Span::between(session, step, at, at));
        tell(&one, Step::Survey);
        let tap = taps.listen(&one);
        tell(&one, Step::Commit);
        tell(&other, Step::Commit);
        tell(&one, Step::Create);
        let steps: Vec<Step> = tap.heard().into_iter().map(|span| span.step).collect();
        assert_eq!(steps, [Step::Commit, Step::Create]);
        assert!(tap.heard().is_empty());
        for _ in 0..2 * STEPS_MOST {
            tell(&one, Step::Look);
        }
        assert_eq!(tap.heard().len(), STEPS_MOST);
        drop(tap);
        tell(&one, Step::Look);
        assert!(taps.heard().is_empty());
    }
}
