//! Our own authority for the keys of users on hosts (OpenSSH's PROTOCOL.certkeys): one key for each record, so that what is
//! signed for one record opens nothing on a host that trusts another's.
//!
//! Invariants, stated as absences: nothing is signed for a name that is not one of ours, without an address that it is good from,
//! or without an end; what is signed to try a host can do nothing there.

use super::key::SshKey;
use mayfly_domain::{AccountName, Entropy, Failure, FailureClass, Prefix, RecordName, Secret, SessionId, WallTime};
use ring::hmac;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Certificate, PrivateKey};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the derivation of a record's authority is for, so that the seed serves nothing else with the same bytes.
const AUTHORITY_KEY: &[u8] = b"mayfly: ssh user authority of a record, version 1: ";
/// How long what tries a host is good, from the host's clock as it was read just before, and how far before that.
const PROBE_AHEAD: Duration = Duration::from_secs(60);
const PROBE_BEHIND: Duration = Duration::from_secs(30);
/// All that a certificate which tries a host could ever run there.
const PROBE_COMMAND: &str = "exit 1";

/// The authority of one record.
#[derive(Clone)]
pub struct UserAuthority {
    key: Arc<PrivateKey>,
    prefix: Prefix,
}

impl std::fmt::Debug for UserAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserAuthority({})", self.public_line())
    }
}

/// What a host may believe of a session's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateTerms {
    /// The address from which alone it is good: ours, as the host sees it.
    pub from: IpAddr,
    /// From when, by the host's clock.
    pub valid_from: WallTime,
    /// Until when, by the host's clock.
    pub valid_until: WallTime,
    /// Whether ports may be forwarded with it.
    pub forwarding: bool,
}

/// A certificate for the key of a user.
#[derive(Clone)]
pub struct UserCertificate(Arc<Certificate>);

impl std::fmt::Debug for UserCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserCertificate({:?} for {:?})", self.0.key_id(), self.0.valid_principals())
    }
}

impl UserCertificate {
    /// As it stands in a file `…-cert.pub`: one line.
    ///
    /// # Errors
    /// [`FailureClass::Bug`] when it cannot be written so, which no certificate that was signed here is known for.
    pub fn line(&self) -> Result<String, Failure> {
        self.0.to_openssh().map_err(|error| unsigned(&error))
    }

    pub(super) fn certificate(&self) -> Certificate {
        Certificate::clone(&self.0)
    }
}

