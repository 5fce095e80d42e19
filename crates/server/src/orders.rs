//! From a record to what the engine is asked for.

use crate::context::Context;
use crate::user_authority::UserAuthorities;
use mayfly_access::objects::{DatabaseRecord, DatabaseType, Launch, Leftovers, OperatingSystem, Record, UserRecord};
use mayfly_access::store::StoreError;
use mayfly_domain::{AccountName, Entropy, Mark, Place, Prefix};
use mayfly_engine::Order;
use mayfly_engine::ports::provider::{AccountWish, Wish};
use mayfly_engine::ports::trace::Moment;
use mayfly_providers::Registry;
use serde_json::json;

/// The provider of a record.
pub(crate) fn provider(record: &Record) -> &'static str {
    match record {
        Record::Database(database) => database.database_type.provider(),
        Record::Machine(machine) => match machine.operating_system {
            OperatingSystem::Linux => "linux",
        },
    }
}

/// The provider's settings of a record, in the provider's own form.
pub(crate) fn provider_settings(record: &Record, authorities: &UserAuthorities) -> serde_json::Value {
    match record {
        Record::Database(database) => {
            let leftovers = match database.resource.session.leftovers {
                Leftovers::Graveyard => "graveyard",
                Leftovers::Drop => "drop",
                Leftovers::Keep => "keep",
            };
            match database.database_type {
                DatabaseType::Mssql => mssql(database, leftovers),
                DatabaseType::Postgresql | DatabaseType::Mysql | DatabaseType::Mariadb => {
                    json!({"connections": database.resource.session.connections, "leftovers": leftovers})
                }
            }
        }
        Record::Machine(machine) => {
            let authority = authorities.of(&machine.resource.name).public_line();
            let mut settings = json!({"authority": authority, "forwarding": !machine.ssh.forwarding.is_empty()});
            let accounts = &machine.accounts;
            for (name, value) in [
                ("id_least", accounts.id_least.map(serde_json::Value::from)),
                ("id_most", accounts.id_most.map(serde_json::Value::from)),
                ("shell", accounts.shell.clone().map(serde_json::Value::from)),
                ("swept", accounts.swept.as_ref().map(|places| places.join(" ").into())),
            ] {
                // What is left out is as the provider has it.
                if let Some(value) = value {
                    settings[name] = value;
                }
            }
            settings
        }
    }
}

/// The settings of a record of SQL Server, which has no limit of connections of an account. Where the record names no databases, an
/// account gets into the one that its client gets.
fn mssql(database: &DatabaseRecord, leftovers: &str) -> serde_json::Value {
    let rules = &database.mssql;
    let named = &database.default_database;
    let mut settings =
        json!({"contained": rules.contained, "server_roles": rules.server_roles, "leftovers": leftovers});
    if rules.contained {
        settings["database"] = named.clone().into();
    }
    settings["databases"] = match rules.databases.as_str() {
        "" if !rules.contained && !named.is_empty() => format!("[{}]", named.replace(']', "]]")).into(),
        databases => databases.into(),
    };
    settings
}

/// The provider's settings of a record that is administered at this place; the provider's own where no record is any more.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
pub(crate) async fn settings_at(context: &Context, place: &Place) -> Result<serde_json::Value, StoreError> {
    let records = crate::owed::records(context).await?;
    let endpoint = &place.destination.endpoint;
    let there = records.iter().find(|record| record.resource().administration().destination.endpoint == *endpoint);
    Ok(there.map_or(serde_json::Value::Null, |record| provider_settings(record, &context.authorities)))
}

/// The order of a session of this record that somebody asked for then. `launch` is the user record whose account is lifted, where the
/// record names one.
pub(crate) fn order(
    record: &Record,
    launch: Option<&UserRecord>,
    mark: &Mark,
    authorities: &UserAuthorities,
    prefix: &Prefix,
    asked: Moment,
    entropy: &mut dyn Entropy,
) -> Order {
    let resource = record.resource();
    let account = match (&resource.jit.launch, launch) {
        (Launch::Existing { .. }, Some(user)) => AccountWish::Existing { name: AccountName::existing(&user.login) },
        // A record whose launch credential is gone cannot be applied, so this is the ephemeral one.
        _ => AccountWish::Create { name: AccountName::random(prefix, entropy), mark: mark.clone() },
    };
    let grant = resource.jit.elevate.as_ref();
    let wish = Wish {
        provider: provider(record).to_owned(),
        place: resource.administration(),
        account,
        elevate: grant.map(|grant| grant.role.clone()),
        exclusive: grant.is_none_or(|grant| grant.exclusive),
        end_other_sessions: resource.session.end_other_sessions,
        settings: provider_settings(record, authorities),
    };
    Order { upon: Vec::new(), wish, destination: resource.sessions(), linger: resource.session.linger(), asked }
}

/// What happens to a session of this record if Mayfly is destroyed now, in words.
pub(crate) fn if_destroyed(record: &Record) -> Option<&'static str> {
    let known = Registry::descriptor(provider(record))?;
    Some(match record.resource().jit.launch {
        Launch::Ephemeral => known.account_if_destroyed,
        Launch::Existing { .. } => known.membership_if_destroyed,
    })
}
