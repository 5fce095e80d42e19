//! Certificates that somebody else has signed, as openssl makes them.

use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate of its own for localhost, and its key, both as PEM.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate, by which whoever is given it believes it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one in a folder, in the place of one of that name.
    ///
    /// # Errors
    /// What openssl says.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        let made = Self { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&made.key)
            .arg("-out")
            .arg(&made.certificate)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(made)
    }

    /// The setting by which a server shows it.
    pub fn setting(&self) -> String {
        format!("\n[https]\ncertificate = {:?}\nkey = {{ file = {:?} }}\n", self.certificate, self.key)
    }
}
