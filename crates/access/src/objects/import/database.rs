//! Reading a database record.

use super::fields::Fields;
use super::person::labels;
use super::resource::{self, Form};
use super::{CaReader, rules};
use crate::objects::{DatabaseRecord, Resource};
use mayfly_domain::Trust;

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
    spec.parsed("database_type", database_type);
    let host = spec.parsed("host", rules::host);
    let trust = trust(&spec, ca);
    let database = spec.optional_parsed("default_database", rules::identifier);
    let (administrative, administrative_port) = resource::rotation(&spec, &FORM, |_| ());
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

/// Whom to believe. Without a word from the administrator it is the strictest.
fn trust(spec: &Fields<'_>, ca: &CaReader<'_>) -> Option<Trust> {
    const NEEDED: &str = "is missing: give the authority that signed the server's certificate as {file: …} or {pem: …}, or write `tls: {mode: plaintext}`";
    let Some(tls) = spec.optional_map("tls") else {
        if !spec.has("tls") {
            spec.faults.add(&spec.path("tls").key("ca"), NEEDED.to_owned());
        }
        return None;
    };
    let mode = tls.optional_text("mode").unwrap_or_else(|| "verify_full".to_owned());
    let ca_given = tls.has("ca");
    let ca_pem = tls.optional_map("ca").and_then(|field| authority(&field, ca));
    tls.finish(&[]);
    match mode.as_str() {
        "plaintext" if ca_given => {
            tls.fault("ca", "has no use with `mode: plaintext`: remove it, or choose verify_full");
            None
        }
        "plaintext" => Some(Trust::Plaintext),
        "verify_full" | "verify_ca" => {
            if !ca_given {
                tls.fault("ca", NEEDED);
            }
            let ca_pem = ca_pem?;
            Some(if mode == "verify_ca" { Trust::VerifyCa { ca_pem } } else { Trust::VerifyFull { ca_pem } })
        }
        _ => {
            tls.fault("mode", "has to be verify_full, verify_ca or plaintext");
            None
        }
    }
}

/// The PEM of `ca`, given or read.
fn authority(field: &Fields<'_>, ca: &CaReader<'_>) -> Option<String> {
    let both = field.has("file") && field.has("pem");
    let pem = field.optional_parsed("pem", rules::authority);
    let file = field.optional_parsed("file", |path| ca(path).and_then(|text| rules::authority(&text)));
    field.finish(&[]);
    if both {
        field.fault("pem", "stands beside `file`: keep one");
    } else if !field.has("file") && !field.has("pem") {
        field.fault("file", "is missing: give {file: …} or {pem: …}");
    }
    pem.or(file)
}
