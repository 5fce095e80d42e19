//! Reading a machine record.

use super::fields::Fields;
use super::person::labels;
use super::resource::{self, Form};
use super::{CaReader, rules};
use crate::objects::{AccountRules, MachineRecord, OperatingSystem, Resource, SshRules};
use mayfly_domain::Trust;

const FORM: Form = Form {
    port: 22,
    protocol: "ssh",
    method: "group",
    other_method: "`role` is for databases: a machine takes `group`",
    grant: rules::group,
    not_in_jit: &[
        ("base_distinguished_name", "is for directories: remove it"),
        ("directory", "accounts and groups of a linked directory are not built yet: remove the field"),
    ],
    leftovers: false,
};

/// Destinations to which ports may be forwarded.
const FORWARDING_MOST: usize = 64;
/// Places that are searched for what an account leaves.
const PLACES_MOST: usize = 64;

pub(super) fn read(top: &Fields<'_>, ca: &CaReader<'_>) -> Option<MachineRecord> {
    let name = top.parsed("name", rules::record_name);
    let labels = labels(top);
    let spec = top.map("spec")?;
    let operating_system = spec.needed("operating_system", "Operating System", operating_system);
    let host = spec.parsed("host", rules::host);
    let trust = trust(&spec, ca);
    let mut administrative_password = false;
    let (administrative, administrative_port) = resource::rotation(&spec, FORM.port, |rotation| {
        administrative_password = rotation.switch("password", false);
    });
    let accounts = accounts(&spec);
    let mut ssh = SshRules { sftp: true, forwarding: Vec::new() };
    let port = resource::connection(&spec, &FORM, administrative_port, |connection| {
        ssh.sftp = connection.switch("sftp", true);
        let allowed = connection.optional_list("forwarding", FORWARDING_MOST, "`host:port`", rules::host_and_port);
        ssh.forwarding = allowed.unwrap_or_default();
    });
    let jit = resource::jit(&spec, &FORM, |jit| {
        jit.optional_parsed("ephemeral_account_type", account_type);
    });
    let session = resource::session(&spec, &FORM);
    spec.finish(&[
        ("workflow", "`workflow` is not built yet: remove the field; `may_launch` of a person decides"),
        ("recording", "`recording` is not built yet: remove the field"),
        ("tls", "is for databases: a machine has `host_key`"),
        ("launch", "stands in `jit`"),
    ]);
    let resource = Resource {
        name: name?,
        labels,
        host: host?,
        trust: trust?,
        administrative: administrative?,
        administrative_port,
        port,
        jit: jit?,
        session,
    };
    Some(MachineRecord { resource, operating_system: operating_system?, ssh, accounts, administrative_password })
}

/// What accounts are like that are made on the machine.
fn accounts(spec: &Fields<'_>) -> AccountRules {
    let Some(accounts) = spec.optional_map("accounts") else { return AccountRules::default() };
    let rules = AccountRules {
        id_least: accounts.optional_number("id_least"),
        id_most: accounts.optional_number("id_most"),
        shell: accounts.optional_text("shell"),
        swept: accounts.optional_list("swept", PLACES_MOST, "paths", |text| match text {
            path if path.starts_with('/') => Ok(path.to_owned()),
            _ => Err("has to be a path that begins with `/`".to_owned()),
        }),
    };
    accounts.finish(&[]);
    rules
}

fn operating_system(text: &str) -> Result<OperatingSystem, String> {
    match text.to_ascii_lowercase().as_str() {
        "linux" => Ok(OperatingSystem::Linux),
        "windows" | "mac" | "macos" => Err("is not built yet: only `linux` is".to_owned()),
        _ => Err("unknown operating system; `linux` is built, `windows` and `mac` are known".to_owned()),
    }
}

fn account_type(text: &str) -> Result<(), String> {
    match text {
        "linux" => Ok(()),
        "mac" | "windows" => Err("does not fit `operating_system: linux`: give `linux`, or remove it".to_owned()),
        "domain" => {
            let text = "needs a linked `directory`, and accounts of one are not built yet: give `linux`, or remove it";
            Err(text.to_owned())
        }
        _ => Err("has to be `linux`".to_owned()),
    }
}

/// Whom to believe: the fingerprint of the host's key, or an authority of hosts. Without a word from the administrator nobody
/// is, until `record pin`.
fn trust(spec: &Fields<'_>, ca: &CaReader<'_>) -> Option<Trust> {
    let Some(host_key) = spec.optional_map("host_key") else {
        return (!spec.has("host_key")).then_some(Trust::NotPinned);
    };
    let (has_pin, has_ca) = (host_key.has("pin"), host_key.has("ca"));
    let pin = host_key.optional_parsed("pin", rules::fingerprint);
    let keys = host_key.optional_map("ca").and_then(|field| authority(&field, ca));
    host_key.finish(&[]);
    match (has_pin, has_ca) {
        (true, true) => {
            host_key.fault("pin", "stands beside `ca`: keep one");
            None
        }
        (false, false) => {
            spec.fault("host_key", "is empty: give {pin: \"SHA256:…\"} or {ca: {file: …}}, or leave it out and pin it");
            None
        }
        (true, false) => pin.map(|fingerprint| Trust::HostKey { fingerprint }),
        (false, true) => keys.map(|keys| Trust::HostAuthority { keys }),
    }
}

/// The public keys of the authority of hosts, given or read.
fn authority(field: &Fields<'_>, ca: &CaReader<'_>) -> Option<String> {
    let both = field.has("file") && field.has("keys");
    let keys = field.optional_parsed("keys", rules::public_keys);
    let file = field.optional_parsed("file", |path| ca(path).and_then(|text| rules::public_keys(&text)));
    field.finish(&[]);
    if both {
        field.fault("keys", "stands beside `file`: keep one");
    } else if !field.has("file") && !field.has("keys") {
        field.fault("file", "is missing: give {file: …} or {keys: …}");
    }
    keys.or(file)
}
