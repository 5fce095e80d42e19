//! The one binary: the command line, from arguments to an exit code.
//!
//! A verb is read from the arguments ([`args`]), done ([`verbs`]) by way of the server ([`client`]), and its result printed
//! ([`output`]); what went wrong ([`failure`]) is told on standard error ([`report`]) and becomes the exit code here, in one
//! place.
//!
//! Invariants, stated as absences: no secret is ever an argument, of this program or of one that it runs; nothing is on
//! standard output when a verb fails; no text from elsewhere reaches a terminal unescaped.

mod args;
mod ask;
mod askpass;
mod client;
mod complete;
mod escape;
mod failure;
mod output;
mod report;
mod signed_in;
mod verbs;

use args::{Mayfly, Verb};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;
use client::{Client, SOCKET, Shown, Way};
use failure::{Exit, Failure};
use output::{Format, Output};
use std::alloc::System;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;
use verbs::Context;
use zeroizing_alloc::ZeroAlloc;

/// Memory is wiped when it is let go of. What is ours wipes itself; libraries leave copies of passwords and keys behind in buffers,
/// in futures and in what they were told to send.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    if let Some(socket) = askpass::called() {
        return askpass::answer(&socket);
    }
    // Ends the program where a shell wants something completed.
    CompleteEnv::with_factory(Mayfly::command).complete();
    let mayfly = match Mayfly::try_parse() {
        Ok(mayfly) => mayfly,
        Err(error) => return ExitCode::from(not_understood(&error)),
    };
    let global = mayfly.global;
    let colourless = global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let output = Output::new(global.output, global.quiet, colourless);
    let wrapper = match &mayfly.verb {
        Verb::Db(_) | Verb::Ssh(_) | Verb::Sftp(_) | Verb::Scp(_) | Verb::Rsync(_) => true,
        Verb::Connect(connect) => connect.exec.is_some(),
        _ => false,
    };
    let ran = way(&global, &mayfly.verb).and_then(|way| {
        let client = Client::new(way, &output, global.timeout.map(Duration::from_secs));
        run(&Context { client, output, no_input: global.no_input }, mayfly.verb)
    });
    match ran {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report::failure(&failure, global.output, std::io::stderr().is_terminal() && !colourless);
            let exit = if wrapper { Exit::Wrapper } else { failure.exit() };
            ExitCode::from(exit.code())
        }
    }
}

/// The way to the server that the verb, the options and the environment name.
fn way(global: &args::Global, verb: &Verb) -> Result<Way, Failure> {
    let (named, signing) = match verb {
        Verb::Login(login) => (login.url.as_deref(), true),
        Verb::Logout(logout) => (logout.url.as_deref(), true),
        _ => (None, false),
    };
    // What is done at the server itself is not meant for one that somebody has signed in to.
    let local = matches!(verb, Verb::Server(_) | Verb::Lockdown(_) | Verb::Token(_));
    let socket = if local { global.socket.clone().or_else(|| Some(SOCKET.into())) } else { global.socket.clone() };
    let place = client::place(named.or(global.server.as_deref()), socket.filter(|_| !signing))?;
    client::way(place, global.ca_file.as_deref(), || match &global.token_file {
        _ if signing => Ok(Shown::Nothing),
        Some(file) => ask::secret("token", Some(file), "--token-file", global.no_input).map(Shown::Token),
        None => Ok(Shown::of_environment()),
    })
}

fn run(context: &Context, verb: Verb) -> Result<u8, Failure> {
    // The server uses every processor; a command line client has no use for more than one.
    let mut builder = match verb {
        Verb::Server(args::Server::Run(_)) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(|error| Failure::unexpected(format!("cannot start: {error}")))?;
    runtime.block_on(verbs::run(context, verb))
}

/// Help and version go to standard output and are no failure; anything else is told as the format asks for, which is looked
/// for by hand, since the arguments as a whole were not understood.
fn not_understood(error: &clap::Error) -> u8 {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let format = wanted_format(std::env::args().skip(1), std::env::var("MAYFLY_OUTPUT").ok());
    if asked_for || format == Format::Table {
        // When it cannot be printed, the exit code still says it.
        let _ = error.print();
    } else {
        let text = error.to_string();
        report::failure(&Failure::usage(text.trim_end().trim_start_matches("error: ")), format, false);
    }
    if asked_for { Exit::Done.code() } else { Exit::Usage.code() }
}

/// JSON when the arguments or the environment ask for it in whatever way, else for people.
fn wanted_format(arguments: impl Iterator<Item = String>, environment: Option<String>) -> Format {
    let arguments: Vec<_> = arguments.take_while(|argument| argument != "--").collect();
    let joined = arguments.iter().find_map(|argument| {
        let value = argument.strip_prefix("--output=").or_else(|| argument.strip_prefix("-o"));
        value.filter(|value| !value.is_empty()).map(|value| value.trim_start_matches('=').to_owned())
    });
    let separate =
        arguments.windows(2).find(|pair| pair[0] == "-o" || pair[0] == "--output").map(|pair| pair[1].clone());
    match joined.or(separate).or(environment).as_deref() {
        Some("json") => Format::Json,
        Some("jsonl") => Format::Jsonl,
        Some("yaml") => Format::Yaml,
        _ => Format::Table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(arguments: &str, environment: Option<&str>) -> Format {
        wanted_format(arguments.split(' ').map(str::to_owned), environment.map(str::to_owned))
    }

    #[test]
    fn a_program_gets_a_problem_even_when_its_arguments_are_wrong() {
        for arguments in ["x -o json", "-ojson x", "x --output=json", "--output json x", "-o=json"] {
            assert_eq!(format(arguments, None), Format::Json, "{arguments}");
        }
        assert_eq!(format("x", Some("jsonl")), Format::Jsonl);
        assert_eq!(format("x -oyaml", None), Format::Yaml);
        assert_eq!(format("x -o table", Some("json")), Format::Table);
        assert_eq!(format("db x -- -o json", None), Format::Table);
    }

    #[test]
    fn the_command_line_holds_together() {
        Mayfly::command().debug_assert();
    }
}
