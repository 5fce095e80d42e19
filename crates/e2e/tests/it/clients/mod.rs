//! Real clients through the real binary, to both servers of the testbed: what they print and what the target's own
//! catalogue says is what counts (issue 2, part 6.4).

mod bulk;
mod dump;
mod libpq;
mod pgbench;
mod pool;
mod psql;
mod psycopg2;

use mayfly_e2e::Installation;
use mayfly_e2e::client::Ticket;
use mayfly_e2e::objects::{self, Record};
use mayfly_e2e::terminal::Terminal;
use mayfly_e2e::wait;
use mayfly_testbed::{Flavour, Options, Postgres, PostgresHandle, admin, fixtures};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Runs a test of clients on each server.
macro_rules! on_each_server {
    ($($name:ident => $test:expr;)+) => {$(
        mod $name {
            #[test]
            fn debian_15() {
                $test(mayfly_testbed::Flavour::Debian15);
            }

            #[test]
            fn newer() {
                $test(mayfly_testbed::Flavour::Newer);
            }
        }
    )+};
}
use on_each_server;

/// How long anything may take before the test says that it hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A server, an installation in front of it, and a person's way in. The person's sessions may write.
struct Rig {
    ticket: Ticket,
    _running: mayfly_e2e::Server,
    installation: Installation,
    server: Postgres,
}

impl Rig {
    fn start(flavour: Flavour) -> Self {
        let server = Postgres::start(Options { fsync: false, ..Options::new(flavour) }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let admin = runtime
            .block_on(async {
                fixtures::create(server.handle()).await?;
                admin::create(server.handle(), &fixtures::ROLES, &fixtures::DATABASES).await
            })
            .unwrap();
        let installation = Installation::init().unwrap();
        let running = installation.start().unwrap();
        let record = Record { elevate: Some("readwrite"), linger: "20s", ..Record::new("orders") };
        objects::apply(&installation, server.handle(), &admin, &["alice"], &[(record, None)]).unwrap();
        let ticket = Ticket::get(&installation, "alice", "orders").unwrap();
        Self { ticket, _running: running, installation, server }
    }

    fn server(&self) -> &PostgresHandle {
        self.server.handle()
    }

    /// One statement as the superuser, not through the broker.
    fn directly(&self, database: &str, statement: &str) -> String {
        self.server().psql(&["-d", database, "-c", statement]).unwrap().trim().to_owned()
    }

    /// A client tool that connects as the superuser, not through the broker.
    fn direct_tool(&self, name: &str, database: &str) -> Command {
        let mut command = Command::new(name);
        command.env("PGHOST", self.server().socket_dir()).env("PGPORT", self.server().port().to_string());
        command.env("PGUSER", "postgres").env("PGDATABASE", database);
        command
    }

    /// A file of this rig's that goes with it.
    fn file(&self, name: &str) -> PathBuf {
        self.installation.directory().join(name)
    }

    /// Runs a Python program with the environment of a libpq client.
    fn python(&self, program: &str, database: &str) -> Output {
        let mut command = Command::new("/usr/bin/python3");
        self.ticket.environment(&mut command, database);
        command.arg("-c").arg(program).env("ROWS_FILE", self.file("rows.tsv"));
        run(&mut command)
    }

    /// Waits until the target has the number of sessions of ours that `count` says.
    fn sessions(&self, of: &str, count: u32) {
        let query = format!("select count(*) from pg_stat_activity where usename like 'keeper%' and {of}");
        wait::until(&format!("{count} sessions with {of}"), LIMIT, || {
            Ok(self.directly("postgres", &query) == count.to_string())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", self.installation.log()));
    }

    /// Presses Ctrl-C in a psql at a terminal while a query runs: the query is cancelled, and the same backend goes on.
    fn cancels_by_ctrl_c(&self, prepare: impl FnOnce(&mut Command)) {
        let environment = |command: &mut Command| {
            self.ticket.environment(command, "orders");
            prepare(command);
        };
        let mut terminal = Terminal::run("psql -X -A -t", environment).unwrap();
        terminal.types("create temp table mine (x int);\nselect pg_sleep(600);\n").unwrap();
        self.sessions("state = 'active' and query like 'select pg_sleep%'", 1);
        terminal.types("\x03").unwrap();
        terminal.shows("ERROR:  canceling statement due to user request", LIMIT).unwrap();
        terminal.types("select 'rows: ' || count(*) from mine;\n").unwrap();
        terminal.shows("rows: 0", LIMIT).unwrap();
        terminal.types("\\q\n").unwrap();
        terminal.ends(LIMIT).unwrap();
    }

    /// Expects that everything so far was one session with one account.
    fn was_one_session(&self) {
        let sessions = self.installation.json(&["sessions", "ls"]).unwrap();
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "{sessions}");
        assert_eq!(self.directly("postgres", "select count(*) from pg_roles where rolname like 'keeper%'"), "1");
        let log = self.server().log().unwrap();
        let created = log.lines().filter(|line| line.contains("CREATE ROLE \"keeper")).count();
        assert!(created <= 1, "{created} accounts were made");
    }
}

/// Runs a program to its end and never longer than [`LIMIT`].
fn run(command: &mut Command) -> Output {
    run_with(command, "")
}

fn run_with(command: &mut Command, input: &str) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child, input)
}

/// Feeds a program and waits for its end; kills it when it hangs.
fn finish(mut child: Child, input: &str) -> Output {
    let id = i32::try_from(child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(id).unwrap();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(done);
    guard.join().unwrap();
    output
}

/// What a program printed, if it succeeded.
fn printed(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a program said on standard error when it failed.
fn complained(output: &Output) -> String {
    assert!(!output.status.success(), "it succeeded: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
