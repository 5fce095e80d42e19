//! The broker for SSH (RFC 4251 to 4254): shells, commands, `sftp`, and ports where the record allows it.
//!
//! A connection goes through these parts, each a module: the socket with its limits (`line`), the person's sign-in
//! (`sign_in`), what the client asks for (`client`), the session with our log-in to the target (`session`, `opening`), and
//! one future for each channel (`channel`, `program`, `relay`, `forward`). The library speaks the transport, the
//! authentication protocol and the channels; who comes in and what is passed on is decided here.
//!
//! * The client's user name is `PERSON~RECORD`. The connect secret is taken as a password and in a dialogue; public keys
//!   are those that the door knows. Who signs in is made once, from one attempt (SECURITY-CASES 4 to 8).
//! * A channel is confirmed at once when the session is ready, and after a second all the same, so that the person at a
//!   terminal sees what they wait for. Nothing of theirs reaches the target before the session is on record.
//! * Agents, displays, sockets and ports that the target would forward to the client are refused. Ports that the client
//!   forwards are opened from the target, and only those that the record lists.
//! * After our log-in the account is asked, by a command of one line, which process of the target's sshd serves the
//!   connection (`native`); the guard hears that as the connection's native id, where there is an answer.
//!
//! **Flow control.** The library grants a channel more as soon as data arrive, whoever takes them, and a reader that is not
//! there would stop its whole connection. So everything is taken off its hands at once, counted, and held back where it can
//! be. Towards the client, a channel whose target takes nothing is granted as good as nothing (`client`), and the others go
//! on. Towards the target that cannot be said per channel: above some MB that a client does not take, the target is read more
//! slowly, and then not at all (`opening`), and **the output of other channels of the same connection waits with it**.

mod channel;
mod client;
mod forward;
mod host_key;
mod line;
mod native;
mod opening;
mod outcome;
mod program;
mod relay;
mod serve;
mod session;
mod sign_in;
mod stage;
mod voice;

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mayfly_domain::{ConnectionId, Entropy};
use russh::{
    MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex,
    keys::{Algorithm, EcdsaCurve, HashAlg},
    mac, server,
};

use crate::{
    admission::{Admission, Limits},
    port::{Clock, Door, Tasks},
};

pub use host_key::{HostKey, HostKeyError};
pub use outcome::{Outcome, Stage};
pub use serve::{run, serve};

/// What we call ourselves; no version, which would only help a stranger.
const SOFTWARE: &str = "SSH-2.0-Mayfly";

/// How many attempts a connection has: the one without a secret with which clients ask for the methods, and six more.
const ATTEMPTS_MOST: usize = 7;

/// How long after the attempt its rejection is sent, whatever was wrong (SECURITY-CASES 57 and 58).
const REJECTION_TIME: Duration = Duration::from_millis(300);

/// How much a client may send on a channel before it is told that there is room for more. Smaller than the windows that
/// clients give us (2 MiB), so that what widens theirs is never stuck behind what we do not read.
const WINDOW: u32 = 1024 * 1024;

/// The largest piece of data in one packet, as OpenSSH has it.
const PACKET: u32 = 32 * 1024;

/// A client that is silent for this long is asked whether it is there, and given up after three questions without an answer: after
/// two minutes, which are also what it has to take what was sent.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVES_MOST: u32 = 3;

/// How we exchange keys: with strict order (Terrapin, SECURITY-CASES 63), and against a later quantum computer first.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

/// Encryption that authenticates by itself, so that there is no other to be talked into.
const CIPHERS: &[cipher::Name] = &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM];

/// Never used with those ciphers; the negotiation wants a common one all the same.
const MACS: &[mac::Name] = &[mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM];

/// The signatures that clients may make; our own host key is of the first kind.
const SIGNATURES: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::SkEd25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::SkEcdsaSha2NistP256,
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// The limits of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many clients there may be that have not signed in.
    pub admission: Limits,
    /// How long a client may take from connecting to the end of its sign-in.
    pub sign_in_time: Duration,
    /// How long a client waits for the launch of its session.
    pub launch_time: Duration,
    /// How long a target may take to let us in, and to answer a request.
    pub target_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            admission: Limits::default(),
            sign_in_time: Duration::from_secs(30),
            launch_time: Duration::from_secs(60),
            target_time: Duration::from_secs(10),
        }
    }
}

/// What every connection of one listener shares.
pub struct Context {
    door: Arc<dyn Door>,
    tasks: Arc<dyn Tasks>,
    clock: Arc<dyn Clock>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
    server: Arc<server::Config>,
    admission: Arc<Admission>,
    settings: Settings,
}

/// What a [`Context`] is made of.
pub struct Parts {
    /// Who may come in.
    pub door: Arc<dyn Door>,
    /// Runs a task for each client.
    pub tasks: Arc<dyn Tasks>,
    /// The clock of deadlines.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the ids of connections. The library takes its own from the system.
    pub entropy: Box<dyn Entropy + Send>,
    /// What we prove to be ourselves with.
    pub host_key: HostKey,
    /// The limits.
    pub settings: Settings,
}

impl Context {
    /// The context of a listener.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            door: parts.door,
            tasks: parts.tasks,
            clock: parts.clock,
            entropy: Mutex::new(parts.entropy),
            server: Arc::new(server_config(parts.host_key)),
            admission: Admission::new(parts.settings.admission),
            settings: parts.settings,
        })
    }

    /// The count of clients that have not signed in; [`serve`] takes a slot of it.
    #[must_use]
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// A new connection's id.
    fn connection_id(&self) -> ConnectionId {
        ConnectionId::random(&mut **self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The methods with which one can sign in.
fn methods() -> MethodSet {
    MethodSet::from(&[MethodKind::PublicKey, MethodKind::KeyboardInteractive, MethodKind::Password][..])
}

/// How the library speaks with clients.
fn server_config(host_key: HostKey) -> server::Config {
    let HostKey { key, certificate } = host_key;
    server::Config {
        server_id: SshId::Standard(Cow::Borrowed(SOFTWARE)),
        methods: methods(),
        auth_rejection_time: REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        certificates: certificate.into_iter().collect(),
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Borrowed(SIGNATURES),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            // A small packet cannot become a large one (SECURITY-CASES 78).
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        max_auth_attempts: ATTEMPTS_MOST,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_MOST as usize,
        ..server::Config::default()
    }
}
