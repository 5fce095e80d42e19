//! What right inputs become.

use crate::{DATABASE, PEM, good, reader};
use mayfly_access::objects::{DatabaseType, Kind, Launch, Leftovers, Object, StoredError, parse, resolve};
use mayfly_domain::Trust;

const ALL: &str = r#"
kind: Person
name: alice
labels: {Team/Name: payments}
spec:
  email: alice@example.com
  password_hash: "$argon2id$v=19$m=19456,t=2,p=1$bWF5Zmx5IGR1bW15IHNhbA$DUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUM"
  mayLaunch: [orders, orders]
---
kind: User
name: orders-admin
spec: {login: mayfly_admin, resource: orders}
---
---
kind: Database
name: orders
spec:
  databaseType: postgresql
  host: "::1"
  tls: {mode: verify_ca, ca: {pem: "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----"}}
  default_database: shop
  rotation: {administrative: orders-admin, port: 5433}
  connection: {protocol: postgresql, port: 6432}
  jit: {launch: report, elevate: true, elevationMethod: role, elevationString: readonly, exclusive: false}
  session: {duration: 90m, linger: 0, connections: 3, leftovers: keep, endOtherSessions: false}
"#;

#[test]
fn every_field_arrives() {
    let objects = good(ALL);
    let [Object::Person(alice), Object::User(user), Object::Database(orders)] = objects.as_slice() else {
        panic!("{objects:?}");
    };
    assert_eq!((alice.may_launch.len(), alice.labels["Team/Name"].as_str()), (1, "payments"));
    assert_eq!((alice.email.as_deref(), alice.disabled), (Some("alice@example.com"), false));
    assert_eq!((user.login.as_str(), user.resource.as_str()), ("mayfly_admin", "orders"));
    assert_eq!(orders.resource.trust, Trust::VerifyCa { ca_pem: PEM.to_owned() }, "line ends make no difference");
    assert_eq!(orders.resource.administration().destination.endpoint.to_string(), "[::1]:5433");
    assert_eq!(orders.resource.sessions().endpoint.port, 6432);
    assert!(matches!(&orders.resource.jit.launch, Launch::Existing { user } if user.as_str() == "report"));
    let grant = orders.resource.jit.elevate.as_ref().unwrap();
    assert_eq!((grant.role.as_str(), grant.exclusive), ("readonly", false));
    let rules = &orders.resource.session;
    assert_eq!((rules.duration_s, rules.linger_s, rules.connections), (5400, 0, 3));
    assert_eq!((rules.leftovers, rules.end_other_sessions), (Leftovers::Keep, false));
}

