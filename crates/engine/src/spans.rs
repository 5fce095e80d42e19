//! How the engine tells of its steps. A step is told of when it is over; the whole of a session when the ledger says that it is closed, by
//! whoever closed it.

use crate::base::{Base, Known};
use crate::ports::ledger::{ChangeRow, SessionRow};
use crate::ports::trace::{Moment, Span, Step};
use crate::sync::lock;
use mayfly_domain::SessionId;

impl Base {
    /// Now, as the beginning of a step.
    pub(crate) fn moment(&self) -> Moment {
        Moment::now(&*self.clock)
    }

    /// A step that is over now.
    pub(crate) fn span(&self, session: &SessionId, step: Step, began: Moment) -> Span {
        Span::since(session, step, began, &*self.clock)
    }

    /// A step about a change that is over now.
    pub(crate) fn change_span(&self, change: &ChangeRow, step: Step, began: Moment) -> Span {
        Span {
            provider: Some(change.provider.clone()),
            change: Some((change.id.clone(), change.kind)),
            ..self.span(&change.session, step, began)
        }
    }

    /// Keeps what is known of a session that ends until it is told.
    pub(crate) fn know(&self, session: &SessionId, known: Known) {
        lock(&self.ending).insert(session.clone(), known);
    }

    /// Tells of the whole of a session that has just been closed. Where nobody knows any more when it was asked for, it begins with what
    /// was written down first.
    pub(crate) fn tell_whole(&self, session: &SessionRow) {
        let known = lock(&self.ending).remove(&session.id);
        let whole = match &known {
            Some(known) => self.span(&session.id, Step::Session, known.asked),
            None => Span::between(&session.id, Step::Session, session.opened_at, self.clock.wall()),
        };
        self.tracer.take(Span {
            record: Some(session.record.clone()),
            end: session.end_reason,
            failure: known.and_then(|known| known.failure),
            ..whole
        });
    }
}
