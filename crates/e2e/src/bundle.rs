//! Support bundles, as whoever gets one unpacks it: with tar.

use crate::Installation;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// The files of a bundle.
#[derive(Debug)]
pub struct Bundle(BTreeMap<String, String>);

impl Bundle {
    /// Has `mayfly support bundle` write one, and unpacks it.
    ///
    /// # Errors
    /// What the command line or tar says, and when a file of it is not text or lies outside of the one folder.
    pub fn make(installation: &Installation) -> Result<Self> {
        let folder = tempfile::tempdir_in(installation.directory())?;
        let file = folder.path().join("bundle.tar.gz");
        let path = |path: &std::path::Path| path.to_str().map(str::to_owned).context("a path that is text");
        let arguments = ["support", "bundle", &path(&file)?, "--config", &path(&installation.config())?];
        installation.must(&arguments, "")?;
        let unpacked = folder.path().join("unpacked");
        std::fs::create_dir(&unpacked)?;
        let tar = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&unpacked).output()?;
        ensure!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
        let top: Vec<_> = std::fs::read_dir(&unpacked)?.collect::<std::io::Result<_>>()?;
        ensure!(top.len() == 1, "not one folder: {top:?}");
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(top[0].path())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name.clone(), std::fs::read_to_string(&path).with_context(|| name)?);
        }
        Ok(Self(files))
    }

    /// The names of its files.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// A file of it; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A file of it as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self, name: &str) -> Result<Value> {
        serde_json::from_str(self.text(name)).with_context(|| format!("{name}: {}", self.text(name)))
    }

    /// Everything, for those who search it: names and bytes.
    pub fn places(&self) -> Vec<(String, Vec<u8>)> {
        self.0.iter().map(|(name, text)| (format!("support bundle: {name}"), text.clone().into_bytes())).collect()
    }
}
