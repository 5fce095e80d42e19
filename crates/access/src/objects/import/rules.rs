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

/// A database of MySQL or MariaDB (MySQL manual, "Identifier Length Limits"; the same for MariaDB).
pub(super) fn mysql_database(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > 64 || !printable(text) || text.trim_end() != text {
        return Err("has to be a database name of 1 to 64 characters, without control characters or spaces at its end"
            .to_owned());
    }
    Ok(text.to_owned())
}

/// A role of MySQL to be lifted into: a name of at most 32 characters, whose host part is `%`.
pub(super) fn mysql_role(text: &str) -> Result<String, String> {
    account_name(text, 32)
}

/// A role of MariaDB to be lifted into, of at most 128 characters.
pub(super) fn mariadb_role(text: &str) -> Result<String, String> {
    account_name(text, 128)
}

/// A database of SQL Server (Transact-SQL reference, "Database identifiers").
pub(super) fn mssql_database(text: &str) -> Result<String, String> {
    if text.is_empty() || text.encode_utf16().count() > 128 || !printable(text) || text.trim() != text {
        return Err("has to be a database name of 1 to 128 characters, without control characters or spaces around it"
            .to_owned());
    }
    Ok(text.to_owned())
}

/// A role of SQL Server to be lifted into: one of the server, or one of a database behind the database's name and a slash.
pub(super) fn mssql_role(text: &str) -> Result<String, String> {
    account_name(text, 300)
}

/// Names of databases or roles of SQL Server with commas between.
pub(super) fn mssql_names(text: &str) -> Result<String, String> {
    if text.len() > 4096 || !printable(text) {
        return Err("has to be names with commas between, without control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn account_name(text: &str, most: usize) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > most || !printable(text) || text.trim() != text {
        return Err(format!(
            "has to be the name of a role, of 1 to {most} characters without control characters or spaces around it"
        ));
    }
    Ok(text.to_owned())
}

/// A local group of a machine to be lifted into: what `groupadd` of any distribution makes.
pub(super) fn group(text: &str) -> Result<String, String> {
    if text.contains('=') {
        return Err(
            "is a distinguished name, so the group of a directory: that needs a linked directory, and is not built yet; \
             give the name of a local group"
                .to_owned(),
        );
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("is a number, which the host's tools would take for the id of a group: give its name".to_owned());
    }
    let good = !text.is_empty() && text.len() <= 32 && text.bytes().all(letter) && !text.starts_with(['-', '.']);
    if good {
        Ok(text.to_owned())
    } else {
        Err("has to be the name of a local group: 1 to 32 of A-Z a-z 0-9 _ - .".to_owned())
    }
}

/// The fingerprint of a host's key in OpenSSH's form: SHA-256 in base64 without padding.
pub(super) fn fingerprint(text: &str) -> Result<String, String> {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    match text.strip_prefix("SHA256:") {
        Some(hash) if hash.len() == 43 && hash.bytes().all(base64) => Ok(text.to_owned()),
        _ => Err("has to be a fingerprint as `ssh-keygen -lf` shows it: `SHA256:` and 43 characters".to_owned()),
    }
}

/// A public key in OpenSSH's form without options, in one spelling: algorithm and base64, the comment left out.
pub(super) fn public_key(text: &str) -> Result<String, String> {
    const WRONG: &str = "has to be a public key as it stands in `id_ed25519.pub`: algorithm, base64, comment";
    if text.contains("PRIVATE KEY") {
        return Err("is a private key: give only the public one (`.pub`), and take that key out of use".to_owned());
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(algorithm), Some(body)) = (words.next(), words.next()) else { return Err(WRONG.to_owned()) };
    let known = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-"];
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let good = known.iter().any(|name| algorithm.starts_with(name)) && !algorithm.contains("cert");
    if !good || !body.starts_with("AAAA") || body.len() > 4096 || !body.bytes().all(base64) || !printable(text.trim()) {
        return Err(WRONG.to_owned());
    }
    Ok(format!("{algorithm} {body}"))
}

/// Public keys, a line each, in one spelling: the text is part of what secrets are bound to.
pub(super) fn public_keys(text: &str) -> Result<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<String> = lines.map(public_key).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err("holds no public key".to_owned());
    }
    Ok(format!("{}\n", keys.join("\n")))
}

/// A host and a port, as clients name them.
pub(super) fn host_and_port(text: &str) -> Result<String, String> {
    let parts =
        text.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse::<u16>().ok().filter(|port| *port > 0)?)));
    match parts {
        Some((name, _)) if host(name.trim_start_matches('[').trim_end_matches(']')).is_ok() => Ok(text.to_owned()),
        _ => Err("has to be `host:port`".to_owned()),
    }
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
