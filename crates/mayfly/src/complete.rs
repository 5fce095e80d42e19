//! Completion of names: what the shell offers for a record, a person or an object. Names come from the server, are kept for a
//! minute, and come too late after 300 ms: a shell that waits is worse than one that offers nothing.
//!
//! Whoever may not list objects is offered the records that they have connected to from here.

use crate::client::{self, Client, Shown, Way};
use crate::output::{Format, Output};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use mayfly_wire::access::AccessAnswer;
use mayfly_wire::objects::Listed;
use mayfly_wire::paths;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long names are taken from the cache.
const FRESH: Duration = Duration::from_secs(60);
/// How long the server is waited for.
const PATIENCE: Duration = Duration::from_millis(300);
/// The largest cache that is read, in bytes: that of 10,000 objects fits.
const CACHE_MOST: u64 = 4 * 1024 * 1024;
/// The most records that are remembered as connected to.
const USED_MOST: usize = 200;

/// An object that can be named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Named {
    kind: String,
    name: String,
}

/// What people connect to.
const RESOURCES: &[&str] = &["Database", "Machine"];

/// Names of resources.
pub(crate) fn resources() -> ArgValueCandidates {
    of_kinds(RESOURCES)
}

/// Names of records of every kind.
pub(crate) fn records() -> ArgValueCandidates {
    of_kinds(&["Database", "Machine", "Directory", "User"])
}

/// Names of machines.
pub(crate) fn machines() -> ArgValueCandidates {
    of_kinds(&["Machine"])
}

/// Names of databases.
pub(crate) fn databases() -> ArgValueCandidates {
    of_kinds(&["Database"])
}

/// Names of user records.
pub(crate) fn users() -> ArgValueCandidates {
    of_kinds(&["User"])
}

/// Names of people.
pub(crate) fn people() -> ArgValueCandidates {
    of_kinds(&["Person"])
}

/// Objects as `Kind/name`.
pub(crate) fn objects() -> ArgValueCandidates {
    let written = |named: Named| CompletionCandidate::new(format!("{}/{}", named.kind, named.name));
    ArgValueCandidates::new(move || names().into_iter().map(written).collect::<Vec<_>>())
}

/// Files here, and machines with the colon behind which a path on them is written.
pub(crate) fn places() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let typed = current.to_string_lossy();
        let machines = names().into_iter().filter(|named| named.kind == "Machine" && named.name.starts_with(&*typed));
        let machines = machines.map(|named| CompletionCandidate::new(format!("{}:", named.name)));
        machines.chain(PathCompleter::any().complete(current)).collect()
    })
}

fn of_kinds(kinds: &'static [&'static str]) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let fitting = names().into_iter().filter(|named| kinds.contains(&named.kind.as_str()));
        fitting.map(|named| CompletionCandidate::new(named.name)).collect::<Vec<_>>()
    })
}

/// Every name that is known, or can be found out in time.
fn names() -> Vec<Named> {
    let Some(way) = way() else { return Vec::new() };
    let cache = file(&way, "names");
    let kept = cache.as_deref().and_then(|path| read(path, Some(FRESH)));
    let listed = kept.unwrap_or_else(|| {
        let listed = ask(way.clone()).unwrap_or_default();
        // A sign-in that is void counts as one that failed each time it is shown: not at every key.
        if let Some(path) = cache.filter(|_| !listed.is_empty() || way.person().is_some()) {
            write(&path, &listed);
        }
        listed
    });
    if listed.is_empty() {
        return file(&way, "used").and_then(|path| read(&path, None)).unwrap_or_default();
    }
    listed
}

/// Remembers that somebody has connected to a record, to offer it to those who may not list objects.
pub(crate) fn remember(client: &Client, protocol: &str, name: &str) {
    let kind = if protocol == "ssh" { "Machine" } else { "Database" };
    let Some(path) = file(client.way(), "used") else { return };
    let mut used: BTreeSet<Named> = read(&path, None).unwrap_or_default().into_iter().collect();
    if used.len() < USED_MOST && used.insert(Named { kind: kind.to_owned(), name: name.to_owned() }) {
        write(&path, &used.into_iter().collect::<Vec<_>>());
    }
}

/// The way to the server by what the environment and a sign-in say of it: the options of a line that is being typed are not known here.
fn way() -> Option<Way> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let place = client::place(set("MAYFLY_SERVER").as_deref(), set("MAYFLY_SOCKET").map(PathBuf::from)).ok()?;
    let ca = set("MAYFLY_CA_FILE").map(PathBuf::from);
    // Standard input is the shell's: a token that would come from there is done without.
    let shown = || match set("MAYFLY_TOKEN_FILE").filter(|file| file != "-") {
        Some(path) => Ok(std::fs::read_to_string(path)
            .map_or(Shown::Nothing, |text| Shown::Token(Zeroizing::new(text.trim().to_owned())))),
        None => Ok(Shown::of_environment()),
    };
    client::way(place, ca.as_deref(), shown).ok()
}

fn ask(way: Way) -> Option<Vec<Named>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let client = Client::new(way, &Output::new(Format::Json, true, true), None);
    let asked = async { tokio::time::timeout(PATIENCE, listed(&client)).await };
    let listed = runtime.block_on(asked);
    // A name that is still being looked up is nobody's business any more.
    runtime.shutdown_background();
    listed.ok()?
}

/// What may be named: of whoever has signed in what they may open, else every object.
async fn listed(client: &Client) -> Option<Vec<Named>> {
    if client.way().person().is_some() {
        let answer: AccessAnswer = client.get(paths::ACCESS).await.ok()?;
        let named = answer.records.into_iter().map(|access| Named { kind: access.kind, name: access.record });
        return Some(named.collect());
    }
    let listed = client.all::<Listed>(paths::OBJECTS).await.ok()?;
    Some(listed.into_iter().map(|object| Named { kind: object.kind, name: object.name }).collect())
}

/// The file for what is kept of a server, in the user's cache folder
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn file(way: &Way, what: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    let mut hash = DefaultHasher::new();
    (way.to_string(), way.person()).hash(&mut hash);
    Some(folder.join("mayfly").join(format!("{what}-{:016x}.json", hash.finish())))
}

/// What a cache holds, if it is no older than that.
fn read(path: &std::path::Path, fresh: Option<Duration>) -> Option<Vec<Named>> {
    let file = File::open(path).ok()?;
    if let Some(fresh) = fresh {
        // A file from the future is one whose clock was wrong.
        let age = file.metadata().ok()?.modified().ok()?.elapsed().ok()?;
        if age > fresh {
            return None;
        }
    }
    let mut text = String::new();
    file.take(CACHE_MOST).read_to_string(&mut text).ok()?;
    let kept: Vec<Named> = serde_json::from_str(&text).ok()?;
    // A shell takes candidates apart at some characters, none of which a name has.
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    Some(kept.into_iter().filter(|named| plain(&named.kind) && plain(&named.name)).collect())
}

/// Keeps names, for this user alone. A cache that cannot be written is one that is not there.
fn write(path: &std::path::Path, names: &[Named]) {
    let kept = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(std::path::Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(names)?)?;
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    };
    let _ = kept();
}
