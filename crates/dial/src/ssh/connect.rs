//! Opening an SSH connection: the host's key is judged during the key exchange, before we say who we are.

use super::hold::{Hold, Holdable, Reading};
use super::key::{SshKey, SshLogin};
use super::trust;
use crate::connect::Dialer;
use crate::error::DialError;
use crate::host_key::{HostKeyFault, SeenHostKey};
use mayfly_domain::{Destination, Permit, Secret, Trust};
use russh::client::{self, AuthResult, ChannelOpenHandle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, Disconnect, MethodKind, SshId, cipher};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What we call ourselves; no version, which would only help a stranger.
const SOFTWARE: &str = "SSH-2.0-Mayfly";
/// A host that is silent for this long is asked whether it is there, and given up after two questions without an answer: after
/// half a minute.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVES_MOST: usize = 2;
/// How much a host may send on a channel before it is told that there is room for more. Less than the windows that hosts give
/// us (2 MiB), so that what widens theirs is never stuck for good behind what is held back.
const WINDOW: u32 = 1024 * 1024;
/// How we encrypt, the fastest first: OpenSSH does AES with the processor's own instructions, which halves what a copy costs a host
/// against its ChaCha20. The last three are for old hosts.
const CIPHERS: &[cipher::Name] =
    &[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR, cipher::AES_192_CTR, cipher::AES_128_CTR];
/// Questions of a dialogue that are answered; a host that asks on is not asking for a password.
const QUESTIONS_MOST: usize = 4;

/// What was seen of the host's key during the key exchange.
#[derive(Default)]
struct Seen {
    key: Option<SeenHostKey>,
    fault: Option<HostKeyFault>,
}

/// Judges the host's key; refuses everything that the host wants to open towards us, which is also the library's default
/// for what is not named here.
pub(super) struct Host {
    trust: Trust,
    name: String,
    seen: Arc<Mutex<Seen>>,
    /// Dropped with the connection.
    _open: watch::Sender<()>,
}

impl client::Handler for Host {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let judged = trust::judge(&self.trust, &self.name, key);
        let shown = trust::shown(key);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.key = Some(SeenHostKey {
            algorithm: shown.algorithm().as_str().to_owned(),
            fingerprint: trust::fingerprint(&shown),
        });
        let good = judged.is_ok();
        seen.fault = judged.err();
        Ok(good)
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), russh::Error> {
        reply.reject(russh::ChannelOpenFailure::AdministrativelyProhibited).await;
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), russh::Error> {
        reply.reject(russh::ChannelOpenFailure::AdministrativelyProhibited).await;
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), russh::Error> {
        reply.reject(russh::ChannelOpenFailure::AdministrativelyProhibited).await;
        Ok(())
    }
}

/// An SSH connection that is logged in. Dropping it closes the connection and what runs on it.
pub struct SshConnection {
    pub(super) handle: client::Handle<Host>,
    host_key: SeenHostKey,
    local: SocketAddr,
    hold: Arc<Hold>,
    open: watch::Receiver<()>,
}

impl std::fmt::Debug for SshConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshConnection").field("host_key", &self.host_key).field("local", &self.local).finish()
    }
}

impl SshConnection {
    /// The key that the host proved.
    pub const fn host_key(&self) -> &SeenHostKey {
        &self.host_key
    }

