//! The `tls-server-end-point` channel binding of RFC 5929 §4.1: the hash of the server's certificate, taken with the hash of
//! the certificate's own signature, or with SHA-256 where that is MD5 or SHA-1.

use ring::digest::{self, Algorithm};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::{oid_registry as oid, prelude::AlgorithmIdentifier};

/// The channel binding of a server whose end-entity certificate, as DER, is `certificate`. `None` when it cannot be read or
/// when its signature algorithm has no single hash (Ed25519), for which the RFC defines no binding.
pub fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let hash = signature_hash(&parsed.signature_algorithm)?;
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

/// The hash to take for a signature algorithm.
fn signature_hash(algorithm: &AlgorithmIdentifier<'_>) -> Option<&'static Algorithm> {
    if let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm) {
        return plain_hash(parameters.hash_algorithm_oid());
    }
    let signature = &algorithm.algorithm;
    let is = |known: &[oid::Oid<'static>]| known.iter().any(|one| one == signature);
    if is(&[
        oid::OID_PKCS1_MD5WITHRSAENC,
        oid::OID_PKCS1_SHA1WITHRSA,
        oid::OID_PKCS1_SHA256WITHRSA,
        oid::OID_SIG_ECDSA_WITH_SHA256,
    ]) {
        Some(&digest::SHA256)
    } else if is(&[oid::OID_PKCS1_SHA384WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA384]) {
        Some(&digest::SHA384)
    } else if is(&[oid::OID_PKCS1_SHA512WITHRSA, oid::OID_SIG_ECDSA_WITH_SHA512]) {
        Some(&digest::SHA512)
    } else {
        None
    }
}

/// The hash itself, where an algorithm names it in its parameters.
fn plain_hash(hash: &oid::Oid<'_>) -> Option<&'static Algorithm> {
    if *hash == oid::OID_HASH_SHA1 || *hash == oid::OID_NIST_HASH_SHA256 {
        Some(&digest::SHA256)
    } else if *hash == oid::OID_NIST_HASH_SHA384 {
        Some(&digest::SHA384)
    } else if *hash == oid::OID_NIST_HASH_SHA512 {
        Some(&digest::SHA512)
    } else {
        None
    }
}
