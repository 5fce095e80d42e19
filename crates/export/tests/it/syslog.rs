//! Syslog over TLS to Debian's rsyslog: what it understood is what was sent, in order, whatever happened to it in between; and a
//! receiver that is not the right one gets nothing.

use crate::rig::entries;
use mayfly_dial::ClientIdentity;
use mayfly_domain::{Endpoint, Secret};
use mayfly_export::{Encoding, Entry, Sink, SinkError, Syslog, SyslogSettings};
use mayfly_testbed::Rsyslog;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

const HOST: &str = "gw.example.com";

fn sink(receiver: &Rsyslog, ca: &str, with_certificate: bool) -> Syslog {
    let [_, certificate, key] = receiver.credentials().map(|path| std::fs::read_to_string(path).unwrap());
    let identity = ClientIdentity { certificates: certificate, key: Secret::new(key) };
    let settings = SyslogSettings {
        name: "siem".to_owned(),
        endpoint: Endpoint { host: "localhost".to_owned(), port: receiver.port() },
        ca_pem: ca.to_owned(),
        identity: with_certificate.then_some(identity),
        encoding: Encoding::Json,
        host: HOST.to_owned(),
    };
    Syslog::new(settings).unwrap()
}

fn read(numbers: std::ops::Range<u64>) -> Vec<Entry> {
    entries(numbers).into_iter().map(|entry| Entry::read(entry).unwrap()).collect()
}

/// Waits until the receiver has written that many messages.
async fn wait_for(receiver: &Rsyslog, count: usize) {
    let there = async {
        while receiver.received().unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), there).await;
    assert!(waited.is_ok(), "{} of {count} have come", receiver.received().unwrap().len());
}

#[tokio::test]
async fn a_receiver_that_is_not_ours_understands_every_part() {
    let mut receiver = Rsyslog::new().unwrap();
    let ca = std::fs::read_to_string(&receiver.credentials()[0]).unwrap();
    let sink = sink(&receiver, &ca, true);
    assert!(matches!(sink.deliver(&read(0..1)).await, Err(SinkError::Dial(_))), "nobody listens yet");
    receiver.start().unwrap();
    sink.deliver(&read(0..700)).await.unwrap();
    wait_for(&receiver, 700).await;
    receiver.kill().unwrap();
    assert!(sink.deliver(&read(700..710)).await.is_err());
    receiver.start().unwrap();
    sink.deliver(&read(700..710)).await.unwrap();
    wait_for(&receiver, 710).await;
    let received = receiver.received().unwrap();
    for (message, entry) in received.iter().zip(read(0..710)) {
        assert_eq!(message.text.trim_start(), entry.text());
        assert_eq!((message.priority.as_str(), message.host.as_str(), message.app.as_str()), ("110", HOST, "mayfly"));
        assert_eq!(
            (message.id.as_str(), message.time.replace("+00:00", "Z")),
            ("session.started", entry.at.to_string())
        );
        let data = format!("[mayfly@32473 seq=\"{}\" installation=\"ins_0000000000000000\"", entry.sequence);
        assert!(message.data.contains(&data), "{}", message.data);
    }
    assert_eq!(received.len(), 710);
}

#[tokio::test]
async fn who_is_not_trusted_gets_nothing() {
    let mut receiver = Rsyslog::new().unwrap();
    receiver.start().unwrap();
    let ca = std::fs::read_to_string(&receiver.credentials()[0]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let refused = sink(&receiver, &other, true).deliver(&read(0..1)).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    // The receiver's own demand: without a certificate it takes nothing, and we do not believe that it did.
    assert!(sink(&receiver, &ca, false).deliver(&read(0..1)).await.is_err());
    assert!(receiver.received().unwrap().is_empty());
}

/// What a receiver has not read when it ends was not taken, although it reached its machine.
#[tokio::test]
async fn what_was_not_read_was_not_taken() {
    let prepared = Rsyslog::new().unwrap();
    let [ca, certificate, key] = prepared.credentials();
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", prepared.port())).await.unwrap();
    let sink = sink(&prepared, &std::fs::read_to_string(ca).unwrap(), false);
    let batch = read(0..500);
    let ends_early = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
        stream.read_exact(&mut [0; 10]).await.unwrap();
        // There is more, in its own buffers or the system's: whoever is killed now loses it.
        stream.get_ref().0.readable().await.unwrap();
    };
    let (delivered, ()) = tokio::join!(sink.deliver(&batch), ends_early);
    assert!(matches!(delivered, Err(SinkError::Broken { .. })), "{delivered:?}");
}
