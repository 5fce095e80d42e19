//! An existing account that is lifted into a group for one session: its services and its older sessions go on.

use super::on_both;
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::MachineRecord;
use mayfly_testbed::host::Flavour;
use std::process::Stdio;

on_both!(an_existing_account_is_lifted_and_its_service_goes_on);

const PASSWORD: &str = "of deploy 8c1f02";

fn an_existing_account_is_lifted_and_its_service_goes_on(flavour: Flavour) {
    let setup = format!(
        "groupadd ops; useradd -m -s /bin/bash deploy; echo 'deploy:{PASSWORD}' | chpasswd\n\
         printf 'PasswordAuthentication yes\\n' > /etc/ssh/sshd_config.d/10-password.conf; pkill -HUP -o sshd || true"
    );
    let world = MachineWorld::new(flavour, &setup).unwrap();
    let record = MachineRecord { launch: Some("deploy"), elevate: Some("ops"), ..MachineRecord::new("web01") };
    let _running = world.serve(&["alice"], &[record], Some(PASSWORD)).unwrap();
    // A service of the account that was there before.
    let mut service =
        world.host.command("setpriv", &["--reuid=deploy", "--regid=deploy", "--init-groups", "sleep", "1000"]);
    let mut service = service.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(world.run("alice", "web01", "id -un; id -Gn | tr ' ' '\\n' | grep -x ops").unwrap(), "deploy\nops");
    mayfly_e2e::wait::until("the membership is gone", std::time::Duration::from_secs(60), || {
        Ok(world.host.shell("id -Gn deploy")?.trim() == "deploy")
    })
    .unwrap();
    assert!(service.try_wait().unwrap().is_none(), "the service goes on");
    service.kill().unwrap();
    service.wait().unwrap();
    world.host.shell("pkill -u deploy || true").unwrap();
    world.as_before("a session of a lifted account").unwrap();
}
