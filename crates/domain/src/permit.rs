//! What lets a piece of code reach a target: a decision (`Authorised`), a debt (`Owed`), or an administrator's question
//! (`Administration`); and what lets it reach a receiver of reports, which is no target: an administrator has named it
//! (`Outlet`). None of them can be made up: `Authorised` and `Administration` come from [`crate::authorise`], `Owed` only from
//! a row of the ledger, `Outlet` only from settings.

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

/// The proof that an administrator has named this receiver for what the server reports: the trail, events, traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    name: String,
}

impl Outlet {
    /// Only what delivers reports calls this, with a receiver that an administrator wrote down; `cargo xtask tidy` keeps it so.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The receiver, as the administrator calls it.
    pub fn name(&self) -> &str {
        &self.name
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
    /// Something is reported to a receiver that an administrator has named.
    Report(&'a Outlet),
}
