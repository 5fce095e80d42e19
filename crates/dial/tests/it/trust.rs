//! Believing a server, or not (SECURITY-CASES 61, 62).

use crate::certificates::{Authority, Identity, early, expired, for_clients, serve, serve_plain};
use crate::{AMPLE, destination, secure};
use mayfly_dial::{AuthoritiesFault, CertificateFault, DialError, server_end_point, tls_client_config};
use mayfly_domain::{FailureClass, Trust};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use tokio::io::AsyncReadExt;

const BOTH: [&str; 2] = ["localhost", "127.0.0.1"];

fn full(authority: &Authority) -> Trust {
    Trust::VerifyFull { ca_pem: authority.pem() }
}

fn chain(authority: &Authority) -> Trust {
    Trust::VerifyCa { ca_pem: authority.pem() }
}

/// What a client that demands `trust` of `host` gets from a server with this identity.
async fn outcome(identity: &Identity, host: &str, trust: Trust) -> Result<String, CertificateFault> {
    let server = serve(identity).await;
    match secure(&destination(host, server.port, trust), AMPLE).await {
        Ok(mut connection) => {
            let mut heard = String::new();
            connection.stream.read_to_string(&mut heard).await.unwrap();
            Ok(heard)
        }
        Err(error @ DialError::Certificate { fault, .. }) => {
            assert_eq!(error.class(), FailureClass::Conflict);
            assert!(!error.person_text().contains("evil"), "a peer's words: {}", error.person_text());
            Err(fault)
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn the_right_server_is_believed_by_name_and_by_address() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let identity = authority.issue(&BOTH, |_| ());
    for host in BOTH {
        for trust in [full(&authority), chain(&authority)] {
            assert_eq!(outcome(&identity, host, trust).await.as_deref(), Ok("hello"), "{host}");
        }
    }
}

#[tokio::test]
async fn another_name_is_refused_unless_the_name_was_given_up() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let identity = authority.issue(&["evil.example.com"], |_| ());
    for host in BOTH {
        assert_eq!(outcome(&identity, host, full(&authority)).await, Err(CertificateFault::WrongName), "{host}");
        assert_eq!(outcome(&identity, host, chain(&authority)).await.as_deref(), Ok("hello"), "{host}");
    }
}

/// Giving up the name gives up nothing else.
#[tokio::test]
async fn whatever_else_is_wrong_is_refused_in_both_modes() {
    let (authority, other) = (Authority::new(&PKCS_ECDSA_P256_SHA256), Authority::new(&PKCS_ECDSA_P256_SHA256));
    let cases = [
        (other.issue(&BOTH, |_| ()), CertificateFault::Unusable),
        (authority.issue(&BOTH, expired), CertificateFault::Expired),
        (authority.issue(&BOTH, early), CertificateFault::NotYetValid),
        (authority.issue(&BOTH, for_clients), CertificateFault::Unusable),
    ];
    for (identity, fault) in &cases {
        for trust in [full(&authority), chain(&authority)] {
            let found = outcome(identity, "localhost", trust).await.unwrap_err();
            // Both authorities have one name here, so another's signature shows as a bad one.
            assert_eq!(found, *fault);
        }
    }
}

#[tokio::test]
async fn an_authority_of_another_name_is_unknown() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let identity = Authority::named("evil authority").issue(&BOTH, |_| ());
    for trust in [full(&authority), chain(&authority)] {
        assert_eq!(outcome(&identity, "localhost", trust).await, Err(CertificateFault::UnknownIssuer));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    for answer in [b"HTTP/1.1 400 evil\r\n\r\n".as_slice(), b"E\0\0\0\x20SFATAL\0evil\0\0"] {
        let server = serve_plain(answer).await;
        let error = secure(&destination("localhost", server.port, full(&authority)), AMPLE).await.unwrap_err();
        assert!(matches!(error, DialError::NotTls { .. }), "{error:?}");
        assert_eq!(error.class(), FailureClass::Conflict);
        assert!(!error.person_text().contains("evil"));
    }
    let server = serve_plain(b"").await;
    let error = secure(&destination("localhost", server.port, full(&authority)), AMPLE).await.unwrap_err();
    assert!(matches!(error, DialError::Closed { .. }), "{error:?}");
    assert_eq!(error.class(), FailureClass::Unreachable);
}

#[test]
fn authorities_are_read_whole_or_not_at_all() {
    let good = Authority::new(&PKCS_ECDSA_P256_SHA256).pem();
    let broken = good.replacen("MI", "!!", 1);
    let fault = |ca_pem: &str| match tls_client_config(&Trust::VerifyFull { ca_pem: ca_pem.to_owned() }) {
        Err(error @ DialError::Authorities(fault)) => {
            assert_eq!(error.class(), FailureClass::Conflict);
            fault
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(""), AuthoritiesFault::Empty);
    assert_eq!(fault("hello"), AuthoritiesFault::Empty);
    assert_eq!(fault(&broken), AuthoritiesFault::NotPem);
    assert_eq!(fault(&format!("{good}{broken}")), AuthoritiesFault::NotPem);
    let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(fault(&format!("{good}{not_a_certificate}")), AuthoritiesFault::Unreadable);
    assert!(tls_client_config(&Trust::VerifyFull { ca_pem: format!("{good}{good}") }).unwrap().is_some());
    assert!(tls_client_config(&Trust::Plaintext).unwrap().is_none());
}

#[tokio::test]
async fn a_host_that_is_no_name_is_refused_before_the_handshake() {
    let authority = Authority::new(&PKCS_ECDSA_P256_SHA256);
    let config = tls_client_config(&full(&authority)).unwrap().unwrap();
    let (near, _far) = tokio::io::duplex(64);
    let endpoint = destination("no name", 1, Trust::Plaintext).endpoint;
    let error = mayfly_dial::tls_connect(config, &endpoint, near, AMPLE).await.unwrap_err();
    assert!(matches!(error, DialError::HostName { .. }), "{error:?}");
}

/// RFC 5929 §4.1: the hash is the one of the signature on the certificate, which is the authority's.
#[tokio::test]
async fn the_channel_binding_is_the_certificates_own_hash() {
    use ring::digest::{SHA256, SHA384, digest};
    for (algorithm, hash) in
        [(&PKCS_ECDSA_P256_SHA256, Some(&SHA256)), (&PKCS_ECDSA_P384_SHA384, Some(&SHA384)), (&PKCS_ED25519, None)]
    {
        let authority = Authority::new(algorithm);
        let identity = authority.issue(&BOTH, |_| ());
        let server = serve(&identity).await;
        let connection = secure(&destination("localhost", server.port, full(&authority)), AMPLE).await.unwrap();
        let expected = hash.map(|hash| digest(hash, &identity.certificate).as_ref().to_vec());
        assert_eq!(connection.server_end_point, expected);
        assert_eq!(server_end_point(&identity.certificate), expected);
    }
    assert_eq!(server_end_point(b"not a certificate"), None);
}
