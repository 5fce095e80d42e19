//! Why a connection could not be opened or trusted. The class decides the retry and the text tells a person what to do; the
//! words of the cause, some of which a hostile peer chose, stay in the source chain for the log.

use crate::host_key::{HostKeyFault, SeenHostKey};
use mayfly_domain::{Endpoint, FailureClass};
use std::io;
use std::time::Duration;

/// Why the authorities written down for a target cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesFault {
    /// The text is not PEM.
    #[error("it is not PEM text")]
    NotPem,
    /// No certificate stands in it.
    #[error("it holds no certificate")]
    Empty,
    /// A certificate in it cannot be read as an authority.
    #[error("a certificate in it cannot be read")]
    Unreadable,
}

/// What is wrong with a certificate that a server showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Its end has passed.
    #[error("it has expired")]
    Expired,
    /// Its beginning has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It names other hosts.
    #[error("it is for another host name")]
    WrongName,
    /// No trusted authority signed it.
    #[error("it was not issued by an authority that this record trusts")]
    UnknownIssuer,
    /// Anything else: a broken encoding, a bad signature, a purpose that is not a server's.
    #[error("it is malformed, badly signed or not a server's certificate")]
    Unusable,
}

/// A connection that could not be opened or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host name has no address.
    #[error("cannot resolve the host of {endpoint}")]
    Resolve {
        /// Where to.
        endpoint: Endpoint,
        /// The resolver's error; none when it answered with no address.
        source: Option<io::Error>,
    },
    /// No address of the host took the connection.
    #[error("cannot connect to {endpoint}")]
    Connect {
        /// Where to.
        endpoint: Endpoint,
        /// The error of the address tried last.
        source: io::Error,
    },
    /// The limit was over first.
    #[error("{endpoint} did not answer within {} ms", limit.as_millis())]
    TimedOut {
        /// Where to.
        endpoint: Endpoint,
        /// The limit.
        limit: Duration,
    },
    /// The host is neither a DNS name nor an IP address, so no certificate can name it.
    #[error("{host:?} is not a host name that a certificate can be verified for")]
    HostName {
        /// The host as written down.
        host: String,
    },
    /// The authorities written down for the target cannot be used.
    #[error("the certificate authority text cannot be used: {0}")]
    Authorities(AuthoritiesFault),
    /// The certificate with which we say who we are, or its key, cannot be used. The text quotes neither.
    #[error("the client certificate cannot be used: {0}")]
    Identity(String),
    /// An address that the receiver's name leads to is not allowed.
    #[error("{endpoint} leads to {address}, which is not allowed")]
    NotAllowed {
        /// Where to.
        endpoint: Endpoint,
        /// The address.
        address: std::net::IpAddr,
    },
    /// The TLS library refused its own settings.
    #[error("TLS cannot be set up")]
    Settings(#[source] rustls::Error),
    /// The server's certificate is not trusted.
    #[error("the certificate of {endpoint} is refused: {fault}")]
    Certificate {
        /// Where to.
        endpoint: Endpoint,
        /// What is wrong with it.
        fault: CertificateFault,
        /// The TLS library's error; it may hold names that the peer chose.
        source: io::Error,
    },
    /// What answers does not speak TLS, or not in a way that we do.
    #[error("{endpoint} does not speak TLS as we do")]
    NotTls {
        /// Where to.
        endpoint: Endpoint,
        /// The TLS library's error.
        source: io::Error,
    },
    /// The host's key is not the one that the record trusts.
    #[error("the host key of {endpoint} is refused: {fault}")]
    HostKey {
        /// Where to.
        endpoint: Endpoint,
        /// What is wrong with it.
        fault: Box<HostKeyFault>,
        /// The key that was shown.
        seen: Option<Box<SeenHostKey>>,
    },
    /// What answers does not speak SSH, or not in a way that we do, or ended the exchange.
    #[error("{endpoint} does not speak SSH as we do")]
    NotSsh {
        /// Where to.
        endpoint: Endpoint,
        /// The SSH library's error.
        source: Box<russh::Error>,
    },
    /// The host does not let us in.
    #[error("{endpoint} does not let {user} in")]
    LoginRefused {
        /// Where to.
        endpoint: Endpoint,
        /// As whom.
        user: String,
    },
    /// The connection broke during the TLS handshake.
    #[error("{endpoint} closed the connection during the TLS handshake")]
    Closed {
        /// Where to.
        endpoint: Endpoint,
        /// The error of the socket.
        source: io::Error,
    },
}

