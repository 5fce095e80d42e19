//! Debian's podman with a storage of its own, which goes with everything that runs in it. No registry is asked for anything: the base of
//! images is made of Debian's packages, as the roots of hosts are.
//!
//! Everything runs below one process, the first of a pid namespace, so that containers end with it, however this process ends. What of
//! a real machine is missing where tests run is left out: no container has cgroups, and nothing starts health checks by itself, which
//! takes systemd; `podman healthcheck run` does one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::host::base::{LEFT_OUT, RELEASE, apt_settings, sources};
use crate::watchdog::{Watchdog, until, wait};
use crate::{cache, command, scratch};

/// What an image of Mayfly needs beside the essential packages.
const PACKAGES: &str = "ca-certificates";
/// The name of the base in the storage.
pub const BASE: &str = "localhost/debian";
/// A build takes a minute where the packages come from far away.
const BUILD_DEADLINE: Duration = Duration::from_secs(900);
/// How long the first process may take to be ready, or to end.
const DEADLINE: Duration = Duration::from_secs(30);

/// Becomes the first process. podman keeps a note of blobs where the machine's own would be; and crun of Debian 12 takes control groups of
/// one version or the other, and not both at once.
const FIRST: &str = "mount -t tmpfs mayfly /var/lib; \
    if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; : > ready; exec sleep infinity";

/// A podman of one's own. Its containers and its storage go when it is dropped.
#[derive(Debug)]
pub struct Podman {
    first: Child,
    watchdog: Watchdog,
}

impl Podman {
    /// Prepares a storage with [`BASE`] in it. The first time on a machine the base is built.
    ///
    /// # Errors
    /// When this is not root, a program is missing, or the base cannot be built.
    pub fn start() -> Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "containers are made of namespaces and mounts and need root");
        let base = base()?;
        let watchdog = Watchdog::start(&scratch::directory("podman")?, "KILL")?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["--", "sh", "-euc", FIRST]).current_dir(watchdog.directory()).stdin(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let first = command.spawn().context("cannot start unshare")?;
        let mut started = Self { first, watchdog };
        let ready = started.watchdog.directory().join("ready");
        let mut ended = false;
        until(DEADLINE, || {
            ended = !matches!(started.first.try_wait(), Ok(None));
            ended || ready.exists()
        });
        ensure!(!ended && ready.exists(), "the first process of containers did not start");
        started.must(&["import", "--quiet", base.to_str().context("a path that is text")?, BASE])?;
        Ok(started)
    }

    /// Runs podman with these arguments.
    ///
    /// # Errors
    /// When it cannot be run at all; its failure is in the output.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let directory = self.watchdog.directory();
        let namespace = |name: &str| format!("/proc/{}/ns/{name}", self.first.id());
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount={}", namespace("mnt"))).arg(format!("--pid={}", namespace("pid_for_children")));
        command.args(["--", "podman", "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]);
        for (option, folder) in [("--root", "storage"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(option).arg(directory.join(folder));
        }
        command.args(arguments).current_dir(directory).stdin(Stdio::null());
        command.output().context("podman cannot be run: is it installed?")
    }

    /// Runs podman and expects success; answers what it printed.
    ///
    /// # Errors
    /// What it wrote to standard error when it fails.
    pub fn must(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "podman {} ended with {}: {said}", arguments.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Builds an image from a container file, with files from the folder `context`, on [`BASE`].
    ///
    /// # Errors
    /// What podman says.
    pub fn build(&self, file: &Path, context: &Path, arguments: &[(&str, &str)], tag: &str) -> Result<()> {
        let path = |path: &Path| path.to_str().map(str::to_owned).context("a path that is text");
        let base = format!("BASE={BASE}");
        let (file, context) = (path(file)?, path(context)?);
        let mut all =
            vec!["build", "--quiet", "--format=docker", "--isolation=chroot", "--pull=never", "--layers=false"];
        all.extend(["--build-arg", &base, "--file", &file, "--tag", tag]);
        let given: Vec<String> = arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.extend(given.iter().flat_map(|given| ["--build-arg", given.as_str()]));
        all.push(&context);
        self.must(&all).map(drop)
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.first.kill();
        wait(&mut self.first, DEADLINE);
        self.watchdog.end();
    }
}

/// The archive of the base, built if it is not in the cache.
fn base() -> Result<PathBuf> {
    let recipe = [RELEASE, PACKAGES, &LEFT_OUT.join(" ")].join("\n");
    let key: String = Sha256::digest(recipe).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    cache::get(&format!("image-{key}.tar"), |work| {
        let settings = work.join("apt.conf");
        fs::write(&settings, apt_settings()?).context("cannot write apt's settings")?;
        let made = work.join("base.tar");
        // What it mounts goes with its processes.
        let mut build = Command::new("unshare");
        build.args(["--mount", "--propagation=private", "mmdebstrap"]);
        build.args(["--mode=root", "--format=tar", "--variant=minbase", "--dpkgopt=force-unsafe-io"]);
        build.arg(format!("--include={PACKAGES}"));
        build.args(LEFT_OUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
        build.arg(format!("--aptopt={}", settings.display())).arg(RELEASE).arg(&made).args(sources()?);
        command::output(&build, BUILD_DEADLINE).context("cannot build the base of images")?;
        Ok(made)
    })
}
