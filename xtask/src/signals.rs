//! Interruption. Ctrl-C, SIGTERM and SIGHUP only raise a flag: what is running gets the signal itself, ends, and the
//! command then puts back what it had changed before it ends too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether somebody asked this command to end.
#[derive(Clone)]
pub(crate) struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    /// Begins to catch the three signals. From here on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("cannot catch signals")?;
        }
        Ok(Self(flag))
    }

    /// True once one of the signals has come.
    pub(crate) fn now(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// An error once one of the signals has come.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.now() { Err(anyhow::anyhow!("interrupted")) } else { Ok(()) }
    }
}
