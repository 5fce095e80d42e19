//! Files: `scp` in both of its forms, `sftp`, `rsync` and `git`, and the switch that forbids the subsystem.

use mayfly_brokers::{
    port::{Service, SshService},
    ssh::{HostKey, Settings},
};

use crate::{
    door::{SECRET, USER},
    gateway::Os,
    programs::{complaint, output, printed},
};

use super::gateway::{Account, Gateway, host};

async fn gateway() -> (Account, Gateway) {
    let (account, door) = Account::made();
    (account, Gateway::start(door).await)
}

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scp_copies_exactly_both_ways_in_both_forms() {
    let (account, gateway) = gateway().await;
    let bytes = random(20_000_000);
    std::fs::write(gateway.file("up"), &bytes).unwrap();
    for (form, name) in [("-s", "new"), ("-O", "old")] {
        printed(output(gateway.copy("scp", &[form, "up", &gateway.remote(name)])).await);
        assert_eq!(
            host().run(&["stat", "-c", "%s %U", &account.path(name)]).unwrap(),
            format!("20000000 {}\n", account.name)
        );
        printed(output(gateway.copy("scp", &[form, &gateway.remote(name), "down"])).await);
        assert!(std::fs::read(gateway.file("down")).unwrap() == bytes, "{form}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sftp_works_unless_the_record_forbids_it() {
    let (account, gateway) = gateway().await;
    std::fs::write(gateway.file("batch"), "mkdir new\nput secret new/file\nrename new/file new/other\nls -1 new\n")
        .unwrap();
    let listed =
        printed(output(gateway.copy("sftp", &["-o", "BatchMode=no", "-b", "batch", &gateway.remote("")])).await);
    assert!(listed.ends_with("new/other"), "{listed}");
    assert!(host().run(&["cat", &account.path("new/other")]).unwrap().contains(SECRET));

    let (_account, mut door) = Account::made();
    door.service = Service::Ssh(SshService::default());
    let gateway = Gateway::start(door).await;
    std::fs::write(gateway.file("batch"), "ls\n").unwrap();
    let sftp = gateway.copy("sftp", &["-o", "BatchMode=no", "-b", "batch", &gateway.remote("")]);
    assert!(complaint(output(sftp).await).contains("subsystem request failed"));
    complaint(output(gateway.copy("scp", &["batch", &gateway.remote("x")])).await);
    printed(output(gateway.ssh(&[], &["true"])).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_pushes_and_clones() {
    let (account, gateway) = gateway().await;
    host().run(&["runuser", "-u", &account.name, "--", "git", "init", "-q", "--bare", &account.path("r.git")]).unwrap();
    let ssh = format!("ssh {} -p {}", gateway.options().join(" "), gateway.port);
    let git = |args: &[&str]| {
        let mut git = gateway.program("git");
        git.env("GIT_SSH_COMMAND", &ssh).args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "init.defaultBranch=m",
        ]);
        git.args(args);
        git
    };
    let url = gateway.remote("r.git");
    printed(output(git(&["init", "-q", "one"])).await);
    for n in 0..200 {
        std::fs::write(gateway.file("one").join(format!("f{n}")), random(5000)).unwrap();
    }
    for args in [&["add", "."][..], &["commit", "-q", "-m", "x"], &["push", "-q", &url, "HEAD:m"]] {
        printed(output(git(&[&["-C", "one"], args].concat())).await);
    }
    printed(output(git(&["clone", "-q", "-b", "m", &url, "two"])).await);
    for n in [0, 100, 199] {
        let read = |clone: &str| std::fs::read(gateway.file(clone).join(format!("f{n}"))).unwrap();
        assert!(read("one") == read("two"), "{n}");
    }
}

/// `rsync` runs on the host as a client of the broker in front of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rsync_keeps_a_tree_the_same() {
    let (account, door) = Account::made();
    let gateway = Gateway::at(host().our_address(), door, Settings::default(), HostKey::generate(&mut Os)).await;
    let folder = format!("/tmp/rsync-{}", account.name);
    host().run(&["mkdir", "-p", &format!("{folder}/from/deep/er")]).unwrap();
    for n in 0..50 {
        host().write(&format!("{folder}/from/deep/er/{n}"), random(20_000), 0o600).unwrap();
    }
    host().write(&format!("{folder}/secret"), format!("#!/bin/sh\necho '{SECRET}'\n"), 0o700).unwrap();
    let known = format!("[{}]:{} {}\n", gateway.address, gateway.port, gateway.host_key_line);
    host().write(&format!("{folder}/known"), known, 0o600).unwrap();
    let script = format!(
        "export SSH_ASKPASS={folder}/secret SSH_ASKPASS_REQUIRE=force\n\
         e='ssh -p {} -o StrictHostKeyChecking=yes -o UserKnownHostsFile={folder}/known'\n\
         rsync -a -e \"$e\" {folder}/from/ {USER}@{}:to/ && echo changed > {folder}/from/deep/er/7\n\
         rsync -a --delete --stats -e \"$e\" {folder}/from/ {USER}@{}:to/\n\
         rsync -a -e \"$e\" {USER}@{}:to/ {folder}/back/ && diff -r {folder}/from {folder}/back; rm -r {folder}",
        gateway.port, gateway.address, gateway.address, gateway.address
    );
    let printed = tokio::task::spawn_blocking(move || host().shell(&script)).await.unwrap().unwrap();
    assert!(printed.contains("Number of regular files transferred: 1\n"), "{printed}");
    assert_eq!(gateway.outcomes(3).await.len(), 3);
}
