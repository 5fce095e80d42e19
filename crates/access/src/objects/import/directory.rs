//! Reading a directory record.

use super::fields::Fields;
use super::person::labels;
use super::{CaReader, resource, rules, tls};
use crate::objects::{DirectoryRecord, DirectoryType};
use mayfly_domain::Trust;

/// The port of LDAP over TLS (IANA `ldaps`).
const PORT: u16 = 636;
/// Controllers of one directory.
const HOSTS_MOST: usize = 32;

pub(super) fn read(top: &Fields<'_>, ca: &CaReader<'_>) -> Option<DirectoryRecord> {
    let name = top.parsed("name", rules::record_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    let directory_type = spec.needed("directory_type", "Directory Type", directory_type);
    let domain = domain(&spec, directory_type);
    let hosts = hosts(&spec);
    let trust = trust(&spec, ca);
    let (administrative, administrative_port) = resource::rotation(&spec, PORT, |_| ());
    spec.finish(&[
        ("jit", "accounts and groups of a directory are not built yet: remove the field"),
        ("propagation", "accounts of a directory are not built yet: remove the field"),
        ("connection", "nobody connects to a directory: remove the field"),
        ("session", "nobody connects to a directory: remove the field"),
        ("launch", "nobody connects to a directory: remove the field"),
        ("workflow", "nobody connects to a directory: remove the field"),
        ("host", "a directory has `hosts`, a list of its controllers"),
        ("host_key", "is for machines: a directory has `tls`"),
    ]);
    Some(DirectoryRecord {
        name: name?,
        labels,
        directory_type: directory_type?,
        domain,
        hosts: hosts?,
        trust: trust?,
        administrative: administrative?,
        administrative_port,
    })
}

fn directory_type(text: &str) -> Result<DirectoryType, String> {
    match text {
        "active_directory" => Ok(DirectoryType::ActiveDirectory),
        "openldap" => Ok(DirectoryType::OpenLdap),
        _ => Err("unknown Directory Type; `active_directory` and `openldap` are known".to_owned()),
    }
}

/// The DNS name of the domain, without which Active Directory cannot be.
fn domain(spec: &Fields<'_>, of: Option<DirectoryType>) -> Option<String> {
    let domain = spec.optional_parsed("domain", |text| match rules::host(text) {
        Ok(name) if name.parse::<std::net::IpAddr>().is_err() => Ok(name.to_ascii_lowercase()),
        _ => Err("has to be the DNS name of the domain, such as example.com".to_owned()),
    });
    if of == Some(DirectoryType::ActiveDirectory) && !spec.has("domain") {
        spec.fault("domain", "is missing: give the DNS name of the domain, such as example.com");
    }
    domain
}

fn hosts(spec: &Fields<'_>) -> Option<Vec<String>> {
    let hosts = spec.optional_list("hosts", HOSTS_MOST, "DNS names or addresses of controllers", rules::host);
    let none = hosts.as_ref().is_some_and(Vec::is_empty) && spec.faults.is_empty();
    if !spec.has("hosts") || none {
        spec.fault("hosts", "is missing: name at least one controller, such as [dc1.example.com]");
    }
    hosts.filter(|hosts| !hosts.is_empty())
}

/// Whom to believe: without TLS the administrative password would be sent as it is.
fn trust(spec: &Fields<'_>, ca: &CaReader<'_>) -> Option<Trust> {
    let trust = tls::trust(spec, ca)?;
    if trust == Trust::Plaintext {
        let text = "cannot be plaintext, which would send passwords as they are: give the authority of the controllers";
        spec.faults.add(&spec.path("tls").key("mode"), text.to_owned());
        return None;
    }
    Some(trust)
}
