//! Somebody who is logged in with the server's own client, which is told what to do on its standard input.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running client. Dropping it logs out. Its functions block.
#[derive(Debug)]
pub struct Session {
    client: Child,
    input: ChildStdin,
    lines: Receiver<Line>,
    asked: u32,
}

/// A line that the client printed.
#[derive(Debug)]
enum Line {
    /// Of an answer.
    Answer(String),
    /// Of what went wrong, with the statement around it.
    Trouble(String),
}

impl Session {
    /// Starts the client and waits until it is logged in.
    pub(super) fn start(mut command: Command, database: &str) -> Result<Self> {
        // It goes on after an error, but not on another connection; errors come where answers do.
        command.args(["--force", "--unbuffered", "--skip-reconnect"]);
        if !database.is_empty() {
            command.arg(format!("--database={database}"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().context("cannot start the client")?;
        let input = client.stdin.take().context("the client has no input")?;
        let (to, lines) = channel();
        read(client.stdout.take().context("the client has no output")?, to.clone(), Line::Answer);
        read(client.stderr.take().context("the client has no errors")?, to, Line::Trouble);
        let mut session = Self { client, input, lines, asked: 0 };
        session.ask("SELECT 'here'")?;
        Ok(session)
    }

    /// Runs statements and returns the rows, a line each with tabs between the fields and `\n` for line breaks in them.
    ///
    /// # Errors
    /// The first error of the server, such as `ERROR 1142 (42000) at line 3: …`; or that the session is gone.
    pub fn ask(&mut self, sql: &str) -> Result<Vec<String>> {
        self.asked += 1;
        // Errors come through another pipe than answers, so the end is said on both: the second statement is a wrong one.
        let end = format!("mayfly-end-{}", self.asked);
        writeln!(self.input, "{sql};\nSELECT '{end}';").map_err(|_| self.gone())?;
        writeln!(self.input, "SELECT 1 FROM `{end}`.`{end}`;").map_err(|_| self.gone())?;
        let (mut rows, mut errors, mut ends) = (Vec::new(), Vec::new(), 0);
        while ends < 2 {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(Line::Answer(line)) if line == end => ends += 1,
                Ok(Line::Answer(line)) => rows.push(line),
                Ok(Line::Trouble(line)) if is_lost(&line) => bail!("the session is gone: {line}"),
                Ok(Line::Trouble(line)) if line.starts_with("ERROR ") && line.contains(&end) => ends += 1,
                Ok(Line::Trouble(line)) if line.starts_with("ERROR ") => errors.push(line),
                Ok(Line::Trouble(_)) => {}
                Err(RecvTimeoutError::Timeout) => bail!("no answer within {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(errors.into_iter().next().map_or_else(|| self.gone(), |error| anyhow!(error)));
                }
            }
        }
        match errors.into_iter().next() {
            None => Ok(rows),
            Some(error) => Err(anyhow!(error)),
        }
    }

    /// The number that the server gave the connection.
    ///
    /// # Errors
    /// As [`Session::ask`].
    pub fn id(&mut self) -> Result<u64> {
        let rows = self.ask("SELECT CONNECTION_ID()")?;
        rows.first().and_then(|row| row.parse().ok()).with_context(|| format!("{rows:?} is no number"))
    }

    /// Whether the server still answers it.
    pub fn is_alive(&mut self) -> bool {
        self.ask("SELECT 'alive'").is_ok()
    }

    /// What is left in the pipes of a client that has ended.
    fn gone(&self) -> anyhow::Error {
        let said: Vec<Line> = self.lines.try_iter().collect();
        anyhow!("the session is gone: {said:?}")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// Whether an error says that there is no connection any more: the client's own 2006 and 2013, and the server's 1927 (killed)
/// and 4031 (idle too long) and 1053 (stopping).
fn is_lost(line: &str) -> bool {
    ["2006", "2013", "1927", "4031", "1053"].iter().any(|number| line.starts_with(&format!("ERROR {number} ")))
}

fn read(from: impl Read + Send + 'static, to: Sender<Line>, kind: fn(String) -> Line) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n') {
            let Ok(line) = line else { return };
            if to.send(kind(String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
        }
    });
}
