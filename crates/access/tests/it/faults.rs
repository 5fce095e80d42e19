//! What wrong inputs are told: the object, the field, the line, and what to do.

use crate::{DATABASE, bad, reader};
use mayfly_access::objects::{no_files, parse};

/// One change of a database that is right, and the beginning of what must be said about it.
fn database(from: &str, to: &str, expected: &str) {
    let text = DATABASE.replacen(from, to, 1);
    assert_ne!(text, DATABASE, "{from} is not in the example");
    let faults = bad(&text);
    assert!(faults.iter().any(|fault| fault.contains(expected)), "{from} -> {to}: {faults:#?}");
}

#[test]
fn a_fault_names_line_object_field_and_remedy() {
    let text = DATABASE.replace("host: db1.example.com", "host: \"db1.example.com:5432\"");
    assert_eq!(
        bad(&text),
        ["line 5: Database/orders: spec.host: has to be one DNS name or IP address, without port and without brackets"]
    );
    let second = format!("kind: Person\nname: bob\nspec: {{}}\n---\n{text}");
    assert!(bad(&second)[0].starts_with("line 9: Database/orders: spec.host: "), "{:?}", bad(&second));
}

/// PARITY: a mistyped `elevate` must not become "no elevation".
#[test]
fn unknown_fields_are_refused_with_the_nearest_known_one() {
    database(
        "create_ephemeral: true",
        "create_ephemeral: true, elevat: true",
        "spec.jit.elevat: unknown field; did you mean `elevate`?",
    );
    database("create_ephemeral: true", "createEphemral: true", "did you mean `create_ephemeral`?");
    database("kind: Database", "kind: Databse", "unknown kind \"Databse\"; did you mean `Database`?");
    database("spec:", "specs:", "did you mean `spec`?");
    database("spec:", "zzzzzz: 1\nspec:", "zzzzzz: unknown field; known here are kind, labels, name, spec");
    database("create_ephemeral: true", "create_ephemeral: true, createEphemeral: false", "stands here twice");
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    database("kind: Database", "kind: Folder", "unknown kind \"Folder\"; kinds are");
    for kind in ["oracle", "postgresql-flexible", "mysql-flexible", "mariadb-flexible"] {
        database("postgresql", kind, &format!("spec.database_type: `{kind}` is not built yet"));
    }
    database("postgresql", "postgres", "spec.database_type: unknown type");
    database("  jit:", "  recording: true\n  jit:", "spec.recording: `recording` is not built yet");
    database("  jit:", "  connection: {protocol: mysql}\n  jit:", "spec.connection.protocol: has to be `postgresql`");
    database("  jit:", "  connection: {local_infile: true}\n  jit:", "spec.connection.local_infile: unknown field");
    let mysql = |rest: &str| format!("mysql\n  {rest}");
    for (rest, fault) in [
        ("connection: {protocol: mariadb}", "spec.connection.protocol: has to be `mysql`"),
        ("default_database: ''", "spec.default_database: has to be a database name"),
        ("connection: {local_infile: maybe}", "spec.connection.local_infile: "),
    ] {
        database("postgresql", &mysql(rest), fault);
    }
    database("postgresql", "mssql\n  contained: true", "spec.default_database: with `contained`");
    database("postgresql", "mysql\n  server_roles: x", "spec.server_roles: unknown field");
    let role = "r".repeat(33);
    let lifted = format!("create_ephemeral: true, elevate: true, elevation_string: {role}");
    let both = [("postgresql", "mysql"), ("create_ephemeral: true", lifted.as_str())];
    let faults = bad(&both.iter().fold(DATABASE.to_owned(), |text, (from, to)| text.replace(from, to)));
    assert!(faults[0].contains("of 1 to 32 characters"), "{faults:?}");
}

