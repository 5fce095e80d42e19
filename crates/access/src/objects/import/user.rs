//! Reading a user record.

use super::fields::Fields;
use super::person::labels;
use super::rules;
use crate::objects::UserRecord;

/// Why a secret is not taken from an object.
const NO_SECRET: &str = "secrets never stand in objects: set it with `mayfly secret set`";

pub(super) fn read(top: &Fields<'_>) -> Option<UserRecord> {
    let name = top.parsed("name", rules::record_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    let login = spec.parsed("login", rules::login);
    let resource = spec.parsed("resource", rules::record_name);
    spec.finish(&[("password", NO_SECRET), ("secret", NO_SECRET), ("private_key", NO_SECRET)]);
    Some(UserRecord { name: name?, labels, login: login?, resource: resource? })
}
