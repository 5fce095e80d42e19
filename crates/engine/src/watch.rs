//! While a session lasts: looks from time to time whether somebody uses its account past us, and ends and records what is
//! found (DESIGN §1.6). People may give the account a secret of their own; that must not get them round the broker.

use crate::context::Shared;
use crate::ports::ledger::ChangeRow;
use crate::ports::provider::{CloseStep, CloseVerb, LookStep, SessionScope};
use mayfly_domain::audit::EventKind;
use mayfly_domain::{ChangeKind, Failure, Owed};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The looks of one session: at most one is under way, so that a target that hangs gathers none.
#[derive(Default)]
pub(crate) struct Watch {
    under_way: Arc<AtomicBool>,
}

impl Watch {
    /// Starts a look at the accounts among `rows`, unless the last one is still under way. Accounts that were only lifted
    /// belong to others too, whose sessions are judged at the end.
    ///
    /// It does not go through the account's lane: it ends sessions and nothing else, may be done twice or too late without
    /// harm, and must never hold back the way out.
    pub(crate) fn look(&self, shared: &Arc<Shared>, rows: Vec<ChangeRow>, foreign: SessionScope) {
        if self.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let (context, under_way) = (Arc::clone(shared), Arc::clone(&self.under_way));
        shared.tasks.spawn("watch", async move {
            for row in rows.into_iter().filter(|row| row.kind == ChangeKind::Account) {
                if let Err(failure) = end_foreign(&context, &row, &foreign).await {
                    tracing::warn!(change = %row.id, error = %failure, "Whether others use an account could not be seen");
                }
            }
            under_way.store(false, Ordering::Release);
        });
    }
}

async fn end_foreign(shared: &Arc<Shared>, change: &ChangeRow, foreign: &SessionScope) -> Result<(), Failure> {
    let queue = shared.queue(&change.target, &change.provider)?;
    let owed = || Owed::from_ledger(change.id.clone(), change.target.clone());
    let step = LookStep { change: change.clone(), owed: owed(), scope: foreign.clone() };
    if queue.look(step).await?.sessions == 0 {
        return Ok(());
    }
    let step = CloseStep { change: change.clone(), owed: owed(), scope: foreign.clone() };
    let closed = queue.close(CloseVerb::EndSessions, step).await?;
    shared.record(shared.reported(EventKind::ConnectionForeign, change, closed.report));
    Ok(())
}
