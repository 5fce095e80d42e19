//! Accounts that were found on a target and for which nothing in the ledger spoke: they are written down as owed, and from then on
//! the ledger speaks for them as for everything else.

use crate::context::Shared;
use crate::ports::ledger::{ChangeRow, Entry, Learnt, LedgerError, Write};
use crate::ports::provider::PlannedChange;
use mayfly_domain::audit::EventKind;
use mayfly_domain::{Administration, ChangeId, ChangeState, InstallationId, Place, RecordName, SessionId, TargetId};

/// An account that was found, with what its removal takes.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// The provider that found it.
    pub provider: String,
    /// The record whose target it is on.
    pub record: RecordName,
    /// The target, as it identifies itself.
    pub target: TargetId,
    /// How to reach it.
    pub place: Place,
    /// The installation that its mark names.
    pub installation: InstallationId,
    /// The session that its mark names.
    pub session: SessionId,
    /// The identity that the target gave it.
    pub native_id: String,
    /// Whether it can log in.
    pub can_log_in: bool,
    /// What is undone, the account itself first.
    pub changes: Vec<PlannedChange>,
}

/// Writes it down as owed, in one entry.
pub(crate) async fn enter(shared: &Shared, orphan: Orphan, by: &Administration) -> Result<Vec<ChangeRow>, LedgerError> {
    let at = shared.clock.wall();
    let ids: Vec<ChangeId> = orphan.changes.iter().map(|_| ChangeId::random(&mut **shared.entropy())).collect();
    let (mut rows, mut entry) = (Vec::new(), Entry::default());
    for (planned, id) in orphan.changes.into_iter().zip(&ids) {
        let row = ChangeRow {
            id: id.clone(),
            session: orphan.session.clone(),
            provider: orphan.provider.clone(),
            kind: planned.kind,
            target: orphan.target.clone(),
            place: orphan.place.clone(),
            account: planned.account,
            group: planned.group,
            payload: planned.payload,
            state: ChangeState::Intended,
            since: at,
            depends_on: planned.depends_on.iter().filter_map(|&index| ids.get(index).cloned()).collect(),
            last_moment: at,
            // It was seen, so whatever made it has long been answered.
            confirmed: true,
            native_id: Some(orphan.native_id.clone()),
            prior: false,
            held_since: at,
            exclusive: true,
            end_other_sessions: true,
            next_try: None,
            tries: 0,
            failure: None,
            can_log_in: Some(orphan.can_log_in),
        };
        let (from, to) = (ChangeState::Intended, ChangeState::Withdrawing);
        entry.writes.push(Write::Intend(Box::new(row.clone())));
        let (id, next_try, learnt) = (row.id.clone(), Some(at), Learnt::default());
        entry.writes.push(Write::Move { id, from, to, at, next_try, learnt });
        rows.push(ChangeRow { state: to, next_try, ..row });
    }
    if let Some(account) = rows.first() {
        let mut event = shared.change_event(EventKind::OrphanTakenUp, account);
        by.by().clone_into(&mut event.actor);
        event.record = Some(orphan.record);
        entry.events.push(event.with("installation", &orphan.installation).with("native_id", &orphan.native_id));
    }
    shared.ledger.commit(entry).await?;
    Ok(rows)
}
