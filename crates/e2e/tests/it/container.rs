//! The container file: built and run by a real podman, as docs/installing.md says; set up, served, kept over the next container, told to
//! stop, and given keys as secrets. No cgroups limit it here, and health checks are run by hand, since no systemd does.

use mayfly_e2e::{installation, wait};
use mayfly_testbed::{Podman, free_port};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const IMAGE: &str = "localhost/mayfly";

/// What docs/installing.md tells to give, and what has to be given where tests run.
const RUN: &[&str] = &[
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--stop-timeout=60",
    "--volume=mayfly-etc:/etc/mayfly",
    "--volume=mayfly-data:/var/lib/mayfly",
    "--volume=mayfly-log:/var/log/mayfly",
    "--network=host",
    "--cgroups=disabled",
    "--ulimit=nofile=1024:4096",
    "--ulimit=nproc=1000:1000",
    "--health-interval=disable",
];

fn run(podman: &Podman, options: &[&str], command: &[&str]) -> String {
    podman.must(&[&["run"], RUN, options, &[IMAGE], command].concat()).unwrap()
}

fn healthy(podman: &Podman, name: &str) -> bool {
    podman.run(&["healthcheck", "run", name]).unwrap().status.success()
}

#[test]
fn the_image_runs_the_server_and_the_next_one_goes_on_with_its_volumes() {
    let podman = Podman::start().unwrap();
    let program = installation::binary().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Containerfile");
    let binary = program.file_name().unwrap().to_str().unwrap();
    podman.build(&file, program.parent().unwrap(), &[("BINARY", binary)], IMAGE).unwrap();

    let [https, postgres, mysql, mariadb, mssql, ssh] = [(); 6].map(|()| format!("127.0.0.1:{}", free_port().unwrap()));
    let init = ["server", "init", "--host", "localhost", "--https", &https, "--postgres", &postgres, "--ssh", &ssh];
    let more = ["--mysql", &mysql, "--mariadb", &mariadb, "--mssql", &mssql];
    run(&podman, &["--rm"], &[&init[..], &more, &["--recovery-key-file", "/etc/mayfly/recovery-key"]].concat());
    run(&podman, &["--detach", "--name=first"], &[]);
    wait::until("it is healthy", LIMIT, || Ok(healthy(&podman, "first"))).unwrap();
    // A user of its own, the first process, and no right that it does not need.
    let status = podman.must(&["exec", "first", "cat", "/proc/1/status"]).unwrap();
    let fact = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")).unwrap();
    assert_eq!((fact("Name"), fact("CapEff"), fact("NoNewPrivs")), ("mayfly", "0000000000000000", "1"), "{status}");
    assert_eq!(fact("Uid"), "10064\t10064\t10064\t10064");
    // Somebody who is outside reaches it, and it works.
    let page =
        std::process::Command::new("curl").args(["-sSk", &format!("https://{https}/v1/status")]).output().unwrap();
    assert!(String::from_utf8_lossy(&page.stdout).contains("\"ready\":true"), "{page:?}");
    let person = "printf 'kind: Person\\nname: alice\\nspec: {}\\n' | mayfly apply -f -";
    podman.must(&["exec", "first", "sh", "-euc", person]).unwrap();

    // Told to stop, it stops in order, and the next container goes on: this time with the key as a secret instead of a file.
    podman.must(&["stop", "first"]).unwrap();
    assert_eq!(podman.must(&["inspect", "--format={{.State.ExitCode}}", "first"]).unwrap().trim(), "0");
    let log = podman.run(&["logs", "first"]).unwrap();
    assert!(String::from_utf8_lossy(&log.stderr).trim_end().ends_with("Stopped"), "{log:?}");
    let moved = "cat /etc/mayfly/master.key && mv /etc/mayfly/master.key /etc/mayfly/recovery-key /tmp";
    let key = run(&podman, &["--rm", "--entrypoint=sh"], &["-euc", moved]);
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), key).unwrap();
    podman.must(&["secret", "create", "mayfly-master", secret.path().to_str().unwrap()]).unwrap();
    let keys = [
        "--secret=mayfly-master,uid=10064,gid=10064,mode=0400",
        "--env=MAYFLY__KEYS__MASTER={file=\"/run/secrets/mayfly-master\"}",
    ];
    run(&podman, &[&["--detach", "--name=second"], &keys[..]].concat(), &[]);
    wait::until("it is healthy again", LIMIT, || Ok(healthy(&podman, "second"))).unwrap();
    assert_eq!(podman.must(&["exec", "second", "mayfly", "-o", "name", "ls"]).unwrap(), "alice\n");
    let status = podman.must(&["exec", "second", "mayfly", "-o", "json", "status"]).unwrap();
    assert!(status.contains("\"mode\": \"acting\""), "the same volumes are no copy: {status}");
    // What is wrong is seen: a server that does not take sessions is not healthy.
    podman.must(&["exec", "second", "mayfly", "server", "drain", "--within", "1h"]).unwrap();
    assert!(!healthy(&podman, "second"));
    podman.must(&["stop", "second"]).unwrap();
}