#[test]
fn choices_have_to_be_made() {
    database("create_ephemeral: true", "create_ephemeral: false", "choose whom a session logs in as");
    database(
        "create_ephemeral: true",
        "create_ephemeral: true, launch: deploy",
        "spec.jit.launch: cannot stand beside",
    );
    database(
        "create_ephemeral: true",
        "create_ephemeral: true, elevate: true",
        "spec.jit.elevation_string: is missing",
    );
    database(
        "create_ephemeral: true",
        "create_ephemeral: true, elevation_string: r",
        "has no effect without `elevate: true`",
    );
    database("create_ephemeral: true", "create_ephemeral: true, elevation_method: group", "`group` is for machines");
    database("create_ephemeral: true", "elevate: true, elevation_string: \"arn:aws:iam::1:role/A\"", "not built yet");
    database("  tls: {ca: {file: ca.pem}}\n", "", "spec.tls.ca: is missing: give the authority");
    database("{ca: {file: ca.pem}}", "{}", "spec.tls.ca: is missing: give the authority");
    database("{ca: {file: ca.pem}}", "{mode: plaintext, ca: {file: x}}", "spec.tls.ca: has no use");
    database(
        "{ca: {file: ca.pem}}",
        "{mode: prefer, ca: {file: x}}",
        "spec.tls.mode: has to be verify_full, verify_ca or plaintext",
    );
    database("{file: ca.pem}", "{}", "spec.tls.ca.file: is missing");
    database("  database_type: postgresql\n", "", "spec.database_type: is missing: Database Type has to be named");
}

#[test]
fn values_that_make_no_sense_are_refused_with_their_limits() {
    for (value, expected) in [
        ("duration: 0", "spec.session.duration: is 0s, but has to be from 1s to 8h"),
        ("duration: 481m", "is 481m, but has to be from 1s to 8h"),
        ("duration: 1d", "has to be a length of time"),
        ("duration: -5", "has to be a length of time"),
        ("duration: 99999999999999999999h", "has to be a length of time"),
        ("linger: 2h", "spec.session.linger: is 2h, but has to be from 0s to 1h"),
        ("connections: 0", "has to be a whole number from 1 to 1000"),
        ("leftovers: burn", "has to be graveyard, drop or keep"),
        ("end_other_sessions: maybe", "has to be true or false"),
        ("duration: ~", "has no value"),
    ] {
        database("  jit:", &format!("  session: {{{value}}}\n  jit:"), expected);
    }
    database(
        "orders-admin}",
        "orders-admin, port: 65536}",
        "spec.rotation.port: has to be a whole number from 1 to 65535",
    );
    database("orders-admin}", "orders-admin, port: 0}", "spec.rotation.port");
    database("name: orders", "name: Orders", "name: a name of a record");
    database("name: orders", "name: 17", "name: is a number, but has to be a text: put it in quotes");
    for host in ["/var/run/postgresql", "a,b", "-h", "a b", "[::1]", "host=x", ""] {
        database("db1.example.com", &format!("{host:?}"), "spec.host: has to be one DNS name");
    }
}

/// Secrets never stand in objects, and neither do they in what is said about them.
#[test]
fn secrets_are_refused_and_not_repeated() {
    let faults = bad("kind: User\nname: a\nspec: {login: a, resource: b, password: hunter2-hunter2}\n");
    assert!(faults[0].contains("spec.password: secrets never stand in objects"), "{faults:?}");
    let hash = bad("kind: Person\nname: a\nspec: {password_hash: hunter2-hunter2}\n");
    assert!(hash[0].contains("spec.password_hash: has to be an Argon2id hash"), "{hash:?}");
    let key = "-----BEGIN PRIVATE KEY-----\nhunter2-hunter2";
    let pem = bad(&DATABASE.replace("{file: ca.pem}", &format!("{{pem: {key:?}}}")));
    assert!(pem[0].contains("holds a private key"), "{pem:?}");
    for fault in faults.iter().chain(&hash).chain(&pem) {
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

#[test]
fn the_server_reads_no_files() {
    let faults = parse(DATABASE, &no_files).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!((faults[0].path.as_str(), faults[0].line), ("spec.tls.ca.file", Some(6)));
    assert!(faults[0].text.contains("the server reads no files"));
}

#[test]
fn all_faults_are_told_at_once_and_items_by_their_place() {
    let faults = bad("kind: Person\nname: a\nspec:\n  may_launch:\n  - fine\n  - Not Fine\n  email: nobody\n");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("line 6: Person/a: spec.may_launch[1]: ")), "{faults:?}");
    assert!(
        bad(&format!("{DATABASE}---\n{DATABASE}"))[0]
            .contains("Database/orders: name: the input has this object twice")
    );
}

#[test]
fn broken_yaml_says_where() {
    let fault = parse("kind: [\nname", &reader).unwrap_err().remove(0);
    assert!(fault.text.starts_with("cannot be read as YAML: ") && fault.line.is_some(), "{fault}");
}
