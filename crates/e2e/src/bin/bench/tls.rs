//! A PostgreSQL client over TLS, for the legs of the benchmark that are not pgbench.

use anyhow::{Context, Result};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpSocket;
use tokio_postgres::Client;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

/// Where a server is and whom to believe there.
#[derive(Clone)]
pub(crate) struct Address {
    port: u16,
    config: Arc<ClientConfig>,
}

impl Address {
    /// A server on 127.0.0.1 whose certificate is of this authority.
    pub(crate) fn new(port: u16, ca_pem: &str) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self { port, config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()) })
    }

    /// Connects. The task that is returned ends when the connection does.
    pub(crate) async fn connect(&self, user: &str, password: &str) -> Result<(Client, tokio::task::JoinHandle<()>)> {
        self.connect_from(Ipv4Addr::LOCALHOST, user, password).await
    }

    /// As [`Self::connect`], from another address of this machine: a broker counts clients by their addresses.
    pub(crate) async fn connect_from(
        &self,
        source: Ipv4Addr,
        user: &str,
        password: &str,
    ) -> Result<(Client, tokio::task::JoinHandle<()>)> {
        let mut config = tokio_postgres::Config::new();
        config.user(user).password(password).dbname("orders").ssl_mode(SslMode::Require);
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let tcp = socket.connect((Ipv4Addr::LOCALHOST, self.port).into()).await?;
        tcp.set_nodelay(true)?;
        let tls = Tls(Arc::clone(&self.config));
        let (client, connection) = config.connect_raw(tcp, tls).await.context("cannot connect")?;
        let task = tokio::spawn(async move {
            // How it ends is of no interest here, only when.
            let _ = connection.await;
        });
        Ok((client, task))
    }
}

struct Tls(Arc<ClientConfig>);

type Connecting<S> = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Connecting<S>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            Ok(Encrypted(TlsConnector::from(self.0).connect(name, stream).await?))
        })
    }
}

struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Task<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Task<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
