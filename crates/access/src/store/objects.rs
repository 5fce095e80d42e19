//! The port of declarative objects.

use crate::objects::{Object, ObjectId};
use crate::store::StoreError;
use async_trait::async_trait;
use mayfly_domain::ChangeId;
use mayfly_domain::audit::Event;

/// All objects at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The revision of the whole set; 0 before the first change.
    pub revision: u64,
    /// Every object, ordered by kind (as [`crate::objects::Kind`] orders them) and name.
    pub objects: Vec<Object>,
}

/// A change of the set of objects, all of it or none.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The revision of the snapshot against which the batch was checked.
    pub expected: u64,
    /// Objects to make, or to replace as a whole.
    pub put: Vec<Object>,
    /// Objects to delete; one that is not there is passed over.
    pub delete: Vec<ObjectId>,
    /// What is written to the trail with it, in this order.
    pub events: Vec<Event>,
}

/// How a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// It is durable, and so are its events.
    Applied {
        /// The new revision.
        revision: u64,
    },
    /// Somebody else changed the set after the snapshot: nothing was written. Take a new snapshot, check and try again.
    Stale {
        /// The revision now.
        revision: u64,
    },
    /// A user record to be deleted is needed to undo changes: nothing was written.
    InUse {
        /// The user record.
        object: ObjectId,
        /// Unfinished changes whose place refers to it, at most 20, in the order of their ids.
        changes: Vec<ChangeId>,
    },
}

/// The store of declarative objects.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// Every object, read in one transaction. There are at most [`crate::objects::OBJECTS_MOST`].
    async fn snapshot(&self) -> Result<Snapshot, StoreError>;

    /// One object; `None` when there is none.
    async fn get(&self, id: &ObjectId) -> Result<Option<Object>, StoreError>;

    /// Applies a batch in one transaction, in this order: compare the revision; refuse the deletion of a user record whose
    /// name stands in the credential of the place of any unfinished change (promise 1: the undo needs it); delete; put;
    /// append the events to the trail; raise the revision by one. When the answer is `Applied`, all of it is durable; on any
    /// other answer, and on an error, none of it is there.
    ///
    /// With a user record its sealed secret goes; with a person or a resource go the connect secrets bound to it. A put
    /// never touches either: whether a secret still fits a changed destination is decided when it is opened.
    ///
    /// An `id` that stands in both `put` and `delete` ends as put. The caller has run [`crate::objects::check`] against the
    /// snapshot of revision `expected`; the store checks no references but the one above.
    async fn apply(&self, batch: Batch) -> Result<ApplyOutcome, StoreError>;
}
