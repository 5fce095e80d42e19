//! A receiver of syslog over TLS (RFC 5425). The protocol has no confirmation of single messages, but the end of a connection has one:
//! after our closure alert the receiver, once it has read everything, answers with its own and closes (§4.4). So each batch goes over
//! a connection of its own, and counts as taken only when the receiver has closed it in order.

use super::{Sink, SinkError};
use crate::encode::{Encoding, syslog};
use crate::entry::Entry;
use crate::outlet;
use async_trait::async_trait;
use mayfly_dial::{ClientIdentity, DialError, Dialer, tls_client_config_as, tls_connect};
use mayfly_domain::{Destination, Endpoint, Outlet, Permit, Trust};
use rustls::ClientConfig;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long reaching the receiver may take.
const REACH: Duration = Duration::from_secs(10);
/// How long a batch may take from the first byte to the receiver's confirmation.
const TAKE: Duration = Duration::from_secs(60);

/// Where a receiver is and whom to believe there.
#[derive(Debug)]
pub struct SyslogSettings {
    /// What the sink is called.
    pub name: String,
    /// Host and port.
    pub endpoint: Endpoint,
    /// PEM of the authorities that the receiver's certificate has to come from; it has to name the host too.
    pub ca_pem: String,
    /// The certificate with which we say who we are, where the receiver asks.
    pub identity: Option<ClientIdentity>,
    /// The form of each message's text.
    pub encoding: Encoding,
    /// The host that the messages name as their origin.
    pub host: String,
}

/// A receiver of syslog over TLS.
pub struct Syslog {
    outlet: Outlet,
    destination: Destination,
    tls: Arc<ClientConfig>,
    encoding: Encoding,
    host: String,
}

impl Syslog {
    /// The receiver with these settings. Nothing is opened yet.
    ///
    /// # Errors
    /// [`DialError`] when the authorities, the certificate or the key cannot be used.
    pub fn new(settings: SyslogSettings) -> Result<Self, DialError> {
        let SyslogSettings { name, endpoint, ca_pem, identity, encoding, host } = settings;
        let trust = Trust::VerifyFull { ca_pem };
        let tls = tls_client_config_as(&trust, identity.as_ref())?
            .ok_or(DialError::Authorities(mayfly_dial::AuthoritiesFault::Empty))?;
        Ok(Self { outlet: outlet::named(&name), destination: Destination { endpoint, trust }, tls, encoding, host })
    }

    /// One connection: everything is written, then closed, then the receiver's own end is waited for.
    async fn send(&self, bytes: &[u8]) -> Result<(), SinkError> {
        let endpoint = &self.destination.endpoint;
        let stream = Dialer.connect(Permit::Report(&self.outlet), &self.destination, REACH).await?;
        let mut stream = tls_connect(Arc::clone(&self.tls), endpoint, stream, REACH).await?.stream;
        let sent = async {
            stream.write_all(bytes).await?;
            stream.shutdown().await?;
            ended(stream.read_to_end(&mut Vec::new()).await)
        };
        match tokio::time::timeout(TAKE, sent).await {
            Ok(sent) => sent.map_err(|source| SinkError::Broken { to: endpoint.to_string(), source }),
            Err(_elapsed) => Err(SinkError::Slow { to: endpoint.to_string(), limit: TAKE }),
        }
    }
}

/// Whether the receiver's end of the connection confirms what it read. One that closes without the alert confirms too: the
/// system answers what was not read with a reset, which is another error.
fn ended(end: io::Result<usize>) -> io::Result<()> {
    match end {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Sink for Syslog {
    async fn deliver(&self, entries: &[Entry]) -> Result<(), SinkError> {
        let framed =
            entries.iter().map(|entry| syslog::frame(&syslog::message(entry, &self.host, &self.encoding.line(entry))));
        let bytes: Vec<u8> = framed.flatten().collect();
        self.send(&bytes).await
    }
}
