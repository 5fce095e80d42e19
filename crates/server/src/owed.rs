//! What is owed, seen from the targets: put together from the ledger and the records, for people.

use crate::context::Context;
use mayfly_access::objects::{Object, Record};
use mayfly_access::store::{Objects, StoreError};
use mayfly_domain::{ChangeState, SessionState};
use mayfly_engine::ports::ledger::{Ledger, LedgerError};
use mayfly_wire::targets::{Target, WriteOff};
use std::collections::BTreeMap;

/// How many rows are read at a time.
const PAGE: u32 = 500;

/// Why it could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The objects.
    #[error(transparent)]
    Access(#[from] StoreError),
}

/// Targets by their identity.
type Found = BTreeMap<String, Target>;

fn at<'a>(found: &'a mut Found, id: &str) -> &'a mut Target {
    found.entry(id.to_owned()).or_insert_with(|| Target { target: id.to_owned(), ..Target::default() })
}

fn add(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

/// Every target that is known or to which something is owed, by its identity.
///
/// # Errors
/// [`ReadError`] when the store does not answer.
pub(crate) async fn targets(context: &Context) -> Result<Vec<Target>, ReadError> {
    let mut found = Found::new();
    for (endpoint, target) in context.store.known_targets().await? {
        add(&mut at(&mut found, target.as_str()).endpoints, endpoint);
    }
    changes(context, &mut found).await?;
    sessions(context, &mut found).await?;
    for row in context.store.write_offs().await? {
        at(&mut found, row.target.as_str()).write_offs.push(WriteOff {
            by: row.by,
            reason: row.reason,
            at: row.at.to_string(),
            returned: row.returned.map(|at| at.to_string()),
        });
    }
    for record in records(context).await? {
        let endpoint = record.resource().administration().destination.endpoint.to_string();
        let there = found.values_mut().filter(|target| target.endpoints.contains(&endpoint));
        there.for_each(|target| add(&mut target.records, record.resource().name.to_string()));
    }
    Ok(found.into_values().collect())
}

async fn changes(context: &Context, found: &mut Found) -> Result<(), LedgerError> {
    let mut after = None;
    loop {
        let page = context.store.outstanding(after.as_ref(), PAGE).await?;
        for held in &page {
            let target = at(found, held.change.target.as_str());
            add(&mut target.endpoints, held.change.place.destination.endpoint.to_string());
            match held.change.state {
                ChangeState::Withdrawing => {
                    target.withdrawing += 1;
                    target.can_log_in += u64::from(held.change.can_log_in != Some(false));
                }
                ChangeState::Kept => target.kept += 1,
                ChangeState::WrittenOff => target.written_off += 1,
                ChangeState::Intended | ChangeState::Present | ChangeState::Absent | ChangeState::Released => {}
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.change.id.clone()),
            _ => return Ok(()),
        }
    }
}

async fn sessions(context: &Context, found: &mut Found) -> Result<(), LedgerError> {
    let mut after = None;
    loop {
        let page = context.store.open_sessions(after.as_ref(), PAGE).await?;
        let lasts = |state| matches!(state, SessionState::Launching | SessionState::Live);
        for session in page.iter().filter(|session| lasts(session.state)) {
            at(found, session.target.as_str()).sessions += 1;
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Every record of a resource.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
pub(crate) async fn records(context: &Context) -> Result<Vec<Record>, StoreError> {
    let objects = Objects::snapshot(&*context.store).await?.objects;
    let record = |object| match object {
        Object::Database(record) => Some(Record::Database(record)),
        Object::Machine(record) => Some(Record::Machine(record)),
        Object::Person(_) | Object::User(_) | Object::Directory(_) => None,
    };
    Ok(objects.into_iter().filter_map(record).collect())
}
