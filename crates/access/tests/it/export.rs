//! What is written can be read back: an export applied again changes nothing.

use crate::PEM;
use mayfly_access::objects::{
    AccountRules, DatabaseRecord, DatabaseType, DirectoryRecord, DirectoryType, Grant, Jit, Launch, Leftovers,
    MachineRecord, MssqlRules, Object, OperatingSystem, Person, Resource, SessionRules, SshRules, UserRecord, export,
    no_files, parse,
};
use mayfly_domain::{PersonName, RecordName, Trust};
use proptest::prelude::*;
use std::collections::BTreeMap;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJ7c3Vt3t2rBC0bOuVmu0P4cA8CTuGoV3dQzDjg0k2c";
const PIN: &str = "SHA256:fRi2Ty9VBsIAJkT1QzMl7O6bJZ0eEAvaLwKD4k9nMso";

fn record() -> impl Strategy<Value = RecordName> {
    "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?".prop_map(|name| RecordName::parse(&name).unwrap())
}

/// Words that YAML would take for something else unless they are quoted, among others.
fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("1.0".to_owned()),
        Just("0x10".to_owned()),
        Just("- a: b # c".to_owned()),
        Just("'\"`{[&*!|>%@".to_owned()),
        Just("~".to_owned()),
        Just("2026-11-24".to_owned()),
        "[ -~]{1,20}".prop_map(|text| format!("x{text}x")),
        "[äöüßλ漢]{1,8}",
    ]
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("[A-Za-z0-9._/-]{1,10}", awkward(), 0..3)
}

fn rules(leftovers: impl Strategy<Value = Leftovers>) -> impl Strategy<Value = SessionRules> {
    (1_u64..28_800, 0_u64..3600, 1_u16..1000, leftovers, any::<bool>()).prop_map(
        |(duration_s, linger_s, connections, leftovers, end_other_sessions)| SessionRules {
            duration_s,
            linger_s,
            connections,
            leftovers,
            end_other_sessions,
        },
    )
}

fn jit(role: impl Strategy<Value = String>) -> impl Strategy<Value = Jit> {
    let launch = prop_oneof![Just(Launch::Ephemeral), record().prop_map(|user| Launch::Existing { user })];
    let grant = (role, any::<bool>()).prop_map(|(role, exclusive)| Grant { role, exclusive });
    (launch, proptest::option::of(grant)).prop_map(|(launch, elevate)| Jit { launch, elevate })
}

fn resource(
    trust: impl Strategy<Value = Trust>,
    jit: impl Strategy<Value = Jit>,
    session: impl Strategy<Value = SessionRules>,
) -> impl Strategy<Value = Resource> {
    let host = prop_oneof![Just("::1".to_owned()), Just("10.0.0.5".to_owned()), Just("db1.example.com".to_owned())];
    let ports = (1_u16.., 1_u16..);
    (record(), labels(), host, trust, record(), ports, jit, session).prop_map(
        |(name, labels, host, trust, administrative, (administrative_port, port), jit, session)| Resource {
            name,
            labels,
            host,
            trust,
            administrative,
            administrative_port,
            port,
            jit,
            session,
        },
    )
}

fn database() -> impl Strategy<Value = Object> {
    let ca_pem = PEM.to_owned();
    let trust = prop_oneof![
        Just(Trust::VerifyFull { ca_pem: ca_pem.clone() }),
        Just(Trust::VerifyCa { ca_pem }),
        Just(Trust::Plaintext)
    ];
    let leftovers = prop_oneof![Just(Leftovers::Graveyard), Just(Leftovers::Drop), Just(Leftovers::Keep)];
    let resource = resource(trust, jit("[a-z\"' ]{1,20}".prop_map(|role| format!("r{role}r"))), rules(leftovers));
    let of_type = prop_oneof![
        Just((DatabaseType::Postgresql, false)),
        any::<bool>().prop_map(|files| (DatabaseType::Mysql, files)),
        any::<bool>().prop_map(|files| (DatabaseType::Mariadb, files)),
        Just((DatabaseType::Mssql, false)),
    ];
    let lists = (any::<bool>(), "[a-z/,\"']{0,20}", "[a-z,\"']{0,20}");
    (resource, of_type, "[a-z\"']{0,20}", lists).prop_map(|(resource, (database_type, local_infile), named, lists)| {
        let (contained, databases, server_roles) = lists;
        // Of PostgreSQL there is always one.
        let needed = named.is_empty() && database_type == DatabaseType::Postgresql;
        let default_database = if needed { "postgres".to_owned() } else { named };
        let mssql = match database_type {
            DatabaseType::Mssql => {
                MssqlRules { contained: contained && !default_database.is_empty(), databases, server_roles }
            }
            _ => MssqlRules::default(),
        };
        Object::Database(Box::new(DatabaseRecord { resource, database_type, default_database, local_infile, mssql }))
    })
}

