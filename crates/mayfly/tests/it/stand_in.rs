//! The stand-in of the server: a Unix socket that gives canned answers and remembers what it was asked. And the binary,
//! ready to be run against it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path with query, one blank between them.
    pub(crate) what: String,
    /// The body; null when there was none.
    pub(crate) body: Value,
}

/// A stand-in that listens until it is dropped.
pub(crate) struct StandIn {
    /// A folder of this test's own; the socket is in it.
    pub(crate) folder: TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
    thread: Option<JoinHandle<()>>,
}

/// What is answered: method and path with query, status, body.
pub(crate) type Canned = (&'static str, u16, String);

impl StandIn {
    /// Starts to listen. What is not among the answers is answered with 500 and nothing that the client understands.
    pub(crate) fn start(answers: Vec<Canned>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if !serve(stream.unwrap(), &answers, &log) {
                    return;
                }
            }
        });
        Self { folder, asked, thread: Some(thread) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The binary, with these arguments, against this stand-in.
    pub(crate) fn mayfly(&self, arguments: &[&str]) -> Command {
        let mut command = mayfly(arguments);
        command.env("MAYFLY_SOCKET", self.socket()).env("HOME", self.folder.path());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.mayfly(arguments).output().unwrap())
    }

    /// The same with a text on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.mayfly(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::of(child.wait_with_output().unwrap())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // A connection without a request is the sign to stop.
        drop(UnixStream::connect(self.socket()));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the stand-in failed");
        }
    }
}

/// The binary with nothing of this process's settings in its environment.
pub(crate) fn mayfly(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mayfly"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        if ["MAYFLY_", "PG", "XDG_", "NO_COLOR", "USER", "COLUMNS"].iter().any(|start| text.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Answers one connection. False when there was no request on it.
fn serve(stream: UnixStream, answers: &[Canned], log: &Mutex<Vec<Asked>>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap() == 0 {
        return false;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let what = first.rsplit_once(' ').unwrap().0.to_owned();
    log.lock().unwrap().push(Asked { what: what.clone(), body: serde_json::from_slice(&body).unwrap_or_default() });
    let canned = answers.iter().find(|(path, ..)| *path == what);
    let (status, text) = canned.map_or((500, "not canned"), |(_, status, text)| (*status, text.as_str()));
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", text.len());
    // A client that has gone away already is part of some tests.
    let _ = reader.get_mut().write_all(format!("{head}{text}").as_bytes());
    true
}