#[test]
fn absent_fields_have_their_defaults() {
    let objects = good(DATABASE);
    let [Object::Database(orders)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(orders.resource.trust, Trust::VerifyFull { ca_pem: PEM.to_owned() });
    assert_eq!((orders.resource.administrative_port, orders.resource.port), (5432, 5432));
    assert_eq!(orders.default_database, "postgres");
    assert_eq!((&orders.resource.jit.launch, &orders.resource.jit.elevate), (&Launch::Ephemeral, &None));
    let rules = &orders.resource.session;
    assert_eq!((rules.duration_s, rules.linger_s, rules.connections), (3600, 30, 20));
    assert_eq!((rules.leftovers, rules.end_other_sessions), (Leftovers::Graveyard, true));
    let other = good(&DATABASE.replace("{administrative: orders-admin}", "{administrative: orders-admin, port: 7}"));
    assert!(matches!(other.as_slice(), [Object::Database(orders)] if orders.resource.port == 7), "inherited");
    let lifted = good(&DATABASE.replace("true}", "true, elevate: true, elevation_string: r}"));
    assert!(
        matches!(lifted.as_slice(), [Object::Database(orders)] if orders.resource.jit.elevate.as_ref().unwrap().exclusive)
    );
}

/// MySQL and MariaDB have their own port, need no database, and say whether a server may ask clients for files.
#[test]
fn the_type_of_a_database_decides_its_defaults() {
    for (text, database_type) in [("mysql", DatabaseType::Mysql), ("mariadb", DatabaseType::Mariadb)] {
        let written = DATABASE.replace("postgresql", text);
        let objects = good(&written);
        let [Object::Database(orders)] = objects.as_slice() else { panic!("{objects:?}") };
        assert_eq!((orders.database_type, orders.default_database.as_str()), (database_type, ""));
        assert_eq!((orders.resource.administrative_port, orders.resource.port), (3306, 3306));
        assert!(!orders.local_infile);
        let connection = format!("  connection: {{protocol: {text}, port: 3307, localInfile: true}}\n  jit:");
        let objects = good(&written.replace("  jit:", &connection));
        assert!(
            matches!(objects.as_slice(), [Object::Database(orders)] if orders.local_infile && orders.resource.port == 3307)
        );
        let (kind, json) = (objects[0].id().kind(), objects[0].to_json());
        assert_eq!(Object::from_json(kind, &json).as_ref(), Ok(&objects[0]));
    }
}

/// SQL Server's accounts get into the databases that the record names.
#[test]
fn a_record_of_sql_server_says_where_its_accounts_get_in() {
    let written =
        DATABASE.replace("postgresql", "mssql\n  databases: orders/db_datareader, billing\n  server_roles: auditors");
    let objects = good(&written);
    let [Object::Database(orders)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!((orders.database_type.as_str(), orders.database_type.provider()), ("mssql", "sqlserver"));
    assert_eq!((orders.resource.administrative_port, orders.default_database.as_str()), (1433, ""));
    assert_eq!(orders.mssql.databases, "orders/db_datareader, billing");
    assert_eq!((orders.mssql.server_roles.as_str(), orders.mssql.contained), ("auditors", false));
    let (kind, json) = (objects[0].id().kind(), objects[0].to_json());
    assert_eq!(Object::from_json(kind, &json).as_ref(), Ok(&objects[0]));
}

#[test]
fn plaintext_has_to_be_written_down() {
    let objects = good(&DATABASE.replace("{ca: {file: ca.pem}}", "{mode: plaintext}"));
    assert!(matches!(objects.as_slice(), [Object::Database(orders)] if orders.resource.trust == Trust::Plaintext));
}

#[test]
fn the_stored_form_reads_back_and_other_versions_do_not() {
    for object in good(ALL) {
        let (kind, text) = (object.id().kind(), object.to_json());
        assert_eq!(Object::from_json(kind, &text), Ok(object.clone()));
        assert_eq!(Object::from_json(kind, &text).unwrap().to_json(), text);
        let newer = text.replacen("\"version\":1", "\"version\":2", 1);
        assert_eq!(Object::from_json(kind, &newer), Err(StoredError::Version { found: 2 }));
        let more = text.replacen("\"name\"", "\"surprise\":1,\"name\"", 1);
        assert!(matches!(Object::from_json(kind, &more), Err(StoredError::Malformed { .. })), "{more}");
    }
    assert!(Object::from_json(Kind::User, "").is_err());
}

/// The stored form, to the byte: whoever changes it has to raise the version and keep reading this one.
#[test]
fn the_stored_bytes_are_these() {
    let objects = good(DATABASE);
    let [database] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(
        database.to_json(),
        "{\"version\":1,\"object\":{\"name\":\"orders\",\"labels\":{},\"host\":\"db1.example.com\",\"trust\":\
         {\"mode\":\"verify_full\",\"ca_pem\":\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"},\
         \"default_database\":\"postgres\",\"administrative\":\"orders-admin\",\"administrative_port\":5432,\"port\":5432,\
         \"jit\":{\"launch\":\"ephemeral\",\"elevate\":null},\"session\":{\"duration_s\":3600,\"linger_s\":30,\
         \"connections\":20,\"leftovers\":\"graveyard\",\"end_other_sessions\":true}}}"
    );
}

#[test]
fn a_resolved_input_needs_no_files_and_means_the_same() {
    let resolved = resolve(DATABASE, &reader).unwrap();
    let nothing = |path: &str| Err(format!("{path} was asked for"));
    assert_eq!(parse(&resolved, &nothing).unwrap(), good(DATABASE));
    let missing = resolve(DATABASE, &|path| Err(format!("{path} is not there"))).unwrap_err();
    assert_eq!(missing[0].to_string(), "object 1: spec.tls.ca.file: ca.pem is not there");
}

#[test]
fn a_secret_may_go_only_where_its_record_is_used() {
    let objects = good(ALL);
    let Some(Object::Database(orders)) = objects.last() else { panic!("{objects:?}") };
    let name = |text| mayfly_domain::RecordName::parse(text).unwrap();
    assert_eq!(orders.resource.destination_of(&name("orders-admin")).unwrap().endpoint.port, 5433);
    assert_eq!(orders.resource.destination_of(&name("report")).unwrap().endpoint.port, 6432);
    assert_eq!(orders.resource.destination_of(&name("other")), None);
}
