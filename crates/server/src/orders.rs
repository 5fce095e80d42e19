//! From a record to what the engine is asked for.

use mayfly_access::objects::{DatabaseRecord, Launch, Leftovers, UserRecord};
use mayfly_domain::{AccountName, Entropy, Mark, Prefix};
use mayfly_engine::Order;
use mayfly_engine::ports::provider::{AccountWish, Wish};
use mayfly_providers::Registry;
use serde_json::json;

/// The provider of database records; PostgreSQL is the only kind that objects admit today.
pub(crate) const DATABASE_PROVIDER: &str = "postgresql";

/// The provider's settings of a record, in the provider's own form.
pub(crate) fn provider_settings(record: &DatabaseRecord) -> serde_json::Value {
    let leftovers = match record.session.leftovers {
        Leftovers::Graveyard => "graveyard",
        Leftovers::Drop => "drop",
        Leftovers::Keep => "keep",
    };
    json!({
        "connections": record.session.connections,
        "leftovers": leftovers,
    })
}

/// The order of a session of this record. `launch` is the user record whose account is lifted, where the record names one.
pub(crate) fn order(
    record: &DatabaseRecord,
    launch: Option<&UserRecord>,
    mark: &Mark,
    prefix: &Prefix,
    entropy: &mut dyn Entropy,
) -> Order {
    let account = match (&record.jit.launch, launch) {
        (Launch::Existing { .. }, Some(user)) => AccountWish::Existing { name: AccountName::existing(&user.login) },
        // A record whose launch credential is gone cannot be applied, so this is the ephemeral one.
        _ => AccountWish::Create { name: AccountName::random(prefix, entropy), mark: mark.clone() },
    };
    let grant = record.jit.elevate.as_ref();
    let wish = Wish {
        provider: DATABASE_PROVIDER.to_owned(),
        place: record.administration(),
        account,
        elevate: grant.map(|grant| grant.role.clone()),
        exclusive: grant.is_none_or(|grant| grant.exclusive),
        end_other_sessions: record.session.end_other_sessions,
        settings: provider_settings(record),
    };
    Order { upon: Vec::new(), wish, destination: record.sessions(), linger: record.session.linger() }
}

/// What happens to a session of this record if Mayfly is destroyed now, in words.
pub(crate) fn if_destroyed(record: &DatabaseRecord) -> Option<&'static str> {
    let known = Registry::descriptor(DATABASE_PROVIDER)?;
    Some(match record.jit.launch {
        Launch::Ephemeral => known.account_if_destroyed,
        Launch::Existing { .. } => known.membership_if_destroyed,
    })
}
