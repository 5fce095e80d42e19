//! The processes on a host that are neither an administrator's nor part of a log-in that comes or goes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::entry;

/// Where user ids of people begin on Debian (`UID_MIN` in login.defs(5)).
const FIRST_PERSON: u32 = 1000;

/// The log-in user id of what nobody's log-in has started.
const NOBODY: u32 = u32::MAX;

/// One process of the host.
struct Process {
    name: String,
    command: String,
    parent: u32,
    user: u32,
    group: u32,
    /// Whose log-in started it, as pam_loginuid(8) recorded it; sudo does not change it.
    login: u32,
}

/// Lists what people run, by whatever user it runs now, and the services, which process 1 has for a child.
pub(super) fn read(root: &Path, administrators: &[u32], lines: &mut Vec<String>) -> Result<()> {
    for found in fs::read_dir(root.join("proc")).context("cannot list the host's processes")? {
        let found = found.context("cannot list the host's processes")?;
        let is_process = found.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        // A process that is gone since is none.
        let Some(process) = is_process.then(|| look(&found.path())).flatten() else { continue };
        if is_counted(&process, administrators) {
            let Process { name, command, user, group, login, .. } = &process;
            // sshd writes into its command line how many are about to log in.
            let shown = if *user < FIRST_PERSON || command.is_empty() { name } else { command };
            let login = if *login == NOBODY { "nobody's".to_owned() } else { login.to_string() };
            lines.push(entry("process", &format!("{shown} user {user} group {group} log-in {login}")));
        }
    }
    Ok(())
}

fn is_counted(process: &Process, administrators: &[u32]) -> bool {
    let is_administrators = |uid: u32| uid == 0 || administrators.contains(&uid);
    let is_persons = |uid: u32| uid >= FIRST_PERSON && uid != NOBODY && !is_administrators(uid);
    if is_persons(process.user) || is_persons(process.login) {
        return true;
    }
    process.parent == 1 && !is_administrators(process.login) && !administrators.contains(&process.user)
}

fn look(process: &Path) -> Option<Process> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let fields: BTreeMap<&str, &str> = status.lines().filter_map(|line| line.split_once(":\t")).collect();
    let first = |field: &str| fields.get(field)?.split_whitespace().next();
    if first("State")? == "Z" {
        return None;
    }
    let command = fs::read(process.join("cmdline")).ok()?;
    let login = fs::read_to_string(process.join("loginuid")).ok().and_then(|uid| uid.trim().parse().ok());
    Some(Process {
        name: (*fields.get("Name")?).to_owned(),
        command: String::from_utf8_lossy(&command).replace('\0', " ").trim_end().chars().take(200).collect(),
        parent: first("PPid")?.parse().ok()?,
        user: first("Uid")?.parse().ok()?,
        group: first("Gid")?.parse().ok()?,
        // A kernel without auditing records none.
        login: login.unwrap_or(NOBODY),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(parent: u32, user: u32, login: u32) -> Process {
        Process { name: "sh".into(), command: "sh -c x".into(), parent, user, group: user, login }
    }

    #[test]
    fn what_a_person_started_counts_whoever_it_runs_as() {
        for counted in [process(50, 2000, 2000), process(50, 0, 2000), process(50, 2000, NOBODY), process(1, 0, 2000)] {
            assert!(is_counted(&counted, &[1000]));
        }
    }

    #[test]
    fn services_count_and_log_ins_of_administrators_do_not() {
        assert!(is_counted(&process(1, 0, NOBODY), &[1000]));
        assert!(is_counted(&process(1, 1, NOBODY), &[1000]));
        for left_out in [process(1, 0, 0), process(1, 1000, 1000), process(50, 0, 1000), process(50, 0, NOBODY)] {
            assert!(!is_counted(&left_out, &[1000]));
        }
        assert!(is_counted(&process(1, 1000, 1000), &[]));
    }

    #[test]
    fn one_reads_oneself() {
        let own = look(Path::new("/proc/self")).unwrap();
        assert_eq!(own.user, rustix::process::getuid().as_raw());
        assert!(!own.command.is_empty());
        assert!(look(Path::new("/proc/none")).is_none());
    }
}
