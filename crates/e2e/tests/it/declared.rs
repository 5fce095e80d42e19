//! Objects as they are declared in files: written out and applied again without change, planned before they are applied, pruned.

use mayfly_e2e::Installation;
use std::process::{Output, Stdio};

const FILES: &str = "\
kind: Person
name: alice
labels: {set: prod}
spec: {may_launch: [web01]}
---
kind: User
name: web01-root
labels: {set: prod}
spec: {login: root, resource: web01}
---
kind: Machine
name: web01
labels: {set: prod}
spec:
  operating_system: linux
  host: 192.0.2.1
  rotation: {administrative: web01-root}
  jit: {create_ephemeral: true, elevate: true, elevation_method: group, elevation_string: sudo}
";

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_is_written_out_changes_nothing_when_it_is_applied_again() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    installation.must(&["apply", "-f", "-"], FILES).unwrap();
    let written = installation.must(&["export"], "").unwrap();
    let planned = installation.run_with(&["plan", "-f", "-"], &written).unwrap();
    assert_eq!(planned.status.code(), Some(0), "{}", words(&planned));
    assert!(words(&planned).contains("0 to create, 0 to change, 0 to delete, 3 unchanged"), "{}", words(&planned));
    // Also on another installation that has nothing yet.
    let other = Installation::init().unwrap();
    let _running = other.start().unwrap();
    other.must(&["apply", "-f", "-"], &written).unwrap();
    assert_eq!(other.must(&["export"], "").unwrap(), written);
    let machines = installation.must(&["export", "-k", "machine"], "").unwrap();
    assert!(machines.starts_with("kind: Machine\nname: web01\n") && !machines.contains("---"), "{machines}");
}

#[test]
fn a_plan_says_what_would_be_done_and_holds_only_while_nobody_else_changes_anything() {
    let installation = Installation::init().unwrap();
    let _server = installation.start().unwrap();
    installation.must(&["apply", "-f", "-"], FILES).unwrap();
    let changed = FILES.replace("elevation_string: sudo", "elevation_string: adm");
    let changed = changed.replace("name: alice", "name: bob");
    let arguments = ["plan", "-f", "-", "--prune", "-l", "set=prod"];
    let planned = installation.run_with(&arguments, &changed).unwrap();
    assert_eq!(planned.status.code(), Some(12), "{}", words(&planned));
    let said = words(&planned);
    for line in [
        "+ Person/bob\n",
        "~ Machine/web01\n",
        "    -     elevation_string: sudo\n",
        "    +     elevation_string: adm\n",
        "- Person/alice\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("1 to create, 1 to change, 1 to delete, 1 unchanged, against revision 1"), "{said}");
    assert_eq!(installation.must(&["-o", "name", "ls"], "").unwrap(), "alice\nweb01-root\nweb01\n", "nothing was done");

    let other = "kind: Person\nname: carol\nspec: {}\n";
    installation.must(&["apply", "-f", "-"], other).unwrap();
    let apply = ["apply", "-f", "-", "--prune", "-l", "set=prod", "--revision", "1"];
    let late = installation.run_with(&apply, &changed).unwrap();
    assert_eq!(late.status.code(), Some(10), "{}", words(&late));
    assert!(words(&late).contains("somebody changed objects meanwhile"), "{}", words(&late));
    let apply = ["apply", "-f", "-", "--prune", "-l", "set=prod", "--revision", "2"];
    installation.must(&apply, &changed).unwrap();
    // Carol has not the label and stays.
    assert_eq!(installation.must(&["-o", "name", "ls"], "").unwrap(), "bob\ncarol\nweb01-root\nweb01\n");
    let unlabelled = installation.run_with(&["apply", "-f", "-", "--prune", "-l", "set=prod"], other).unwrap();
    assert_eq!(unlabelled.status.code(), Some(2), "{}", words(&unlabelled));
    assert!(words(&unlabelled).contains("Person/carol does not have the labels set=prod"), "{}", words(&unlabelled));
}

/// One object after the other, as somebody makes them who does not keep files of them.
#[test]
fn people_and_records_are_made_by_name() {
    let installation = Installation::init().unwrap();
    let _running = installation.start().unwrap();
    let create = |editor: &str, arguments: &[&str]| {
        let mut command = installation.command().unwrap();
        command.args(arguments).env("VISUAL", editor).env("TMPDIR", installation.directory());
        command.current_dir(installation.data()).stdin(Stdio::null()).output().unwrap()
    };
    let database = ["record", "create", "sales", "--kind", "database"];
    let untouched = create("true", &database);
    assert!(untouched.status.success() && words(&untouched).contains("nothing was made"), "{}", words(&untouched));
    let wrong = create("sed -i s/postgresql/prosgresql/", &database);
    assert_eq!(wrong.status.code(), Some(2), "{}", words(&wrong));
    assert!(words(&wrong).contains("unknown type") && words(&wrong).contains("what you wrote"), "{}", words(&wrong));
    // A file that it names is looked for where the person is.
    let made = create("sed -i s/db1-ca.pem/ca.pem/", &database);
    assert!(made.status.success(), "{}", words(&made));
    assert!(words(&made).contains("sales-admin"), "{}", words(&made));
    let again = create("sed -i s/db1/db2/", &database);
    assert_eq!(again.status.code(), Some(10), "{}", words(&again));
    assert!(words(&again).contains("mayfly record edit sales"), "{}", words(&again));
    let machine = create("sed -i s/web7.example.com/192.0.2.7/", &["record", "create", "web7", "-k", "machine"]);
    assert!(machine.status.success(), "{}", words(&machine));

    let bob = ["user", "create", "bob", "--may-launch", "sales", "--may-launch", "web7"];
    installation.must(&bob, "a long enough password\n").unwrap();
    let shown = installation.json(&["show", "sales", "--person", "bob", "--password-file", "/dev/null"]);
    assert!(shown.is_err(), "an empty password is none");
    let twice = installation.run_with(&bob, "a long enough password\n").unwrap();
    assert_eq!(twice.status.code(), Some(10), "{}", words(&twice));
    let names: Vec<_> = installation.list(&["ls"]).unwrap().iter().map(|object| object["name"].clone()).collect();
    assert_eq!(names, ["bob", "sales-admin", "web7-admin", "sales", "web7"]);
}