impl UserAuthority {
    /// The authority of a record: an Ed25519 key derived with HMAC-SHA-256 from the installation's seed and the record's name,
    /// for accounts whose names begin with `prefix`.
    pub fn of_record(seed: &Secret, record: &RecordName, prefix: &Prefix) -> Self {
        let mut derivation = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, seed.expose().as_bytes()));
        derivation.update(AUTHORITY_KEY);
        derivation.update(record.as_str().as_bytes());
        let mut derived = zeroize::Zeroizing::new([0_u8; 32]);
        derived.copy_from_slice(derivation.sign().as_ref());
        Self { key: Arc::new(PrivateKey::from(Ed25519Keypair::from_seed(&derived))), prefix: prefix.clone() }
    }

    /// Its public key as it stands in a file that `TrustedUserCAKeys` names: algorithm and base64, without a comment.
    pub fn public_line(&self) -> String {
        let mut public = self.key.public_key().clone();
        public.set_comment("");
        public.to_openssh().unwrap_or_default().trim_end().to_owned()
    }

    /// Signs the key of a session for its account, and for nothing else.
    ///
    /// # Errors
    /// [`FailureClass::Bug`] for a name that this installation does not make, and for terms that no certificate can hold.
    pub fn certify(
        &self,
        key: &SshKey,
        account: &AccountName,
        session: &SessionId,
        terms: &CertificateTerms,
        entropy: &mut dyn Entropy,
    ) -> Result<UserCertificate, Failure> {
        if !account.is_made_with(&self.prefix) {
            let text = format!("no certificate is signed for {account:?}: it is not a name of an account of ours");
            return Err(Failure::new(FailureClass::Bug, text));
        }
        let mut extensions = vec!["permit-pty"];
        if terms.forwarding {
            extensions.push("permit-port-forwarding");
        }
        let wanted = Wanted { name: account.as_str(), id: session.as_str(), terms, command: None, extensions };
        self.sign(key, &wanted, entropy)
    }

    /// Signs a key that was just made, to try whether a host lets somebody in whom it should not. Where it does, nothing can be
    /// done with it but to run a command that does nothing, from one address, for a minute. `now` is the host's clock.
    ///
    /// # Errors
    /// [`FailureClass::Conflict`] for a name with signs that a host could take for more than one name.
    pub fn probe(
        &self,
        account: &str,
        from: IpAddr,
        now: WallTime,
        entropy: &mut dyn Entropy,
    ) -> Result<(SshKey, UserCertificate), Failure> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte);
        if account.is_empty() || account.starts_with('-') || !account.bytes().all(plain) {
            let text = format!("{account:?} is not a name that a certificate is signed for");
            return Err(Failure::new(FailureClass::Conflict, text));
        }
        let key = SshKey::of_session(&Secret::random(entropy));
        let (valid_from, valid_until) = (now.minus(PROBE_BEHIND), now.plus(PROBE_AHEAD));
        let terms = CertificateTerms { from, valid_from, valid_until, forwarding: false };
        let (id, command, extensions) = ("mayfly record check", Some(PROBE_COMMAND), Vec::new());
        let certificate =
            self.sign(&key, &Wanted { name: account, id, terms: &terms, command, extensions }, entropy)?;
        Ok((key, certificate))
    }

    fn sign(&self, key: &SshKey, wanted: &Wanted<'_>, entropy: &mut dyn Entropy) -> Result<UserCertificate, Failure> {
        let mut nonce = vec![0_u8; 32];
        entropy.fill(&mut nonce);
        let (after, before) = (seconds(wanted.terms.valid_from)?, seconds(wanted.terms.valid_until)?);
        let signed = || {
            let mut builder = Builder::new(nonce, key.public(), after, before)?;
            builder.cert_type(CertType::User)?.key_id(wanted.id)?.valid_principal(wanted.name)?;
            builder.critical_option("source-address", single(wanted.terms.from))?;
            if let Some(command) = wanted.command {
                builder.critical_option("force-command", command)?;
            }
            for extension in &wanted.extensions {
                builder.extension(*extension, "")?;
            }
            builder.sign(&*self.key)
        };
        signed().map(|certificate| UserCertificate(Arc::new(certificate))).map_err(|error| unsigned(&error))
    }
}

/// What is to be signed.
struct Wanted<'a> {
    name: &'a str,
    id: &'a str,
    terms: &'a CertificateTerms,
    /// The only command that it is good for.
    command: Option<&'a str>,
    extensions: Vec<&'a str>,
}

/// One address as a range of addresses, as `source-address` is written.
fn single(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}

fn seconds(time: WallTime) -> Result<u64, Failure> {
    u64::try_from(time.micros().div_euclid(1_000_000))
        .map_err(|_before_1970| Failure::new(FailureClass::Conflict, "a clock shows a time before 1970: set it right"))
}

