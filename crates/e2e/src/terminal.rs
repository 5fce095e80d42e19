//! A person at a terminal: a program under `script`, which gives it a real terminal, fed with what is typed and read as it
//! comes.

use anyhow::{Result, bail, ensure};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The terminal.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// Runs one program with its arguments, written as in a shell, in a terminal, in the environment that `prepare`
    /// completes.
    ///
    /// # Errors
    /// When `script` cannot be started.
    pub fn run(line: &str, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        // The program takes the shell's place: some shells would wait for it, and a Ctrl-C that the program handles would
        // then end the shell, whose status hides the program's.
        let line = format!("exec {line}");
        let mut command = Command::new("script");
        command
            .env("SHELL", "/bin/sh")
            .args(["-q", "-f", "-e", "-c", &line, "/dev/null"])
            .env("TERM", "dumb")
            .env("PAGER", "cat");
        prepare(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take();
        let (sender, output) = channel();
        if let Some(mut stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut buffer = [0_u8; 4096];
                while let Ok(read @ 1..) = stdout.read(&mut buffer) {
                    if sender.send(buffer[..read].to_vec()).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, input, output, seen: String::new() })
    }

    /// Types a text; `\n` is the Enter key and `\x03` Ctrl-C.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn types(&mut self, text: &str) -> Result<()> {
        let Some(input) = self.input.as_mut() else { bail!("the terminal is closed") };
        input.write_all(text.as_bytes())?;
        Ok(input.flush()?)
    }

    /// Waits until this text is shown, and gives what was shown up to and with it since the last call.
    ///
    /// # Errors
    /// With all that was shown when it does not come in time.
    pub fn shows(&mut self, text: &str, limit: Duration) -> Result<String> {
        let end = Instant::now() + limit;
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return Ok(std::mem::replace(&mut self.seen, rest));
            }
            let left = end.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "`{text}` was not shown within {limit:?}; this was:\n{}", self.seen);
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => bail!("`{text}` was not shown; this was:\n{}", self.seen),
            }
        }
    }

    /// Waits for the program to end.
    ///
    /// # Errors
    /// When it does not end in time, or not well.
    pub fn ends(mut self, limit: Duration) -> Result<()> {
        let mut status = None;
        crate::wait::until("the program ends", limit, || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        ensure!(status.is_some_and(|status| status.success()), "the program ended with {status:?}");
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
