//! Changing one object as it is now, whoever else changes objects meanwhile.

use crate::context::Context;
use mayfly_access::objects::{Object, ObjectId};
use mayfly_access::store::{ApplyOutcome, Batch, Objects, StoreError};
use mayfly_domain::audit::Event;

/// How often it is tried again when somebody else changed objects in between.
const TRIES: u32 = 20;

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edited {
    /// It is written down with its events.
    Done,
    /// The object was like that already; nothing is written.
    Same,
    /// There is no such object.
    Missing,
}

impl Context {
    /// Changes the object of that key with `change`, which is given it as it is now and may be asked again, and writes it down with
    /// the events.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer, or others change objects all the time.
    pub(crate) async fn edit(
        &self,
        id: &ObjectId,
        change: impl Fn(&mut Object) + Send,
        events: &[Event],
    ) -> Result<Edited, StoreError> {
        for _ in 0..TRIES {
            // The revision first: what is read after it is refused if it was changed since.
            let expected = Objects::snapshot(&*self.store).await?.revision;
            let Some(before) = Objects::get(&*self.store, id).await? else { return Ok(Edited::Missing) };
            let mut after = before.clone();
            change(&mut after);
            if after == before {
                return Ok(Edited::Same);
            }
            let batch = Batch { expected, put: vec![after], delete: Vec::new(), events: events.to_vec() };
            if let ApplyOutcome::Applied { .. } = self.store.apply(batch).await? {
                self.engine.credentials_changed();
                return Ok(Edited::Done);
            }
        }
        Err(StoreError::Unavailable("somebody else changes objects all the time".to_owned()))
    }
}