fn unsigned(_error: &russh::keys::ssh_key::Error) -> Failure {
    Failure::new(FailureClass::Bug, "a certificate for the key of a session could not be made")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);
    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(31).wrapping_add(7);
                *byte = self.0;
            }
        }
    }

    fn authority(seed: &str, record: &str) -> UserAuthority {
        let (seed, record) = (Secret::new(seed.to_owned()), RecordName::parse(record).unwrap());
        UserAuthority::of_record(&seed, &record, &Prefix::default())
    }

    fn terms(forwarding: bool) -> CertificateTerms {
        let at = |seconds: i64| WallTime::from_micros(seconds * 1_000_000);
        let from = "192.0.2.1".parse().unwrap();
        CertificateTerms { from, valid_from: at(1_800_000_000), valid_until: at(1_800_003_660), forwarding }
    }

    fn certify(name: &AccountName, forwarding: bool) -> Result<UserCertificate, Failure> {
        let session = SessionId::random(&mut Counting(3));
        let key = SshKey::of_session(&Secret::new("one".to_owned()));
        authority("seed", "web01").certify(&key, name, &session, &terms(forwarding), &mut Counting(4))
    }

    #[test]
    fn every_record_has_an_authority_of_its_own() {
        let line = |seed, record| authority(seed, record).public_line();
        assert_eq!(line("seed", "web01"), line("seed", "web01"));
        assert_ne!(line("seed", "web01"), line("seed", "web02"));
        assert_ne!(line("seed", "web01"), line("another", "web01"));
        assert!(line("seed", "web01").starts_with("ssh-ed25519 AAAA") && !line("seed", "web01").contains('\n'));
        let shown = format!("{:?}", authority("seed", "web01"));
        assert_eq!(shown, format!("UserAuthority({})", line("seed", "web01")));
    }

    #[test]
    fn a_certificate_says_one_name_one_address_and_an_end() {
        let name = AccountName::random(&Prefix::default(), &mut Counting(2));
        let certificate = certify(&name, false).unwrap().certificate();
        assert_eq!(certificate.cert_type(), CertType::User);
        assert_eq!(certificate.valid_principals(), [name.as_str()]);
        assert_eq!(certificate.key_id(), SessionId::random(&mut Counting(3)).as_str());
        assert_eq!(certificate.valid_after(), 1_800_000_000);
        assert_eq!(certificate.valid_before(), 1_800_003_660);
        let options: Vec<_> = certificate.critical_options().iter().collect();
        assert_eq!(options, [(&"source-address".to_owned(), &"192.0.2.1/32".to_owned())]);
        assert_eq!(certificate.extensions().keys().collect::<Vec<_>>(), ["permit-pty"]);
        let by = authority("seed", "web01").key.public_key().fingerprint(russh::keys::HashAlg::Sha256);
        assert!(certificate.validate_at(1_800_000_001, [&by]).is_ok());
        let with = certify(&name, true).unwrap().certificate();
        assert_eq!(with.extensions().keys().collect::<Vec<_>>(), ["permit-port-forwarding", "permit-pty"]);
    }

    /// SECURITY-CASES 14: nothing that is not a name of ours reaches a principal.
    #[test]
    fn nothing_is_signed_for_a_name_that_is_not_ours() {
        for name in ["root", "keeper_", "keeper_root", "mayfly", "keeper_0000000000000,root", "*", ""] {
            let failure = certify(&AccountName::existing(name), false).unwrap_err();
            assert_eq!(failure.class, FailureClass::Bug, "{name}");
        }
        let other = AccountName::random(&Prefix::parse("other_").unwrap(), &mut Counting(2));
        assert!(certify(&other, false).is_err());
    }

    #[test]
    fn what_tries_a_host_can_do_nothing_there() {
        let now = WallTime::from_micros(1_800_000_000_000_000);
        let probe = |name: &str| authority("seed", "web01").probe(name, "::1".parse().unwrap(), now, &mut Counting(5));
        let certificate = probe("root").unwrap().1.certificate();
        assert!(certificate.extensions().is_empty());
        let options: Vec<_> = certificate.critical_options().values().map(String::as_str).collect();
        assert_eq!(options, ["exit 1", "::1/128"]);
        assert_eq!(certificate.valid_before() - certificate.valid_after(), 90);
        for name in ["", "a,root", "a root", "*", "-o", "a\nroot", "a\0"] {
            assert!(probe(name).is_err(), "{name:?}");
        }
    }
}
