//! Servers that play the target and write down whatever a client sends to prove who it is: what somebody would run who may
//! edit a record and wants its password.

use anyhow::{Context, Result};
use russh::keys::ssh_key::HashAlg;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, Config, Handler, VerifiedPublicKey, run_stream};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A recording server on 127.0.0.1. It serves for as long as it is kept.
#[derive(Debug)]
pub struct Recorder {
    /// Its port.
    pub port: u16,
    /// The fingerprint of its host key, where it speaks SSH.
    pub host_key: String,
    heard: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What was heard so far.
type Heard = Arc<Mutex<Vec<String>>>;

fn note(heard: &Heard, what: String) {
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(what);
}

impl Recorder {
    /// A server that asks PostgreSQL's clients for their password in the clear (protocol 3.0, `AuthenticationCleartextPassword`).
    ///
    /// # Errors
    /// When there is no port.
    pub async fn postgres() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let heard = Heard::default();
        let notes = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                note(&notes, "connected".to_owned());
                // A client that leaves is no failure of the recorder's.
                let _ = ask_password(stream, &notes).await;
            }
        });
        Ok(Self { port, host_key: String::new(), heard, task })
    }

    /// A server that refuses every proof of SSH's clients and writes it down. Its host key comes of `seed`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn ssh(seed: u8) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
        let host_key = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let config = Arc::new(Config { keys: vec![key], ..Config::default() });
        let heard = Heard::default();
        let notes = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                note(&notes, "connected".to_owned());
                let (config, ear) = (Arc::clone(&config), Ear(Arc::clone(&notes)));
                tokio::spawn(async move {
                    if let Ok(session) = run_stream(config, stream, ear).await {
                        let _ = session.await;
                    }
                });
            }
        });
        Ok(Self { port, host_key, heard, task })
    }

    /// Everything that clients have sent to prove who they are, and that they connected.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn ask_password(mut stream: TcpStream, heard: &Heard) -> Result<()> {
    loop {
        let length = stream.read_u32().await?.checked_sub(4).context("a length")?;
        let mut startup = vec![0; length.min(10_000) as usize];
        stream.read_exact(&mut startup).await?;
        // A request for TLS, or for GSSAPI, has eight bytes: neither is spoken here.
        if length != 4 {
            break;
        }
        stream.write_all(b"N").await?;
    }
    stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await?;
    answer.truncate(read);
    if !answer.is_empty() {
        note(heard, String::from_utf8_lossy(&answer).into_owned());
    }
    Ok(())
}

/// Hears one SSH connection.
struct Ear(Heard);

impl Handler for Ear {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        note(&self.0, format!("{user} {password}"));
        Ok(Auth::reject())
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let key: &PublicKey = key.public_key;
        note(&self.0, format!("{user} {}", key.to_openssh().unwrap_or_default()));
        Ok(Auth::reject())
    }
}
