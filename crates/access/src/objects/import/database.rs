//! Reading a database record.

use super::fields::Fields;
use super::person::labels;
use super::resource::{self, Form};
use super::{CaReader, rules, tls};
use crate::objects::{DatabaseRecord, Resource};

const FORM: Form = Form {
    port: 5432,
    protocol: "postgresql",
    method: "role",
    other_method: "`group` is for machines and directories: a database takes `role`",
    grant: rules::role,
    not_in_jit: &[
        ("ephemeral_account_type", "is for machines: remove it, the accounts of a database are known"),
        ("base_distinguished_name", "is for directories: remove it"),
        ("directory", "is for machines: remove it"),
    ],
    leftovers: true,
};

/// The types that users of other products know (PARITY.md).
const NOT_BUILT: [&str; 7] =
    ["postgresql-flexible", "mysql", "mysql-flexible", "mariadb", "mariadb-flexible", "mssql", "oracle"];

pub(super) fn read(top: &Fields<'_>, ca: &CaReader<'_>) -> Option<DatabaseRecord> {
    let name = top.parsed("name", rules::record_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    spec.needed("database_type", "Database Type", database_type);
    let host = spec.parsed("host", rules::host);
    let trust = tls::trust(&spec, ca);
    let database = spec.optional_parsed("default_database", rules::identifier);
    let (administrative, administrative_port) = resource::rotation(&spec, FORM.port, |_| ());
    let port = resource::connection(&spec, &FORM, administrative_port, |_| ());
    let jit = resource::jit(&spec, &FORM, |_| ());
    let session = resource::session(&spec, &FORM);
    spec.finish(&[
        ("workflow", "`workflow` is not built yet: remove the field; `may_launch` of a person decides"),
        ("recording", "`recording` is not built yet: remove the field"),
        ("host_key", "is for machines: a database has `tls`"),
    ]);
    let resource = Resource {
        name: name?,
        labels,
        host: host?,
        trust: trust?,
        administrative: administrative?,
        administrative_port,
        port,
        jit: jit?,
        session,
    };
    Some(DatabaseRecord { resource, default_database: database.unwrap_or_else(|| "postgres".to_owned()) })
}

fn database_type(text: &str) -> Result<(), String> {
    match text {
        "postgresql" => Ok(()),
        known if NOT_BUILT.contains(&known) => Err(format!("`{known}` is not built yet: only `postgresql` is")),
        _ => Err(format!("unknown type; `postgresql` is built, {} are known", NOT_BUILT.join(", "))),
    }
}
