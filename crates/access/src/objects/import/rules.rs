//! What the values of fields look like: hosts, log-in names, roles, labels, lengths of time.

use mayfly_domain::{PersonName, RecordName};
use std::net::Ipv6Addr;

/// Whether a text can be shown as it is.
pub(super) fn printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Whether a key can stand in a path as it is.
pub(super) fn plain_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(super) fn person_name(text: &str) -> Result<PersonName, String> {
    PersonName::parse(text).map_err(|error| error.to_string())
}

pub(super) fn record_name(text: &str) -> Result<RecordName, String> {
    RecordName::parse(text).map_err(|error| error.to_string())
}

/// A DNS name or an IP address; nothing that a driver would take for a socket path, a list or an option.
pub(super) fn host(text: &str) -> Result<String, String> {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let dns = !text.is_empty() && text.len() <= 253 && text.bytes().all(name) && !text.starts_with(['-', '.']);
    if dns || text.parse::<Ipv6Addr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("has to be one DNS name or IP address, without port and without brackets".to_owned())
}

/// The name of an account on a target.
pub(super) fn login(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 256 || !printable(text) || text.starts_with('-') || text.trim() != text {
        return Err("has to be an account name of at most 256 bytes, without control characters, spaces around it or a leading `-`".to_owned());
    }
    Ok(text.to_owned())
}

/// An identifier of PostgreSQL: 63 bytes, since the server would cut a longer one silently.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
pub(super) fn identifier(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 63 || !printable(text) {
        return Err("has to be a PostgreSQL name of 1 to 63 bytes without control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// A role to be lifted into.
pub(super) fn role(text: &str) -> Result<String, String> {
    if text.starts_with("arn:") {
        return Err("an ARN names an AWS role, which is not built yet: give a role of this database".to_owned());
    }
    identifier(text)
}

/// An e-mail address, as an attribute for people.
pub(super) fn email(text: &str) -> Result<String, String> {
    if text.len() > 254 || !printable(text) || !text.contains('@') || text.contains(char::is_whitespace) {
        return Err("has to be an e-mail address".to_owned());
    }
    Ok(text.to_owned())
}

/// A length of time as a number with `h`, `m` or `s`, in seconds.
pub(super) fn duration(text: &str) -> Option<u64> {
    let unit = match text.bytes().last()? {
        b'h' => 3600,
        b'm' => 60,
        b's' => 1,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Seconds as people write them.
pub(super) fn show_duration(seconds: u64) -> String {
    match seconds {
        0 => "0s".to_owned(),
        hours if hours % 3600 == 0 => format!("{}h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    }
}

/// PEM of certificate authorities, in one spelling: the text is part of what secrets are bound to, so that line ends and
/// space around it must not make a difference.
pub(super) fn authority(text: &str) -> Result<String, String> {
    if text.len() > 256 * 1024 {
        return Err("is larger than 256 KiB".to_owned());
    }
    if text.contains("PRIVATE KEY") {
        return Err(
            "holds a private key: give only the authority's certificate, and take that key out of use".to_owned()
        );
    }
    if !text.contains("-----BEGIN CERTIFICATE-----") || !text.contains("-----END CERTIFICATE-----") {
        return Err("holds no PEM certificate (`-----BEGIN CERTIFICATE-----`)".to_owned());
    }
    let lines: Vec<_> = text.trim().lines().map(str::trim_end).collect();
    Ok(format!("{}\n", lines.join("\n")))
}
