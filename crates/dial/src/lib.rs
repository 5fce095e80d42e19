//! The only opener of outbound connections: it takes a permit, resolves and connects within a time limit, starts TLS
//! against exactly the authorities that a destination trusts, and says where a secret may go.
//!
//! Invariants, stated as absences: no connection without a [`Permit`](mayfly_domain::Permit); no fallback to plaintext, to
//! the system's authorities or to an unverified certificate; no text of a peer in what people read. A driver that insists on
//! doing TLS itself gets the stream of [`Dialer::connect`] and the configuration of [`tls_client_config`].

mod binding;
mod connect;
mod credentials;
mod error;
mod host_key;
pub mod mysql;
pub mod ssh;
mod tds;
mod tls;
mod trust;

pub use binding::server_end_point;
pub use connect::Dialer;
pub use credentials::{Credential, Credentials};
pub use error::{AuthoritiesFault, CertificateFault, DialError};
pub use tds::{InPrelogin, tls_connect_in_prelogin};
pub use tls::{TlsConnection, tls_connect};
pub use trust::{ClientIdentity, tls_client_config, tls_client_config_as};
