//! Sorting the steps of a batch by the connection that they go over, and bringing the outcomes back into their order.

use super::payload::Frozen;
use super::pool::{Lease, Pool};
use super::trouble::Trouble;
use mayfly_domain::{Failure, Permit, Place, TargetId};
use mayfly_engine::ports::ledger::ChangeRow;
use std::sync::Arc;

/// Steps that go over one connection.
pub(crate) struct Group {
    place: Place,
    target: TargetId,
    database: String,
    /// Where they stand in the batch.
    pub(crate) indices: Vec<usize>,
}

impl Group {
    /// A connection to the target that the steps belong to.
    ///
    /// # Errors
    /// What connecting ran into; `IdentityChanged` when another server answers.
    pub(crate) async fn lease(&self, pool: &Arc<Pool>, permit: Permit<'_>) -> Result<Lease, Failure> {
        let lease = pool.lease(permit, &self.place, &self.database).await?;
        lease.facts.require(&self.target)?;
        Ok(lease)
    }
}

/// The outcomes of a batch, as far as they are known.
pub(crate) struct Outcomes<T>(Vec<Option<Result<T, Failure>>>);

impl<T> Outcomes<T> {
    /// Groups the changes; those whose payload cannot be read have failed already.
    pub(crate) fn group<'a>(changes: impl Iterator<Item = &'a ChangeRow>) -> (Self, Vec<Group>) {
        let (mut outcomes, mut groups) = (Vec::new(), Vec::<Group>::new());
        for (index, change) in changes.enumerate() {
            let frozen = match Frozen::read(&change.payload) {
                Ok(frozen) => frozen,
                Err(failure) => {
                    outcomes.push(Some(Err(failure)));
                    continue;
                }
            };
            outcomes.push(None);
            let database = frozen.maintenance_database();
            let same = |group: &&mut Group| {
                group.place == change.place && group.target == change.target && group.database == database
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.indices.push(index),
                None => groups.push(Group {
                    place: change.place.clone(),
                    target: change.target.clone(),
                    database: database.to_owned(),
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
        let missing = || Err(Trouble::Garbled.failure("a step", ""));
        self.0.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
    }
}
