//! Writing objects as the YAML that they could have been read from: every field with its value, so that nothing depends on a
//! default, and what is absent is nothing. Reading it back gives the same objects.

use crate::objects::{
    AccountRules, DatabaseRecord, DatabaseType, DirectoryRecord, Launch, Leftovers, MachineRecord, Object,
    OperatingSystem, Person, Resource, SessionRules, UserRecord,
};
use mayfly_domain::{RecordName, Trust};
use serde_norway::{Mapping, Value};
use std::collections::BTreeMap;

/// Writes objects as YAML, a document each, in the order given.
pub fn export(objects: &[Object]) -> String {
    let documents: Vec<String> = objects.iter().map(document).collect();
    documents.join("---\n")
}

/// One object as a YAML document.
fn document(object: &Object) -> String {
    let spec = match object {
        Object::Person(person) => of_person(person),
        Object::User(user) => of_user(user),
        Object::Database(database) => of_database(database),
        Object::Machine(machine) => of_machine(machine),
        Object::Directory(directory) => of_directory(directory),
    };
    let id = object.id();
    let top = Fields::default().text("kind", id.kind().as_str()).text("name", id.name());
    let top = top.some("labels", of_labels(object.labels())).value("spec", spec.done());
    // Maps of texts, numbers and lists always have a YAML form.
    serde_norway::to_string(&top.done()).unwrap_or_default()
}

/// A map in the making.
#[derive(Default)]
struct Fields(Mapping);

impl Fields {
    fn value(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(Value::from(name), value.into());
        self
    }

    fn text(self, name: &str, text: &str) -> Self {
        self.value(name, text)
    }

    /// A field that is left out when there is nothing to say.
    fn some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.value(name, value),
            None => self,
        }
    }

    fn list<'a>(self, name: &str, items: impl Iterator<Item = &'a str>) -> Self {
        self.value(name, items.map(Value::from).collect::<Vec<_>>())
    }

    fn done(self) -> Value {
        Value::Mapping(self.0)
    }
}

fn of_labels(labels: &BTreeMap<String, String>) -> Option<Value> {
    let map = labels.iter().fold(Fields::default(), |map, (key, value)| map.text(key, value));
    (!labels.is_empty()).then(|| map.done())
}

fn of_person(person: &Person) -> Fields {
    let spec = Fields::default().some("email", person.email.as_deref());
    let spec = spec.some("password_hash", person.password_hash.as_deref()).value("disabled", person.disabled);
    let spec = spec.list("ssh_keys", person.ssh_keys.iter().map(String::as_str));
    spec.list("may_launch", person.may_launch.iter().map(|name| name.as_str()))
}

fn of_user(user: &UserRecord) -> Fields {
    Fields::default().text("login", &user.login).text("resource", user.resource.as_str())
}

fn of_database(database: &DatabaseRecord) -> Fields {
    let resource = &database.resource;
    let protocol = database.database_type.as_str();
    let spec = Fields::default().text("database_type", protocol).text("host", &resource.host);
    // None has no form but its absence.
    let named = Some(database.default_database.as_str()).filter(|name| !name.is_empty());
    let spec = spec.some("tls", of_tls(&resource.trust)).some("default_database", named);
    let connection = match database.database_type {
        DatabaseType::Postgresql => connection(resource, protocol),
        DatabaseType::Mysql | DatabaseType::Mariadb => {
            connection(resource, protocol).value("local_infile", database.local_infile)
        }
        DatabaseType::Mssql => connection(resource, protocol),
    };
    let spec = of_mssql(spec, database);
    let rules = session(&resource.session).text("leftovers", leftovers(resource.session.leftovers));
    spec.value("rotation", rotation(&resource.administrative, resource.administrative_port).done())
        .value("connection", connection.done())
        .value("jit", jit(resource, "role").done())
        .value("session", rules.done())
}

/// What only records of SQL Server have.
fn of_mssql(spec: Fields, database: &DatabaseRecord) -> Fields {
    if database.database_type != DatabaseType::Mssql {
        return spec;
    }
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let rules = &database.mssql;
    let spec = spec.value("contained", rules.contained);
    let spec = spec.some("databases", text(&rules.databases));
    spec.some("server_roles", text(&rules.server_roles))
}