impl DialError {
    /// Whose fault it is and whether trying again can help. Nothing secret was sent in any of these cases.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Connect { source, .. } if exhausted(source) => FailureClass::Busy,
            Self::Resolve { .. } | Self::Connect { .. } | Self::TimedOut { .. } | Self::Closed { .. } => {
                FailureClass::Unreachable
            }
            Self::LoginRefused { .. } => FailureClass::CredentialsRefused,
            Self::NotSsh { source, .. } => match **source {
                russh::Error::NoCommonAlgo { .. } | russh::Error::Version => FailureClass::Conflict,
                // Also a host that drops connections while too many are not signed in yet (OpenSSH's MaxStartups).
                _ => FailureClass::Unreachable,
            },
            Self::HostKey { fault, .. } if fault.is_another_host() => FailureClass::IdentityChanged,
            Self::HostKey { .. }
            | Self::HostName { .. }
            | Self::Authorities(_)
            | Self::Identity(_)
            | Self::NotAllowed { .. }
            | Self::Certificate { .. }
            | Self::NotTls { .. } => FailureClass::Conflict,
            Self::Settings(_) => FailureClass::Bug,
        }
    }

    /// What a person is told: what was wrong, where, and what to do. It holds only our words and what an administrator
    /// wrote down, never a peer's.
    pub fn person_text(&self) -> String {
        match self {
            Self::Resolve { endpoint, .. } => {
                format!("cannot find an address for {endpoint}: check the record's `host` and this machine's DNS")
            }
            Self::Connect { endpoint, source } if exhausted(source) => {
                format!("cannot connect to {endpoint}: this machine has no free port or file handle; try again later")
            }
            Self::Connect { endpoint, source } if source.kind() == io::ErrorKind::ConnectionRefused => {
                format!("nothing listens at {endpoint}: check that the server runs and that the port is right")
            }
            Self::Connect { endpoint, .. } => {
                format!("cannot reach {endpoint}: check the address, routes and firewalls between here and there")
            }
            Self::TimedOut { endpoint, limit } => format!(
                "{endpoint} did not answer within {:.1} s: check that it runs and that no firewall drops the packets",
                limit.as_secs_f64()
            ),
            Self::HostName { host } => {
                format!("{host:?} is neither a DNS name nor an IP address: correct the record's `host`")
            }
            Self::Authorities(fault) => format!(
                "the record's `tls.ca` cannot be used: {fault}; give the PEM of the authority that signed the server's certificate"
            ),
            Self::Identity(text) => {
                format!("the client certificate cannot be used: {text}; give the certificate and its key as PEM")
            }
            Self::NotAllowed { endpoint, address } => format!(
                "{endpoint} leads to {address}, an address that is not public: allow private addresses for this receiver if that \
                 is meant; nothing was sent"
            ),
            Self::Settings(_) => "TLS could not be set up here: this is a mistake of ours".to_owned(),
            Self::Certificate { endpoint, fault, .. } => {
                format!("the certificate of {endpoint} is refused: {fault}; {}", remedy(*fault))
            }
            Self::NotTls { endpoint, .. } => format!(
                "what answers at {endpoint} does not speak TLS 1.2 or 1.3: switch TLS on there; nothing secret was sent"
            ),
            Self::HostKey { endpoint, fault, .. } if matches!(**fault, HostKeyFault::Changed { .. }) => format!(
                "the host key of {endpoint} is not the one known: {fault}; if the host was installed anew, compare the \
                 fingerprint on its console and pin it (mayfly record pin); nothing was sent"
            ),
            Self::HostKey { endpoint, fault, .. } => {
                format!("the host key of {endpoint} is refused: {fault}; nothing was sent")
            }
            Self::NotSsh { endpoint, .. } => format!(
                "the SSH exchange with {endpoint} did not come to its end: check that an SSH server answers there, and its log"
            ),
            Self::LoginRefused { endpoint, user } => format!(
                "{endpoint} does not let {user} in: check the credential's login and secret, and that the host allows the way \
                 (key or password)"
            ),
            Self::Closed { endpoint, .. } => {
                format!("{endpoint} closed the connection during the TLS handshake: look into the server's own log")
            }
        }
    }
}

/// Whether an error says that this machine, not the peer, is at its limit.
fn exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL, Errno::AGAIN]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// What to do about a certificate that is refused.
fn remedy(fault: CertificateFault) -> &'static str {
    match fault {
        CertificateFault::Expired => "renew it on the server",
        CertificateFault::NotYetValid => "check the clocks here and there",
        CertificateFault::WrongName => "write the host as the certificate names it, or have one issued for this name",
        CertificateFault::UnknownIssuer => "check that this is the right server, then give its authority in `tls.ca`",
        CertificateFault::Unusable => "have a server certificate issued by the authority in `tls.ca`",
    }
}
