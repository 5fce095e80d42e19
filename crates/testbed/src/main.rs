//! Starts the shared servers, prints the path of their state file (for `MAYFLY_TESTBED`), and holds them until its
//! standard input ends or it is killed. With the arguments `host plain` or `host systemd` it starts a disposable host
//! instead, and prints its name, its address and the process whose namespaces are the host's.

#![allow(clippy::print_stdout, reason = "the line on standard output is what this program is for")]

use std::io::Read as _;

use mayfly_testbed::host::{Flavour, Host, Options};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let running = mayfly_testbed::shared::start()?;
            println!("{}", running.state_file().display());
            hold()
        }
        ["host", "plain"] => hold_host(Flavour::Plain),
        ["host", "systemd"] => hold_host(Flavour::Systemd),
        _ => anyhow::bail!("the arguments are none, `host plain` or `host systemd`"),
    }
}

fn hold_host(flavour: Flavour) -> anyhow::Result<()> {
    let host = Host::start(Options::new(flavour))?;
    println!("{} {} {}", host.name(), host.address(), host.pid());
    hold()
}

fn hold() -> anyhow::Result<()> {
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
