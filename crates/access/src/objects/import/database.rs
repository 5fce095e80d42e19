//! Reading a database record.

use super::fields::Fields;
use super::person::labels;
use super::{CaReader, rules};
use crate::objects::{DatabaseRecord, Grant, Jit, Launch, Leftovers, SESSION_LONGEST, SessionRules};
use mayfly_domain::Trust;

const POSTGRESQL_PORT: u16 = 5432;

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
    let (administrative, administrative_port) = rotation(&spec);
    let port = connection(&spec, administrative_port);
    let jit = jit(&spec);
    let session = session(&spec);
    spec.finish(&[
        ("workflow", "`workflow` is not built yet: remove the field; `may_launch` of a person decides"),
        ("recording", "`recording` is not built yet: remove the field"),
    ]);
    Some(DatabaseRecord {
        name: name?,
        labels,
        host: host?,
        trust: trust?,
        default_database: database.unwrap_or_else(|| "postgres".to_owned()),
        administrative: administrative?,
        administrative_port,
        port,
        jit: jit?,
        session,
    })
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

fn rotation(spec: &Fields<'_>) -> (Option<mayfly_domain::RecordName>, u16) {
    let Some(rotation) = spec.map("rotation") else { return (None, POSTGRESQL_PORT) };
    let administrative = rotation.parsed("administrative", rules::record_name);
    let port = rotation.number("port", POSTGRESQL_PORT, 1, u16::MAX);
    rotation.finish(&[("schedule", "rotation of secrets is not built yet: remove the field")]);
    (administrative, port)
}

fn connection(spec: &Fields<'_>, administrative_port: u16) -> u16 {
    let Some(connection) = spec.optional_map("connection") else { return administrative_port };
    connection.optional_parsed("protocol", |text| match text {
        "postgresql" => Ok(()),
        _ => Err("has to be `postgresql`, which is the only protocol built for databases yet".to_owned()),
    });
    let port = connection.number("port", administrative_port, 1, u16::MAX);
    connection.finish(&[]);
    port
}

fn jit(spec: &Fields<'_>) -> Option<Jit> {
    let jit = spec.map("jit")?;
    let ephemeral = jit.switch("create_ephemeral", false);
    let user = jit.optional_parsed("launch", rules::record_name);
    let elevate = elevation(&jit);
    jit.finish(&[
        ("ephemeral_account_type", "is for machines: remove it, the accounts of a database are known"),
        ("base_distinguished_name", "is for directories: remove it"),
        ("directory", "is for machines: remove it"),
    ]);
    let launch = match (ephemeral, jit.has("launch")) {
        (true, true) => {
            jit.fault(
                "launch",
                "cannot stand beside `create_ephemeral: true`: keep one, the account is either made or exists",
            );
            return None;
        }
        (false, false) => {
            jit.fault(
                "create_ephemeral",
                "choose whom a session logs in as: `create_ephemeral: true` for a new account, or `launch: USER-RECORD` for an existing one",
            );
            return None;
        }
        (true, false) => Launch::Ephemeral,
        (false, true) => Launch::Existing { user: user? },
    };
    Some(Jit { launch, elevate })
}

fn elevation(jit: &Fields<'_>) -> Option<Grant> {
    const FIELDS: [&str; 3] = ["elevation_method", "elevation_string", "exclusive"];
    let elevate = jit.switch("elevate", false);
    jit.optional_parsed("elevation_method", |text| match text {
        "role" => Ok(()),
        "group" => Err("`group` is for machines and directories: a database takes `role`".to_owned()),
        _ => Err("has to be `role`".to_owned()),
    });
    let role = jit.optional_parsed("elevation_string", rules::role);
    let exclusive = jit.switch("exclusive", true);
    if !elevate {
        for name in FIELDS.into_iter().filter(|name| jit.has(name)) {
            jit.fault(name, "has no effect without `elevate: true`: set that, or remove this field");
        }
        return None;
    }
    if !jit.has("elevation_string") {
        jit.fault("elevation_string", "is missing: `elevate: true` needs the name of the role that is granted");
    }
    role.map(|role| Grant { role, exclusive })
}

fn session(spec: &Fields<'_>) -> SessionRules {
    let defaults = SessionRules {
        duration_s: 3600,
        linger_s: 30,
        connections: 20,
        leftovers: Leftovers::Graveyard,
        end_other_sessions: true,
    };
    let Some(session) = spec.optional_map("session") else { return defaults };
    let leftovers = session.optional_parsed("leftovers", |text| match text {
        "graveyard" => Ok(Leftovers::Graveyard),
        "drop" => Ok(Leftovers::Drop),
        "keep" => Ok(Leftovers::Keep),
        _ => Err("has to be graveyard, drop or keep".to_owned()),
    });
    let rules = SessionRules {
        duration_s: session.seconds("duration", defaults.duration_s, 1, SESSION_LONGEST.as_secs()),
        linger_s: session.seconds("linger", defaults.linger_s, 0, 3600),
        connections: session.number("connections", defaults.connections, 1, 1000),
        leftovers: leftovers.unwrap_or(defaults.leftovers),
        end_other_sessions: session.switch("end_other_sessions", defaults.end_other_sessions),
    };
    session.finish(&[]);
    rules
}