    /// Our end of the connection, as this machine sees it.
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Sets how fast what the host sends is read, on all channels together. For whoever does not get rid of what came already.
    pub fn read(&self, reading: Reading) {
        self.hold.set(reading);
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Returns when the connection is over, also because the host has fallen silent.
    pub async fn closed(&self) {
        let mut open = self.open.clone();
        while open.changed().await.is_ok() {}
    }

    /// Says goodbye and closes the connection.
    pub async fn close(&self) {
        // A host that is gone needs no goodbye.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

fn config(trust: &Trust) -> Arc<client::Config> {
    let mut config = client::Config {
        client_id: SshId::Standard(Cow::Borrowed(SOFTWARE)),
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_MOST,
        window_size: WINDOW,
        nodelay: true,
        ..client::Config::default()
    };
    config.preferred.cipher = Cow::Borrowed(CIPHERS);
    if matches!(trust, Trust::HostAuthority { .. }) {
        config.preferred.host_key_certificates = Cow::Borrowed(&[
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        ]);
    }
    Arc::new(config)
}

impl Dialer {
    /// Opens an SSH connection to `destination` and logs in as `user`, all within `limit`. The host has proved the key that
    /// the destination trusts before our name is sent.
    ///
    /// # Errors
    /// As [`Dialer::connect`]; [`DialError::HostKey`] for a key that is not trusted, [`DialError::NotSsh`] when what answers
    /// does not speak SSH as we do, [`DialError::LoginRefused`] when the host does not let us in.
    pub async fn ssh(
        &self,
        permit: Permit<'_>,
        destination: &Destination,
        user: &str,
        login: &SshLogin,
        limit: Duration,
    ) -> Result<SshConnection, DialError> {
        let work = async {
            let stream = self.connect(permit, destination, limit).await?;
            let local = stream.local_addr().map_err(|source| closed(destination, source))?;
            let (mut handle, host_key, hold, open) = handshake(destination, &destination.trust, stream).await?;
            if !log_in(&mut handle, user, login).await.map_err(|source| not_ssh(destination, source))? {
                let endpoint = destination.endpoint.clone();
                return Err(DialError::LoginRefused { endpoint, user: user.to_owned() });
            }
            Ok(SshConnection { handle, host_key, local, hold, open })
        };
        let timed_out = || DialError::TimedOut { endpoint: destination.endpoint.clone(), limit };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_elapsed| Err(timed_out()))
    }

    /// Reads the key that answers at `destination`, whomever it trusts; nothing is sent there. For an administrator who
    /// compares it with what the host's own console says.
    ///
    /// # Errors
    /// As [`Dialer::ssh`].
    pub async fn ssh_host_key(
        &self,
        permit: Permit<'_>,
        destination: &Destination,
        limit: Duration,
    ) -> Result<SeenHostKey, DialError> {
        // No key has this fingerprint, so the exchange ends once the key has been shown and proved.
        let nobody = Trust::HostKey { fingerprint: String::new() };
        let work = async {
            let stream = self.connect(permit, destination, limit).await?;
            match handshake(destination, &nobody, stream).await {
                Err(DialError::HostKey { seen: Some(seen), .. }) => Ok(*seen),
                Ok((_, seen, ..)) => Ok(seen),
                Err(error) => Err(error),
            }
        };
        let timed_out = || DialError::TimedOut { endpoint: destination.endpoint.clone(), limit };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_elapsed| Err(timed_out()))
    }
}

fn closed(destination: &Destination, source: std::io::Error) -> DialError {
    DialError::Connect { endpoint: destination.endpoint.clone(), source }
}

fn not_ssh(destination: &Destination, source: russh::Error) -> DialError {
    DialError::NotSsh { endpoint: destination.endpoint.clone(), source: Box::new(source) }
}

async fn handshake(
    destination: &Destination,
    trust: &Trust,
    stream: TcpStream,
) -> Result<(client::Handle<Host>, SeenHostKey, Arc<Hold>, watch::Receiver<()>), DialError> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (_open, open) = watch::channel(());
    let host = Host { trust: trust.clone(), name: destination.endpoint.host.clone(), seen: Arc::clone(&seen), _open };
    let hold = Hold::new();
    let stream = Holdable::new(stream, Arc::clone(&hold));
    let connected = client::connect_stream(config(trust), stream, host).await;
    let Seen { key, fault } = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(fault) = fault {
        let (fault, seen) = (Box::new(fault), key.map(Box::new));
        return Err(DialError::HostKey { endpoint: destination.endpoint.clone(), fault, seen });
    }
    let handle = connected.map_err(|source| not_ssh(destination, source))?;
    // The exchange does not end well without a key that was judged.
    let key = key.ok_or_else(|| not_ssh(destination, russh::Error::KexInit))?;
    Ok((handle, key, hold, open))
}

async fn log_in(handle: &mut client::Handle<Host>, user: &str, login: &SshLogin) -> Result<bool, russh::Error> {
    match login {
        SshLogin::Key(key) => log_in_by_key(handle, user, key).await,
        SshLogin::Certificate(key, certificate) => {
            let answer = handle.authenticate_openssh_cert(user, key.private(), certificate.certificate()).await?;
            Ok(answer.success())
        }
        SshLogin::Password(password) => log_in_by_password(handle, user, password).await,
    }
}

async fn log_in_by_key(handle: &mut client::Handle<Host>, user: &str, key: &SshKey) -> Result<bool, russh::Error> {
    let hash = if key.is_rsa() {
        // A host that does not say what it takes is asked with the stronger of the two; the one with SHA-1 is never used.
        handle.best_supported_rsa_hash().await?.flatten().or(Some(HashAlg::Sha512))
    } else {
        None
    };
    Ok(handle.authenticate_publickey(user, key.with_hash(hash)).await?.success())
}

async fn log_in_by_password(
    handle: &mut client::Handle<Host>,
    user: &str,
    password: &Secret,
) -> Result<bool, russh::Error> {
    let remaining = match handle.authenticate_password(user, password.expose()).await? {
        AuthResult::Success => return Ok(true),
        AuthResult::Failure { remaining_methods, .. } => remaining_methods,
    };
    if !remaining.contains(&MethodKind::KeyboardInteractive) {
        return Ok(false);
    }
    let mut answer = handle.authenticate_keyboard_interactive_start(user, None).await?;
    for _ in 0..QUESTIONS_MOST {
        match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                // Only what is typed without echo is a password; anything else gets an empty answer.
                let reply = |echo| if echo { String::new() } else { password.expose().to_owned() };
                let replies = prompts.iter().map(|prompt| reply(prompt.echo)).collect();
                answer = handle.authenticate_keyboard_interactive_respond(replies).await?;
            }
        }
    }
    Ok(false)
}
