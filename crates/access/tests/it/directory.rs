//! Directory records: what can be said of one, what cannot yet, and what belongs to it.

use crate::{PEM, good};
use mayfly_access::objects::{DirectoryType, Kind, Object, ObjectError, ObjectId, check, no_files, parse};
use mayfly_domain::Trust;

fn corp(more: &str) -> String {
    let pem: String = PEM.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "kind: Directory\nname: corp\nlabels: {{env: prod}}\nspec:\n  directory_type: active_directory\n  domain: Example.com\n  \
         hosts: [dc1.example.com, dc2.example.com]\n  tls:\n    ca:\n     pem: |\n{pem}  rotation: {{administrative: corp-admin}}\n{more}"
    )
}

const ADMIN: &str = "---\nkind: User\nname: corp-admin\nspec: {login: mayfly, resource: corp}\n";

fn faults(text: &str) -> String {
    let found = parse(text, &no_files).err().unwrap_or_default();
    found.iter().map(ObjectError::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_directory_is_read_stored_and_written_out() {
    let objects = good(&corp(""));
    let [Object::Directory(directory)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(directory.directory_type, DirectoryType::ActiveDirectory);
    assert_eq!(directory.domain.as_deref(), Some("example.com"));
    assert_eq!((directory.hosts.len(), directory.administrative_port), (2, 636));
    assert!(matches!(directory.trust, Trust::VerifyFull { .. }));
    let stored = objects[0].to_json();
    assert_eq!(Object::from_json(Kind::Directory, &stored).unwrap(), objects[0]);
}

#[test]
fn what_a_directory_cannot_be_is_refused_by_name() {
    let plain = corp("");
    assert_eq!(faults(&plain), "");
    for (bad, told) in [
        (plain.replace("  directory_type: active_directory\n", ""), "spec.directory_type: is missing: Directory Type"),
        (plain.replace("active_directory", "ad"), "unknown Directory Type"),
        (plain.replace("  domain: Example.com\n", ""), "spec.domain: is missing"),
        (plain.replace("Example.com", "10.0.0.1"), "spec.domain: has to be the DNS name"),
        (plain.replace("[dc1.example.com, dc2.example.com]", "[]"), "spec.hosts: is missing"),
        (plain.replace("dc2.example.com", "\"dc2:636\""), "spec.hosts[1]: has to be one DNS name"),
        (
            plain.replace("hosts: [dc1.example.com, dc2.example.com]", "host: dc1.example.com"),
            "a directory has `hosts`",
        ),
        (corp("  jit: {create_ephemeral: true}\n"), "spec.jit: accounts and groups of a directory are not built yet"),
        (corp("  propagation: {mode: wait, seconds: 3}\n"), "spec.propagation: accounts of a directory are not built"),
        (corp("  connection: {port: 636}\n"), "nobody connects to a directory"),
        (corp("  colour: red\n"), "spec.colour: unknown field"),
    ] {
        let found = faults(&bad);
        assert!(found.contains(told), "{told}: {found}");
    }
    let start = plain.find("  tls:").unwrap();
    let plaintext = format!("{}  tls: {{mode: plaintext}}\n  rotation: {{administrative: a}}\n", &plain[..start]);
    assert!(faults(&plaintext).contains("spec.tls.mode: cannot be plaintext"), "{}", faults(&plaintext));
    let openldap = plain.replace("active_directory", "openldap").replace("  domain: Example.com\n", "");
    assert_eq!(faults(&openldap), "");
}

#[test]
fn what_belongs_to_a_directory_is_checked_with_it() {
    let whole = good(&format!("{}{ADMIN}", corp("")));
    check(&[], &whole, &[]).unwrap();
    let told = |put: &str, delete: &[ObjectId]| {
        let put = if put.is_empty() { Vec::new() } else { good(put) };
        let found = check(&whole, &put, delete).err().unwrap_or_default();
        found.iter().map(ObjectError::to_string).collect::<Vec<_>>().join("\n")
    };
    let id = |kind, name| ObjectId::new(kind, name).unwrap();
    assert!(
        told("", &[id(Kind::User, "corp-admin")]).contains("Directory/corp: spec.rotation.administrative: there is no")
    );
    assert!(told("", &[id(Kind::Directory, "corp")]).contains("User/corp-admin: spec.resource: there is no"));
    let bob = "{kind: Person, name: bob, spec: {may_launch: [corp]}}\n";
    assert!(told(bob, &[]).contains("spec.may_launch[0]: `corp` is a directory, which nobody connects to"));
    let machine = "kind: Machine\nname: web01\nspec:\n  operating_system: linux\n  host: a\n  rotation: {administrative: web01-root}\n  \
                   jit: {launch: corp-admin}\n---\nkind: User\nname: web01-root\nspec: {login: root, resource: web01}\n";
    let found = told(machine, &[]);
    assert!(found.contains("spec.jit.launch: the user record `corp-admin` belongs to the directory `corp`"), "{found}");
    assert!(found.contains("not built yet"), "{found}");
    let same = "{kind: User, name: corp, spec: {login: a, resource: corp}}\n";
    assert!(told(same, &[]).contains("User/corp: name: a resource is called `corp` too"));
}
