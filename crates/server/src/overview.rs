//! Counts over the ledger that people and metrics ask for.

use mayfly_domain::{ChangeId, ChangeState};
use mayfly_engine::ports::ledger::{Ledger, LedgerError};

/// How many changes are read at a time.
const PAGE: u32 = 500;

/// What is still owed to targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cleanup {
    /// Changes that are withdrawing.
    pub(crate) pending: u64,
    /// How many of them may still log in; one of which that is not known counts.
    pub(crate) can_log_in: u64,
    /// The earliest moment since which one of them is withdrawing, in microseconds since 1970.
    pub(crate) oldest_since: Option<i64>,
}

/// Counts what is still owed.
///
/// # Errors
/// [`LedgerError`] when the store does not answer.
pub(crate) async fn cleanup(ledger: &dyn Ledger) -> Result<Cleanup, LedgerError> {
    let mut counts = Cleanup::default();
    let mut after: Option<ChangeId> = None;
    loop {
        let page = ledger.outstanding(after.as_ref(), PAGE).await?;
        for held in page.iter().filter(|held| held.change.state == ChangeState::Withdrawing) {
            counts.pending += 1;
            counts.can_log_in += u64::from(held.change.can_log_in != Some(false));
            let since = held.change.since.micros();
            counts.oldest_since = Some(counts.oldest_since.map_or(since, |oldest| oldest.min(since)));
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.change.id.clone()),
            _ => return Ok(counts),
        }
    }
}
