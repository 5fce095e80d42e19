//! The local socket: made with care, served with limits, every caller known by its user id.

use crate::http;
use crate::peer::Peer;
use axum::{Extension, Router};
use mayfly_engine::Tasks;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// How many callers are served at once.
const CALLERS_MOST: usize = 64;
/// How long to wait after the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Makes the socket. One that is left from a run that is over is replaced; one that answers is another server's.
///
/// # Errors
/// A sentence that says what is in the way.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, String> {
    let at = path.display();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    }
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(format!("{at} exists and is not a socket: name another `listen.socket`"));
        }
        if answers(path) {
            return Err(format!("another server answers at {at}"));
        }
        std::fs::remove_file(path).map_err(|error| format!("{at}: {error}"))?;
    }
    let listener = UnixListener::bind(path).map_err(|error| format!("{at}: {error}"))?;
    // Everybody may knock; the handlers decide by user id who may do what.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(|error| format!("{at}: {error}"))?;
    Ok(listener)
}

/// Whether somebody listens at a socket that is there.
fn answers(path: &Path) -> bool {
    #[expect(clippy::disallowed_methods, reason = "looks whether the socket of an earlier run is still somebody's")]
    let answer = std::os::unix::net::UnixStream::connect(path);
    answer.is_ok()
}

/// Serves callers until the task set ends.
pub(crate) async fn serve(listener: UnixListener, router: Router, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(CALLERS_MOST));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tasks.spawn("api caller", async move {
                    caller(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "A caller could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn caller(stream: UnixStream, router: Router) {
    let Ok(credentials) = stream.peer_cred() else { return };
    let peer = Peer::local(credentials.uid(), credentials.pid());
    http::connection(stream, router.layer(Extension(peer))).await;
}
