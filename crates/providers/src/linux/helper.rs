//! What installs the helper on a host: one shell script with everything in it, for an administrator to look at and run as root. Its
//! text is fixed; what belongs to the record stands in it as quoted words.

use super::Linux;
use super::connection::Admin;
use super::script;
use super::settings::Settings;
use super::survey::check_name;
use crate::check::HelperRequest;
use crate::manual::quoted;
use mayfly_dial::ssh::SshLogin;
use mayfly_domain::{Administration, Failure, FailureClass, Permit};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_secs(15);
const INSTALL: &str = include_str!("sh/install.sh");

/// The script for the place of a request.
///
/// # Errors
/// When the credential cannot be read or cannot be limited to a helper, when the host does not answer and no address of ours is
/// given, and for settings or names that no host takes.
pub(super) async fn install(linux: &Linux, by: &Administration, request: &HelperRequest) -> Result<String, Failure> {
    let (permit, place) = (Permit::Inspect(by), &request.place);
    let services = linux.pool.services();
    let credential = services.credentials.fetch(permit, &place.credential, &place.destination).await?;
    let key = match SshLogin::of_secret(&credential.secret)? {
        SshLogin::Key(key) | SshLogin::Certificate(key, _) => Some(key.public_line()),
        SshLogin::Password(_) => None,
    };
    let login = credential.login.as_str();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if login.is_empty() || login.starts_with('-') || !login.bytes().all(plain) {
        return Err(conflict(format!("{login:?} has signs that a rule of sudo could not be written for")));
    }
    if login == "root" && key.is_none() {
        let text = "whoever logs in as root with a password has a shell: give the administrative credential a key";
        return Err(conflict(text.to_owned()));
    }
    let conf = configuration(request)?;
    let from = match request.from {
        Some(from) => from,
        None => our_address(linux, by, request).await?,
    };
    let accounts: BTreeSet<&str> = request.served.iter().filter_map(|served| served.existing.as_deref()).collect();
    let accounts: Vec<&str> = accounts.into_iter().collect();
    let mut text = format!(
        "#!/bin/sh\n# Limits what Mayfly's administrative log-in may do on the host of {record}. Run it there as root.\nset -eu\n",
        record = request.record
    );
    for (name, value) in [
        ("record", request.record.as_str()),
        ("login", login),
        ("key", key.as_deref().unwrap_or_default()),
        ("from", &from.to_string()),
        ("prefix", request.prefix.as_str()),
        ("accounts", &accounts.join("\n")),
    ] {
        let _ = writeln!(text, "{name}={}", quoted(value));
    }
    for (name, content) in [("conf_text", conf), ("helper_text", script::helper())] {
        let _ = write!(text, "{name}() {{\n    cat << 'END_OF_MAYFLY_TEXT'\n{content}END_OF_MAYFLY_TEXT\n}}\n");
    }
    text.push_str(INSTALL);
    text.push_str("main < /dev/null\n");
    Ok(text)
}

/// Those lines of the helper's configuration that do not depend on the host: what the records that lead there need.
fn configuration(request: &HelperRequest) -> Result<String, Failure> {
    let mut lines = BTreeSet::new();
    for served in &request.served {
        let settings = Settings::read(&served.settings)?;
        lines.insert(format!("ids {} {}", settings.id_least, settings.id_most));
        lines.insert(format!("shell {}", settings.shell));
        lines.extend(settings.places().into_iter().map(|place| format!("swept {place}")));
        if let Some(group) = &served.elevate {
            check_name(group, "a group")?;
            lines.insert(format!("group {group}"));
        }
        if let Some(account) = &served.existing {
            check_name(account, "an account")?;
        }
    }
    lines.extend(request.claimed.iter().map(|installation| format!("installation {installation}")));
    let lines: Vec<String> = lines.into_iter().collect();
    Ok(format!(
        "# What Mayfly's helper takes, and nothing else. Written by what `mayfly record install-helpers {}` prints.\n\
         installation {}\nprefix {}\n{}\n",
        request.record,
        request.installation,
        request.prefix.as_str(),
        lines.join("\n")
    ))
}

/// The address from which the host sees us come; where we cannot log in yet, our end of a connection to it.
async fn our_address(linux: &Linux, by: &Administration, request: &HelperRequest) -> Result<IpAddr, Failure> {
    let (permit, services) = (Permit::Inspect(by), linux.pool.services());
    if let Ok(admin) = Admin::connect_to_any_helper(services, permit, &request.place).await {
        return Ok(admin.facts.from);
    }
    let connected = services.dialer.connect(permit, &request.place.destination, CONNECT_LIMIT).await;
    let stream = connected.map_err(|error| Failure::new(error.class(), error.person_text()))?;
    let address = stream.local_addr().map_err(|_closed| {
        Failure::new(FailureClass::Unreachable, "the connection to the host broke: give our address with --from")
    })?;
    Ok(address.ip())
}

fn conflict(text: String) -> Failure {
    Failure::new(FailureClass::Conflict, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::{CredentialRef, Destination, Endpoint, InstallationId, Place, Prefix, RecordName, Trust};

    /// What a lost installation left is removed through the helper too, once it was claimed.
    #[test]
    fn claimed_installations_are_listed() {
        let id = |last: char| InstallationId::parse(&format!("ins_000000000000000{last}")).unwrap();
        let record = RecordName::parse("web01").unwrap();
        let endpoint = Endpoint { host: "web01".to_owned(), port: 22 };
        let request = HelperRequest {
            place: Place {
                destination: Destination { endpoint, trust: Trust::NotPinned },
                credential: CredentialRef { record: record.clone() },
            },
            record,
            prefix: Prefix::default(),
            installation: id('1'),
            claimed: vec![id('2')],
            from: None,
            served: Vec::new(),
        };
        let lines = configuration(&request).unwrap();
        let listed: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("installation ")).collect();
        assert_eq!(listed, [id('1').as_str(), id('2').as_str()]);
    }
}
