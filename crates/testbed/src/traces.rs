//! A receiver of traces over OTLP/HTTP. Debian 12 has no OpenTelemetry collector, so this stands in for one: a small server in Python that
//! decodes what it gets with OpenTelemetry's own package of the protocol, `opentelemetry-proto` (Apache-2.0).

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::certificates::Certificates;
use crate::watchdog::{Watchdog, until, wait};
use crate::{cache, command, scratch};

const DEADLINE: Duration = Duration::from_secs(60);
const FETCH_DEADLINE: Duration = Duration::from_secs(300);
const PACKAGE: &str = "opentelemetry-proto==1.45.2";

/// A running stand-in for a collector on 127.0.0.1, over TLS with a certificate of its own authority for `localhost`.
#[derive(Debug)]
pub struct TraceReceiver {
    port: u16,
    process: Child,
    watchdog: Watchdog,
}

impl TraceReceiver {
    /// Fetches the package where that was not done yet, and starts a receiver that answers 200.
    ///
    /// # Errors
    /// When Python or pip is missing, or it does not start; the text has its log.
    pub fn start() -> Result<Self> {
        Self::start_with(true)
    }

    /// As [`TraceReceiver::start`], over plain HTTP.
    ///
    /// # Errors
    /// As [`TraceReceiver::start`].
    pub fn start_plain() -> Result<Self> {
        Self::start_with(false)
    }

    fn start_with(tls: bool) -> Result<Self> {
        let packages = packages()?;
        let watchdog = Watchdog::start(&scratch::directory("traces")?, "TERM")?;
        let directory = watchdog.directory().to_owned();
        let certificates = Certificates::generate()?;
        let mut files =
            vec![("receiver.py", include_str!("traces.py")), ("answer", "200"), ("ca.crt", &certificates.ca)];
        if tls {
            files.extend([("server.crt", &*certificates.certificate), ("server.key", &*certificates.key)]);
        }
        for (name, content) in files {
            fs::write(directory.join(name), content).with_context(|| format!("cannot write {name}"))?;
        }
        let port = scratch::free_port()?;
        let log_path = directory.join("receiver.log");
        let log = File::create(&log_path).context("cannot make the log")?;
        let mut process = Command::new("python3")
            .arg("receiver.py")
            .arg(port.to_string())
            .env("PYTHONPATH", packages)
            .current_dir(&directory)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start python3")?;
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

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the certificate of its authority is.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.watchdog.directory().join("ca.crt")
    }

    /// What it answers from now on: a status, and perhaps what `Retry-After` says.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn answer(&self, answer: &str) -> Result<()> {
        let path = self.watchdog.directory().join("answer");
        let fresh = path.with_extension("new");
        fs::write(&fresh, answer).and_then(|()| fs::rename(&fresh, &path)).context("cannot write the answer")
    }

    /// What it has got so far: `fault`, `status`, `path`, `headers` and `request` of each message.
    ///
    /// # Errors
    /// When that is not JSON.
    pub fn received(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.watchdog.directory().join("received")).unwrap_or_default();
        // The last line may be being written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).context("not JSON")).collect()
    }
}

impl Drop for TraceReceiver {
    fn drop(&mut self) {
        self.watchdog.end();
        wait(&mut self.process, DEADLINE);
    }
}

/// The unpacked package in the cache.
fn packages() -> Result<PathBuf> {
    cache::get(&PACKAGE.replace("==", "-"), |work| {
        let packages = work.join("packages");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--target"]).arg(&packages).arg(PACKAGE);
        command::output(&pip, FETCH_DEADLINE).with_context(|| format!("cannot fetch {PACKAGE}"))?;
        Ok(packages)
    })
}
