//! Why the server could not be reached, in words that lead on.

use super::way::Way;
use crate::failure::{Exit, Failure};
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The failure for an error of connecting to `socket`.
pub(super) fn failure(socket: &Path, error: &Error) -> Failure {
    let place = socket.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            let why = "is it running? (`mayfly server run`)";
            let elsewhere = "a server that listens elsewhere is named with --socket or MAYFLY_SOCKET";
            Failure::unexpected(format!("no server answers at {place}: {why}\n{elsewhere}"))
        }
        ErrorKind::PermissionDenied => Failure::own(
            Exit::NotPermitted,
            format!("you may not use the server's socket {place}: {}", who_may(socket)),
        ),
        ErrorKind::InvalidInput => Failure::usage(format!("{place} cannot be the path of a socket: {error}")),
        _ => Failure::unexpected(format!("cannot connect to the server at {place}: {error}")),
    }
}

/// The failure for an error of connecting to a server's address.
pub(super) fn remote(way: &Way, error: &Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there: is the port that of `listen.https`?",
        ErrorKind::TimedOut => "it does not answer: a firewall may be in the way",
        _ => "is the name right, and does this machine reach it?",
    };
    Failure::unexpected(format!("no server answers at {way}: {advice} ({error})"))
}

/// The failure for a handshake of TLS that did not succeed: mostly a certificate that is not believed.
pub(super) fn untrusted(way: &Way, error: &Error) -> Failure {
    let detail = format!(
        "the server at {way} is not believed: {error}\na server with a certificate by its own authority is named together with \
         that authority, ca.pem in its data directory: --ca-file FILE or MAYFLY_CA_FILE"
    );
    Failure::unexpected(detail)
}

/// Who may use the socket: its owner and group, or those of the nearest folder that can be seen.
fn who_may(socket: &Path) -> String {
    let Some(found) = socket.ancestors().find_map(|path| fs::metadata(path).ok()) else {
        return "ask whoever runs the server".to_owned();
    };
    let owner = name("/etc/passwd", found.uid()).unwrap_or_else(|| format!("user id {}", found.uid()));
    let group = name("/etc/group", found.gid()).unwrap_or_else(|| format!("group id {}", found.gid()));
    format!("{owner} and members of the group {group} may; ask to be made one, or use sudo")
}

/// The name of an id in a file such as `/etc/passwd` or `/etc/group`, whose third field it is.
fn name(file: &str, id: u32) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let id = id.to_string();
    text.lines().find(|line| line.split(':').nth(2) == Some(&id))?.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_server_leads_to_starting_one() {
        let failure = failure(Path::new("/run/x.sock"), &ErrorKind::NotFound.into());
        assert_eq!(failure.exit(), Exit::Unexpected);
        let Failure::Own { detail, .. } = failure else { panic!() };
        assert!(
            detail.starts_with("no server answers at /run/x.sock: is it running? (`mayfly server run`)"),
            "{detail}"
        );
    }

    #[test]
    fn a_closed_socket_names_who_may() {
        let failure = failure(Path::new("/nowhere/x.sock"), &ErrorKind::PermissionDenied.into());
        assert_eq!(failure.exit(), Exit::NotPermitted);
        let Failure::Own { detail, .. } = failure else { panic!() };
        assert!(detail.contains("root and members of the group root may"), "{detail}");
    }
}