fn of_machine(machine: &MachineRecord) -> Fields {
    let resource = &machine.resource;
    let system = match machine.operating_system {
        OperatingSystem::Linux => "linux",
    };
    let spec = Fields::default().text("operating_system", system).text("host", &resource.host);
    let spec = spec.some("host_key", of_host_key(&resource.trust));
    let connection = connection(resource, "ssh").value("sftp", machine.ssh.sftp);
    let connection = connection.list("forwarding", machine.ssh.forwarding.iter().map(String::as_str));
    let rotation = rotation(&resource.administrative, resource.administrative_port);
    let rotation = rotation.value("password", machine.administrative_password);
    spec.value("rotation", rotation.done())
        .value("connection", connection.done())
        .value("jit", jit(resource, "group").done())
        .some("accounts", of_accounts(&machine.accounts))
        .value("session", session(&resource.session).done())
}

fn of_directory(directory: &DirectoryRecord) -> Fields {
    let spec = Fields::default().text("directory_type", directory.directory_type.as_str());
    let spec = spec.some("domain", directory.domain.as_deref());
    let spec = spec.list("hosts", directory.hosts.iter().map(String::as_str)).some("tls", of_tls(&directory.trust));
    spec.value("rotation", rotation(&directory.administrative, directory.administrative_port).done())
}

fn rotation(administrative: &RecordName, port: u16) -> Fields {
    Fields::default().text("administrative", administrative.as_str()).value("port", port)
}

/// What of accounts is not as the provider has it.
fn of_accounts(rules: &AccountRules) -> Option<Value> {
    let map = Fields::default().some("id_least", rules.id_least).some("id_most", rules.id_most);
    let map = map.some("shell", rules.shell.as_deref());
    let map = match &rules.swept {
        Some(places) => map.list("swept", places.iter().map(String::as_str)),
        None => map,
    };
    (*rules != AccountRules::default()).then(|| map.done())
}

fn connection(resource: &Resource, protocol: &str) -> Fields {
    Fields::default().text("protocol", protocol).value("port", resource.port)
}

/// Whom to believe of a database or a directory. What is trust of machines only has no form here, and none of them has it.
fn of_tls(trust: &Trust) -> Option<Value> {
    let (mode, ca) = match trust {
        Trust::VerifyFull { ca_pem } => ("verify_full", Some(ca_pem)),
        Trust::VerifyCa { ca_pem } => ("verify_ca", Some(ca_pem)),
        Trust::Plaintext => ("plaintext", None),
        Trust::HostKey { .. } | Trust::HostAuthority { .. } | Trust::NotPinned => return None,
    };
    let ca = ca.map(|pem| Fields::default().text("pem", pem).done());
    Some(Fields::default().text("mode", mode).some("ca", ca).done())
}

/// Whom to believe of a machine; nothing while no key is pinned.
fn of_host_key(trust: &Trust) -> Option<Value> {
    match trust {
        Trust::HostKey { fingerprint } => Some(Fields::default().text("pin", fingerprint).done()),
        Trust::HostAuthority { keys } => {
            let ca = Fields::default().text("keys", keys).done();
            Some(Fields::default().value("ca", ca).done())
        }
        Trust::NotPinned | Trust::VerifyFull { .. } | Trust::VerifyCa { .. } | Trust::Plaintext => None,
    }
}

fn jit(resource: &Resource, method: &str) -> Fields {
    let jit = match &resource.jit.launch {
        Launch::Ephemeral => Fields::default().value("create_ephemeral", true),
        Launch::Existing { user } => Fields::default().text("launch", user.as_str()),
    };
    let Some(grant) = &resource.jit.elevate else { return jit };
    let jit = jit.value("elevate", true).text("elevation_method", method);
    jit.text("elevation_string", &grant.role).value("exclusive", grant.exclusive)
}

fn session(rules: &SessionRules) -> Fields {
    let session = Fields::default().value("duration", rules.duration_s).value("linger", rules.linger_s);
    session.value("connections", rules.connections).value("end_other_sessions", rules.end_other_sessions)
}

const fn leftovers(policy: Leftovers) -> &'static str {
    match policy {
        Leftovers::Graveyard => "graveyard",
        Leftovers::Drop => "drop",
        Leftovers::Keep => "keep",
    }
}
