//! What lets a piece of code reach a target: a decision (`Authorised`), a debt (`Owed`), or an administrator's question
//! (`Administration`). None of them can be made up: the first and last come from [`crate::authorise`], and `Owed` only from
//! a row of the ledger.

use crate::authorise::{Administration, Authorised};
use crate::ids::ChangeId;
use crate::place::TargetId;

/// The proof that the ledger holds a change which has to be undone. Taken by everything that withdraws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    change: ChangeId,
    target: TargetId,
}

impl Owed {
    /// Only the engine calls this, with a row that the ledger holds; `cargo xtask tidy` keeps it so.
    pub fn from_ledger(change: ChangeId, target: TargetId) -> Self {
        Self { change, target }
    }

    /// The change that is owed its undoing.
    pub fn change(&self) -> &ChangeId {
        &self.change
    }

    /// The target on which it was made, as that target identified itself then.
    pub fn target(&self) -> &TargetId {
        &self.target
    }
}

/// What dialling takes.
#[derive(Debug, Clone, Copy)]
pub enum Permit<'a> {
    /// Somebody was allowed to open this.
    Open(&'a Authorised),
    /// Something has to be undone.
    Undo(&'a Owed),
    /// An administrator asked for a look.
    Inspect(&'a Administration),
}
