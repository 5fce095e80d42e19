//! Hostile names on a Linux host: groups, as far as a host can have them, and files, directories, links and processes that a
//! session leaves.

use super::{AT_ONCE, NAMES, PERSON, RECORDS, Scene, hostile};
use mayfly_e2e::MachineWorld;
use mayfly_e2e::machine::{MachineRecord, describe};
use mayfly_testbed::host::Flavour;
use mayfly_testbed::hostile_names;
use std::fmt::Write as _;

struct Linux(MachineWorld);

/// Each name is a log-in and the removal of an account with all that it left, which takes a host's tools a second.
fn how_many() -> usize {
    if std::env::var_os("MAYFLY_LONG").is_some() { NAMES } else { 8 * AT_ONCE }
}

fn template(name: &str) -> MachineRecord<'_> {
    MachineRecord { linger: "0s", ..MachineRecord::new(name) }
}

impl Scene for Linux {
    type On = MachineWorld;
    const KIND: &str = "Machine";

    fn target(&self) -> &MachineWorld {
        &self.0
    }

    fn yaml(&self, record: &'static str, name: &str) -> String {
        MachineRecord { elevate: Some(name), ..template(record) }.yaml(&self.0.host).unwrap()
    }

    /// What no `groupadd` makes.
    fn may_be_refused(name: &str) -> bool {
        let portable = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
        let digits = name.chars().all(|char| char.is_ascii_digit());
        !name.chars().all(portable) || name.starts_with(['-', '.']) || name.len() > 32 || digits
    }

    fn visit(&self, record: usize, name: &str, lifted: bool, turn: usize) -> Result<(), String> {
        // The one character that no file's name has, and the two names that every directory has.
        let mut file = name.replace('/', "\u{2215}");
        if [".", ".."].contains(&file.as_str()) {
            file.push('x');
        }
        let file = format!("'{}'", file.replace('\'', "'\\''"));
        let group = if lifted { format!("id -Gn | tr ' ' '\\n' | grep -Fxe '{name}'") } else { "id -G".to_owned() };
        let script = format!(
            "set -e; n={file}; cd /tmp; mkdir -- \"$n\"; : > \"$n/$n\"; ln -s -- /etc/passwd \"$n/-$n\"; ln -s -- .. \"$n/l\"
             : > \"/var/tmp/$n\"; : > \"/dev/shm/$n\"; cd; : > \"./$n\"; mkdir \"d$n\"; mkfifo \"d$n/$n\"
             exec > /dev/null; {group}
             [ {turn} -gt 40 ] || setsid -f bash -c 'exec -a \"$0\" sleep 1000' \"$n\" < /dev/null 2> /dev/null"
        );
        let output = self.0.ssh(PERSON, RECORDS[record], &[&script]).output().unwrap();
        if output.status.success() { Ok(()) } else { Err(describe(&output)) }
    }
}

async fn on(flavour: Flavour, seed: u64) {
    let names = hostile_names(seed, how_many());
    let mut world = MachineWorld::new(flavour, "").unwrap();
    for (file, rest) in [("/etc/group", "x"), ("/etc/gshadow", "!")] {
        let mut text = world.host.run(&["cat", file]).unwrap();
        // Some of them are there already; a name with a colon or a line break would be another line.
        let known: Vec<String> = text.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.contains([':', '\n'])) {
            if !known.contains(name) {
                let id = if file == "/etc/group" { (3000 + at).to_string() } else { String::new() };
                let _ = writeln!(text, "{name}:{rest}:{id}:");
            }
        }
        world.host.write(file, text, if file == "/etc/group" { 0o644 } else { 0o640 }).unwrap();
    }
    world.host.run(&["chgrp", "shadow", "/etc/gshadow"]).unwrap();
    world.settle().unwrap();
    let _running = world.serve(&[PERSON], &RECORDS.map(template), None).unwrap();
    let taken = hostile(&Linux(world), &names).await;
    assert!(taken > 5, "{taken} of {}", names.len());
}

#[tokio::test]
async fn hostile_names_change_nothing_else_without_systemd() {
    on(Flavour::Plain, 12).await;
}

#[tokio::test]
async fn hostile_names_change_nothing_else_with_systemd() {
    on(Flavour::Systemd, 257).await;
}
