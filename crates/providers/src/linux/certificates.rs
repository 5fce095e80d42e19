//! Log-in by a certificate of the record's own authority: what a certificate for an account says, the lines with which sshd
//! believes it, and the try that it believes it for nobody else.

use super::payload::{ACCOUNT, Frozen};
use crate::check::{CheckReport, Level};
use crate::services::Services;
use mayfly_dial::DialError;
use mayfly_dial::ssh::{CertificateTerms, SshLogin, UserAuthority};
use mayfly_domain::{Administration, Destination, Failure, Payload, Permit, Prefix, WallTime};
use std::net::IpAddr;
use std::time::Duration;

/// The file in which the lines that are printed put the authorities of records.
const AUTHORITIES: &str = "/etc/ssh/mayfly_authorities.pub";
/// How long one try of a log-in may take.
const TRY_LIMIT: Duration = Duration::from_secs(15);

/// What a certificate for the account of a session says, where the host was seen to trust the record's authority when the session
/// was surveyed; `None` where a key was placed instead, and for every other change, of this provider or another.
///
/// # Errors
/// When the payload cannot be read by this build.
pub fn certificate_terms(payload: &Payload) -> Result<Option<CertificateTerms>, Failure> {
    if payload.kind != ACCOUNT {
        return Ok(None);
    }
    let Frozen::AccountV1(account) = Frozen::read(payload)? else { return Ok(None) };
    Ok(account.certificate.map(|certified| CertificateTerms {
        from: certified.from,
        valid_from: certified.valid_from,
        valid_until: account.valid_until,
        forwarding: account.forwarding,
    }))
}

/// The command that puts the record's authority where [`lines`] let sshd find it.
pub(super) fn installation(authority: &str) -> String {
    format!("echo '{authority}' >> {AUTHORITIES}")
}

/// The lines of sshd_config(5) with which our accounts come in by such a certificate, from our address, and in no other way.
/// `AuthorizedPrincipalsFile none` is not among them: within a `Match` block OpenSSH takes that for a file.
pub(super) fn lines(prefix: &Prefix, from: IpAddr) -> Vec<String> {
    vec![
        format!("Match User {}*", prefix.as_str()),
        format!("    TrustedUserCAKeys {AUTHORITIES}"),
        "    AuthorizedKeysFile none".to_owned(),
        format!("    AllowUsers *@{from}"),
        "    PasswordAuthentication no".to_owned(),
        "    KbdInteractiveAuthentication no".to_owned(),
    ]
}

/// Whom the host must not let in by a certificate of the record's authority.
pub(super) struct Others<'a> {
    /// The administrative account.
    pub(super) admin: &'a str,
    /// Somebody else of the host's own; empty when there is nobody.
    pub(super) other: &'a str,
}

/// Tries to come in as root, as the administrative account and as somebody else of the host's, each with a certificate that could
/// do nothing there, and reports who was let in.
pub(super) async fn try_others(
    services: &Services,
    by: &Administration,
    destination: &Destination,
    authority: &UserAuthority,
    seen: (IpAddr, WallTime),
    others: &Others<'_>,
    report: &mut CheckReport,
) {
    let mut names = vec!["root"];
    for name in [others.admin, others.other] {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    let (mut refused, mut accepted) = (Vec::new(), Vec::new());
    for name in names {
        let shown = name.escape_default().to_string();
        match try_one(services, by, destination, authority, seen, name).await {
            Ok(true) => accepted.push(shown),
            Ok(false) => refused.push(shown),
            Err(text) => {
                let what = format!("whether a certificate of this record's authority opens {shown} too: {text}");
                report.add(Level::NotTried, what, Vec::new());
            }
        }
    }
    if !accepted.is_empty() {
        let what = format!(
            "a certificate of this record's authority opens {} too, and not only our accounts: sshd must trust the authority \
             within the lines `Match User` alone. Take every other `TrustedUserCAKeys` that names its file out of sshd's settings, \
             and its key out of every other file",
            accepted.join(", ")
        );
        report.add(Level::Excess, what, Vec::new());
    }
    if !refused.is_empty() {
        report.ok(format!("tried: a certificate of this record's authority does not open {}", refused.join(", ")));
    }
}

/// Whether the host lets `name` in by a certificate of the authority; an error says why that is not known.
async fn try_one(
    services: &Services,
    by: &Administration,
    destination: &Destination,
    authority: &UserAuthority,
    (from, now): (IpAddr, WallTime),
    name: &str,
) -> Result<bool, String> {
    let probe = authority.probe(name, from, now, &mut **services.entropy());
    let (key, certificate) = probe.map_err(|failure| failure.text)?;
    let login = SshLogin::Certificate(key, certificate);
    match services.dialer.ssh(Permit::Inspect(by), destination, name, &login, TRY_LIMIT).await {
        Ok(connection) => {
            connection.close().await;
            Ok(true)
        }
        Err(DialError::LoginRefused { .. }) => Ok(false),
        Err(error) => Err(error.person_text()),
    }
}
