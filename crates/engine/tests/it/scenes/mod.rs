//! Scripted scenes: one for each sentence of DESIGN §4 that is built. Each says which paragraph it plays, lets happen what
//! the paragraph is about, and looks at the target, the ledger's books and the trail.

mod failures;
mod holds;
mod late;
mod limits;
mod opening;
mod orphans;
mod out;
pub(crate) mod script;
mod sessions;
mod stage;
mod traces;
mod written_off;
