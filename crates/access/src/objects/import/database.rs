//! Reading a database record.

use super::fields::Fields;
use super::person::labels;
use super::resource::{self, Form};
use super::{CaReader, rules, tls};
use crate::objects::{DatabaseRecord, DatabaseType, MssqlRules, Resource};

const OTHER_METHOD: &str = "`group` is for machines and directories: a database takes `role`";

const NOT_IN_JIT: &[(&str, &str)] = &[
    ("ephemeral_account_type", "is for machines: remove it, the accounts of a database are known"),
    ("base_distinguished_name", "is for directories: remove it"),
    ("directory", "is for machines: remove it"),
];

/// How a type is written. The first is also what a record of no known type is read as, to find what else is wrong with it.
const fn form(database_type: DatabaseType) -> Form {
    Form {
        port: match database_type {
            DatabaseType::Postgresql => 5432,
            DatabaseType::Mysql | DatabaseType::Mariadb => 3306,
            DatabaseType::Mssql => 1433,
        },
        protocol: database_type.as_str(),
        method: "role",
        other_method: OTHER_METHOD,
        grant: match database_type {
            DatabaseType::Postgresql => rules::role,
            DatabaseType::Mysql => rules::mysql_role,
            DatabaseType::Mariadb => rules::mariadb_role,
            DatabaseType::Mssql => rules::mssql_role,
        },
        not_in_jit: NOT_IN_JIT,
        leftovers: true,
    }
}

/// The types that users of other products know (PARITY.md).
const NOT_BUILT: [&str; 4] = ["postgresql-flexible", "mysql-flexible", "mariadb-flexible", "oracle"];

pub(super) fn read(top: &Fields<'_>, ca: &CaReader<'_>) -> Option<DatabaseRecord> {
    let name = top.parsed("name", rules::record_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    let found = spec.needed("database_type", "Database Type", database_type);
    let database_type = found.unwrap_or_default();
    let form = form(database_type);
    let host = spec.parsed("host", rules::host);
    let trust = tls::trust(&spec, ca);
    let database = spec.optional_parsed(
        "default_database",
        match database_type {
            DatabaseType::Postgresql => rules::identifier,
            DatabaseType::Mysql | DatabaseType::Mariadb => rules::mysql_database,
            DatabaseType::Mssql => rules::mssql_database,
        },
    );
    let (administrative, administrative_port) = resource::rotation(&spec, form.port, |_| ());
    let mut local_infile = false;
    let port = resource::connection(&spec, &form, administrative_port, |connection| {
        if matches!(database_type, DatabaseType::Mysql | DatabaseType::Mariadb) {
            local_infile = connection.switch("local_infile", false);
        }
    });
    let mssql =
        if database_type == DatabaseType::Mssql { mssql(&spec, database.is_some()) } else { MssqlRules::default() };
    let jit = resource::jit(&spec, &form, |_| ());
    let session = resource::session(&spec, &form);
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
    let of_type = match database_type {
        DatabaseType::Postgresql => "postgres",
        DatabaseType::Mysql | DatabaseType::Mariadb | DatabaseType::Mssql => "",
    };
    let default_database = database.unwrap_or_else(|| of_type.to_owned());
    Some(DatabaseRecord { resource, database_type, default_database, local_infile, mssql })
}

/// What only records of SQL Server have. The provider reads the names in it when a session is opened, and a check tries them.
fn mssql(spec: &Fields<'_>, named: bool) -> MssqlRules {
    let contained = spec.switch("contained", false);
    if contained && !named {
        spec.fault("default_database", "with `contained` it is the database whose users accounts are: name it");
    }
    let text = |name| spec.optional_parsed(name, rules::mssql_names).unwrap_or_default();
    MssqlRules { contained, databases: text("databases"), server_roles: text("server_roles") }
}

fn database_type(text: &str) -> Result<DatabaseType, String> {
    let built = DatabaseType::ALL.into_iter().find(|known| known.as_str() == text);
    built.ok_or_else(|| {
        let built = DatabaseType::ALL.map(|known| format!("`{}`", known.as_str())).join(", ");
        match text {
            known if NOT_BUILT.contains(&known) => format!("`{known}` is not built yet: {built} are"),
            _ => format!("unknown type; {built} are built, {} are known", NOT_BUILT.join(", ")),
        }
    })
}
