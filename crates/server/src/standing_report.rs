//! Who on a target holds for good what Mayfly is there to give for a time: what the provider sees there, without what the ledger
//! speaks for.

use crate::context::Context;
use crate::orders;
use crate::orphans::ScanError;
use mayfly_access::objects::{Launch, Record};
use mayfly_access::store::Orphans as _;
use mayfly_domain::{Administration, TargetId};
use mayfly_engine::ports::ledger::{Ledger, LedgerError};
use mayfly_providers::{Check, HoldersRequest};
use mayfly_wire::reports::{StandingAccount, StandingAnswer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many sessions are read at a time.
const PAGE: u32 = 500;

/// Looks at a record's target.
///
/// # Errors
/// [`ScanError`] when the target or the store cannot be asked.
pub(crate) async fn look(
    context: &Context,
    by: &Administration,
    record: &Record,
    provider: &Arc<dyn Check>,
) -> Result<StandingAnswer, ScanError> {
    let resource = record.resource();
    let lifts = match &resource.jit.launch {
        Launch::Existing { user } => context.user(user).await?.map(|user| user.login),
        Launch::Ephemeral => None,
    };
    let request = HoldersRequest {
        place: resource.administration(),
        elevate: resource.jit.elevate.as_ref().map(|grant| grant.role.clone()),
        settings: orders::provider_settings(record, &context.authorities),
    };
    let name = resource.name.to_string();
    let found = provider.holders(by, &request).await?;
    let sessions = sessions(context, &found.target).await?;
    let mut accounts = Vec::new();
    for holder in found.holders {
        if context.store.ledger_speaks_for(&found.target, &holder.account, None, &holder.native_id).await? {
            continue;
        }
        accounts.push(StandingAccount {
            session: sessions.get(holder.account.as_str()).cloned(),
            account: holder.account.to_string(),
            rights: holder.rights,
            administrative: holder.administrative,
            deadline: holder.deadline.map(|deadline| deadline.to_string()),
        });
    }
    Ok(StandingAnswer { record: name, target: found.target.to_string(), accounts, more: found.more, lifts })
}

/// Which session of those that are not over has an account of a target, by the account's name.
async fn sessions(context: &Context, target: &TargetId) -> Result<BTreeMap<String, String>, LedgerError> {
    let (mut there, mut after) = (BTreeMap::new(), None);
    loop {
        let page = context.store.open_sessions(after.as_ref(), PAGE).await?;
        for session in page.iter().filter(|session| session.target == *target) {
            there.insert(session.account.to_string(), session.id.to_string());
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id.clone()),
            _ => return Ok(there),
        }
    }
}
