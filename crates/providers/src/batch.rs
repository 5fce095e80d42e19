//! Sorting the steps of a batch by the connection that they go over, and bringing the outcomes back into their order.

use crate::pool::{Admin, Lease, Pool};
use mayfly_domain::{Failure, FailureClass, Permit, Place, TargetId};
use mayfly_engine::ports::ledger::ChangeRow;
use std::sync::Arc;

/// Steps that go over one connection.
pub(crate) struct Group {
    place: Place,
    /// The target that they belong to.
    pub(crate) target: TargetId,
    purpose: String,
    /// Where they stand in the batch.
    pub(crate) indices: Vec<usize>,
}

impl Group {
    /// A connection to the place of the steps. Which target answers there has to be compared.
    ///
    /// # Errors
    /// What connecting ran into.
    pub(crate) async fn lease<A: Admin>(&self, pool: &Arc<Pool<A>>, permit: Permit<'_>) -> Result<Lease<A>, Failure> {
        pool.lease(permit, &self.place, &self.purpose).await
    }
}

/// The outcomes of a batch, as far as they are known.
pub(crate) struct Outcomes<T>(Vec<Option<Result<T, Failure>>>);

impl<T> Outcomes<T> {
    /// Groups the changes by target and by the purpose of the connection that each needs; those for which it cannot be told
    /// have failed already.
    pub(crate) fn group<'a>(
        changes: impl Iterator<Item = &'a ChangeRow>,
        purpose: impl Fn(&ChangeRow) -> Result<String, Failure>,
    ) -> (Self, Vec<Group>) {
        let (mut outcomes, mut groups) = (Vec::new(), Vec::<Group>::new());
        for (index, change) in changes.enumerate() {
            let purpose = match purpose(change) {
                Ok(purpose) => purpose,
                Err(failure) => {
                    outcomes.push(Some(Err(failure)));
                    continue;
                }
            };
            outcomes.push(None);
            let same = |group: &&mut Group| {
                group.place == change.place && group.target == change.target && group.purpose == purpose
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.indices.push(index),
                None => groups.push(Group {
                    place: change.place.clone(),
                    target: change.target.clone(),
                    purpose,
                    indices: vec![index],
                }),
            }
        }
        (Self(outcomes), groups)
    }

    /// Takes note of one outcome.
    pub(crate) fn settle(&mut self, index: usize, outcome: Result<T, Failure>) {
        if let Some(place) = self.0.get_mut(index) {
            *place = Some(outcome);
        }
    }

    /// Takes note that every step of a group failed alike.
    pub(crate) fn fail(&mut self, group: &Group, failure: &Failure) {
        for &index in &group.indices {
            self.settle(index, Err(failure.clone()));
        }
    }

    /// One result for each step, in order.
    pub(crate) fn finish(self) -> Vec<Result<T, Failure>> {
        let missing = || Err(Failure::new(FailureClass::Bug, "a step of a batch came to no outcome"));
        self.0.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }
}
