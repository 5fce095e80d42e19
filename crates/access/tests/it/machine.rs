//! Machine records and the SSH keys of people.

use mayfly_access::objects::{AccountRules, Kind, Launch, Object, OperatingSystem, check, no_files, parse, resolve};
use mayfly_domain::Trust;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJ7c3Vt3t2rBC0bOuVmu0P4cA8CTuGoV3dQzDjg0k2c";
const PIN: &str = "SHA256:fRi2Ty9VBsIAJkT1QzMl7O6bJZ0eEAvaLwKD4k9nMso";

fn web01(spec: &str) -> String {
    format!(
        "kind: Machine\nname: web01\nspec:\n  operating_system: Linux\n  host: web01.example.com\n  \
         rotation: {{administrative: web01-root}}\n{spec}"
    )
}

fn faults(text: &str) -> String {
    let faults = parse(text, &no_files).unwrap_err();
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_machine_is_read_with_its_defaults_and_keeps_its_stored_form() {
    let text = web01(&format!(
        "  host_key: {{pin: \"{PIN}\"}}\n  jit: {{createEphemeral: true, ephemeral_account_type: linux}}\n"
    ));
    let objects = parse(&text, &no_files).unwrap();
    let [Object::Machine(machine)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(machine.operating_system, OperatingSystem::Linux);
    assert_eq!(machine.resource.trust, Trust::HostKey { fingerprint: PIN.to_owned() });
    let unpinned = parse(&web01("  jit: {create_ephemeral: true}\n"), &no_files).unwrap();
    assert!(matches!(unpinned.as_slice(), [Object::Machine(machine)] if machine.resource.trust == Trust::NotPinned));
    assert_eq!((machine.resource.port, machine.resource.administrative_port), (22, 22));
    assert!(machine.ssh.sftp && machine.ssh.forwarding.is_empty());
    assert_eq!(machine.resource.jit.launch, Launch::Ephemeral);
    let stored = objects[0].to_json();
    assert_eq!(Object::from_json(Kind::Machine, &stored).unwrap(), objects[0]);
}

#[test]
fn the_authority_of_hosts_is_read_from_its_file_and_kept_in_one_spelling() {
    let text = web01(
        "  host_key: {ca: {file: hosts.pub}}\n  connection: {protocol: ssh, port: 2200, sftp: false, forwarding: [\"db:5432\"]}\n  \
         jit: {launch: deploy, elevate: true, elevation_method: group, elevation_string: sudo}\n",
    );
    let read = |_: &str| Ok(format!("# hosts\n  {KEY} somebody@somewhere\n\n"));
    let objects = parse(&text, &read).unwrap();
    let [Object::Machine(machine)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(machine.resource.trust, Trust::HostAuthority { keys: format!("{KEY}\n") });
    assert_eq!((machine.resource.port, machine.resource.administrative_port), (2200, 22));
    assert_eq!((machine.ssh.sftp, machine.ssh.forwarding.as_slice()), (false, ["db:5432".to_owned()].as_slice()));
    assert_eq!(machine.resource.jit.elevate.as_ref().unwrap().role, "sudo");
    let sent = resolve(&text, &read).unwrap();
    assert_eq!(parse(&sent, &no_files).unwrap(), objects);
}

#[test]
fn what_accounts_are_like_and_a_password_are_read_and_kept() {
    let plain = parse(&web01("  jit: {create_ephemeral: true}\n"), &no_files).unwrap();
    let [Object::Machine(machine)] = plain.as_slice() else { panic!("{plain:?}") };
    assert_eq!((&machine.accounts, machine.administrative_password), (&AccountRules::default(), false));
    // As it was stored before there was any of it.
    let older = plain[0].to_json().replace(",\"accounts\":{},\"administrative_password\":false", "");
    assert!(!older.contains("accounts"), "{older}");
    assert_eq!(Object::from_json(Kind::Machine, &older).unwrap(), plain[0]);

    let accounts = "  accounts: {id_least: 70000, idMost: 79999, shell: /bin/sh, swept: [/tmp, /srv]}\n";
    let text = web01(&format!("{accounts}  jit: {{create_ephemeral: true}}\n"))
        .replace("web01-root}", "web01-root, password: true}");
    let objects = parse(&text, &no_files).unwrap();
    let [Object::Machine(machine)] = objects.as_slice() else { panic!("{objects:?}") };
    let rules = AccountRules {
        id_least: Some(70_000),
        id_most: Some(79_999),
        shell: Some("/bin/sh".to_owned()),
        swept: Some(vec!["/tmp".to_owned(), "/srv".to_owned()]),
    };
    assert_eq!((&machine.accounts, machine.administrative_password), (&rules, true));
    assert_eq!(Object::from_json(Kind::Machine, &objects[0].to_json()).unwrap(), objects[0]);
}

#[test]
fn what_a_machine_cannot_be_is_refused_by_name() {
    let good = format!("  host_key: {{pin: \"{PIN}\"}}\n  jit: {{create_ephemeral: true}}\n");
    assert!(parse(&web01(&good), &no_files).is_ok());
    for (bad, told) in [
        (good.replace(PIN, "MD5:00"), "spec.host_key.pin: has to be a fingerprint"),
        (good.replace(&format!("pin: \"{PIN}\""), ""), "leave it out and pin it"),
        (
            good.replace("{create_ephemeral: true}", "{create_ephemeral: true, ephemeral_account_type: windows}"),
            "does not fit",
        ),
        (
            good.replace("true}", "true, elevate: true, elevation_method: role, elevation_string: x}"),
            "`role` is for databases",
        ),
        (good.replace("true}", "true, elevate: true, elevation_string: \"CN=a,DC=b\"}"), "needs a linked directory"),
        (good.replace("true}", "true, elevate: true, elevation_string: \"27\"}"), "is a number"),
        (format!("{good}  session: {{leftovers: drop}}\n"), "is for databases"),
        (format!("{good}  connection: {{forwarding: [\"db\"]}}\n"), "has to be `host:port`"),
        (format!("{good}  tls: {{mode: plaintext}}\n"), "a machine has `host_key`"),
        (format!("{good}  accounts: {{id_least: -1}}\n"), "spec.accounts.id_least: has to be a whole number"),
        (format!("{good}  accounts: {{swept: /tmp}}\n"), "has to be a list of paths"),
        (format!("{good}  accounts: {{swept: [tmp]}}\n"), "spec.accounts.swept[0]: has to be a path"),
        (format!("{good}  accounts: {{ids: 3}}\n"), "unknown field"),
    ] {
        let found = faults(&web01(&bad));
        assert!(found.contains(told), "{told}: {found}");
    }
    let windows = faults(&web01(&good).replace("Linux", "Windows"));
    assert!(windows.contains("not built yet"), "{windows}");
}

#[test]
fn the_keys_of_a_person_are_public_ones_and_lose_their_comment() {
    let person = |keys: &str| format!("kind: Person\nname: alice\nspec: {{ssh_keys: {keys}}}\n");
    let objects = parse(&person(&format!("[\"{KEY} alice@laptop\", \"{KEY}\"]")), &no_files).unwrap();
    let [Object::Person(alice)] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(alice.ssh_keys, [KEY]);
    for (bad, told) in [
        ("[\"-----BEGIN OPENSSH PRIVATE KEY-----\"]", "is a private key"),
        ("[\"from=x ssh-ed25519 AAAA\"]", "has to be a public key"),
        ("x", "has to be a list of public keys"),
    ] {
        let found = faults(&person(bad));
        assert!(found.contains(told), "{told}: {found}");
    }
}

#[test]
fn the_example_of_the_documentation_is_one_that_can_be_applied() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$bWF5Zmx5IGR1bW15IHNhbA$DUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUMMYDUM";
    let text = include_str!("../../../../docs/examples/web01.yaml").replace("HASH", hash);
    let objects = parse(&text, &no_files).unwrap();
    assert_eq!(objects.len(), 3);
    check(&[], &objects, &[]).unwrap();
}
