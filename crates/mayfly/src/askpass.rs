//! How ssh gets a secret that stands in no argument, no environment and no file: ssh runs the program that `SSH_ASKPASS` names
//! and reads one line from it (ssh(1)). That program is this one under another name. It asks the `mayfly` that runs ssh, over a
//! socket in a folder that only this user can enter.

use std::fs::Permissions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;
use zeroize::Zeroizing;

/// The name under which this program answers ssh.
const NAME: &str = "mayfly-askpass";
/// The socket beside it.
const SOCKET: &str = "secret";
/// The longest secret that is passed on, in bytes.
const SECRET_MOST: u64 = 4096;

/// The socket to ask, if this program was started as the one that ssh asks.
pub(crate) fn called() -> Option<PathBuf> {
    let own = PathBuf::from(std::env::args_os().next()?);
    (own.file_name()? == NAME).then(|| own.with_file_name(SOCKET))
}

/// Gets the secret from the socket and prints it for ssh.
pub(crate) fn answer(socket: &Path) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "asks the `mayfly` that runs ssh, over a socket of its own")]
    let stream = UnixStream::connect(socket);
    let mut secret = Zeroizing::new(Vec::new());
    let passed_on = stream.and_then(|stream| {
        stream.take(SECRET_MOST).read_to_end(&mut secret)?;
        secret.push(b'\n');
        std::io::stdout().write_all(&secret)
    });
    // ssh says that nobody signed in; why the one that runs it is gone, it could not tell.
    if passed_on.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The side that knows the secret.
#[derive(Debug)]
pub(crate) struct Askpass {
    folder: TempDir,
    listener: UnixListener,
    secret: Zeroizing<String>,
}

impl Askpass {
    /// Makes ready to be asked. The folder goes when this is dropped.
    ///
    /// # Errors
    /// When the folder or the socket cannot be made.
    pub(crate) fn new(secret: Zeroizing<String>) -> std::io::Result<Self> {
        let closed = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("mayfly-").permissions(closed).tempdir()?;
        std::os::unix::fs::symlink(std::env::current_exe()?, folder.path().join(NAME))?;
        let listener = UnixListener::bind(folder.path().join(SOCKET))?;
        Ok(Self { folder, listener, secret })
    }

    /// What `SSH_ASKPASS` has to be.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    /// Answers whoever asks, for as long as it is polled: a copy of several files may open several connections.
    pub(crate) async fn serve(&self) {
        let own = rustix::process::getuid().as_raw();
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else { return };
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
                // Whoever does not take it has gone away.
                let _ = stream.write_all(self.secret.as_bytes()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_can_reach_the_secret() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let askpass = Askpass::new(Zeroizing::new("s3cret".to_owned())).unwrap();
        let folder = askpass.program().parent().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(askpass);
        assert!(!folder.exists());
    }
}