fn machine() -> impl Strategy<Value = Object> {
    let trust = prop_oneof![
        Just(Trust::NotPinned),
        Just(Trust::HostKey { fingerprint: PIN.to_owned() }),
        Just(Trust::HostAuthority { keys: format!("{KEY}\n") })
    ];
    let resource = resource(trust, jit("[a-z][a-z0-9_-]{0,15}".prop_map(String::from)), rules(Just(Leftovers::Drop)));
    let forwarding = proptest::collection::vec("[a-z]{1,8}:[1-9][0-9]{0,3}", 0..3);
    let ids = (proptest::option::of(any::<u32>()), proptest::option::of(any::<u32>()));
    let shell = proptest::option::of("/[a-z/]{0,9}");
    let swept = proptest::option::of(proptest::collection::vec("/[a-z/]{0,9}", 0..3));
    let accounts = (ids, shell, swept).prop_map(|((id_least, id_most), shell, swept)| AccountRules {
        id_least,
        id_most,
        shell,
        swept,
    });
    (resource, any::<bool>(), forwarding, accounts, any::<bool>()).prop_map(
        |(resource, sftp, forwarding, accounts, administrative_password)| {
            Object::Machine(Box::new(MachineRecord {
                resource,
                operating_system: OperatingSystem::Linux,
                ssh: SshRules { sftp, forwarding },
                accounts,
                administrative_password,
            }))
        },
    )
}

fn directory() -> impl Strategy<Value = Object> {
    let trust = |full| {
        if full { Trust::VerifyFull { ca_pem: PEM.to_owned() } } else { Trust::VerifyCa { ca_pem: PEM.to_owned() } }
    };
    let hosts = proptest::collection::vec("[a-z0-9]{1,8}(\\.[a-z]{1,8})?", 1..4);
    let kinds = prop_oneof![
        Just((DirectoryType::ActiveDirectory, Some("example.com".to_owned()))),
        Just((DirectoryType::OpenLdap, Some("1.0".to_owned()))),
        Just((DirectoryType::OpenLdap, None)),
    ];
    (record(), labels(), kinds, hosts, any::<bool>(), record(), 1_u16..).prop_map(
        move |(name, labels, (directory_type, domain), hosts, full, administrative, administrative_port)| {
            Object::Directory(Box::new(DirectoryRecord {
                name,
                labels,
                directory_type,
                domain,
                hosts,
                trust: trust(full),
                administrative,
                administrative_port,
            }))
        },
    )
}

fn person() -> impl Strategy<Value = Object> {
    let keys = prop_oneof![Just(Vec::new()), Just(vec![KEY.to_owned()])];
    let may_launch = proptest::collection::btree_set(record(), 0..3);
    ("[a-z]{1,8}", labels(), proptest::option::of("[a-z]{1,8}@[a-z]{1,8}"), keys, any::<bool>(), may_launch).prop_map(
        |(name, labels, email, ssh_keys, disabled, may_launch)| {
            Object::Person(Person {
                name: PersonName::parse(&name).unwrap(),
                labels,
                email,
                password_hash: None,
                ssh_keys,
                disabled,
                may_launch: may_launch.into_iter().collect(),
            })
        },
    )
}

fn user() -> impl Strategy<Value = Object> {
    let login = awkward().prop_filter("a login of its own kind", |login| !login.contains([':', '/', '\\']));
    (record(), labels(), login, record())
        .prop_map(|(name, labels, login, resource)| Object::User(UserRecord { name, labels, login, resource }))
}

proptest! {
    #[test]
    fn an_export_reads_back_as_it_was(object in prop_oneof![database(), machine(), directory(), person(), user()]) {
        let text = export(std::slice::from_ref(&object));
        let read = parse(&text, &no_files).map_err(|faults| TestCaseError::fail(format!("{faults:?}\n{text}")))?;
        prop_assert_eq!(read, vec![object], "{}", text);
    }
}

#[test]
fn several_objects_are_documents_in_their_order() {
    let text = "kind: User\nname: a-root\nspec: {login: root, resource: a}\n---\nkind: User\nname: b-root\nspec: {login: root, resource: b}\n";
    let objects = parse(text, &no_files).unwrap();
    assert_eq!(parse(&export(&objects), &no_files).unwrap(), objects);
    assert_eq!(export(&[]), "");
    assert_eq!(export(&objects[..1]), "kind: User\nname: a-root\nspec:\n  login: root\n  resource: a\n");
}
