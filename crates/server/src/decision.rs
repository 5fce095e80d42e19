//! The one decision of who may open what, with everything that holds now; and the cutting of what may not be open any more.

use crate::context::Context;
use mayfly_access::objects::{Person, Record};
use mayfly_domain::authorise::{Refusal, authorise};
use mayfly_domain::{Authorised, EndReason, Lockdown};
use mayfly_engine::ports::clock::Clock;

impl Context {
    /// The one decision, with what holds now. Somebody or something that is not there is refused as what may not be opened.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn decide(&self, person: Option<&Person>, record: Option<&Record>) -> Result<Authorised, Refusal> {
        match (person, record) {
            (Some(person), Some(record)) => {
                let facts = (person.facts(), record.resource().facts());
                authorise(facts.0, facts.1, &self.lockdowns.concerned(), self.clock.wall())
            }
            _ => Err(Refusal::NotAllowed),
        }
    }

    /// Ends the sessions that a lockdown concerns, without waiting for anything. Returns how many these were.
    pub(crate) fn cut(&self, lockdown: &Lockdown, by: &str, text: &str) -> usize {
        self.engine.end_where(|person, record| lockdown.concerns(person, record), EndReason::Terminated, by, text)
    }
}
