//! Reading whom to believe over TLS.

use super::fields::Fields;
use super::{CaReader, rules};
use mayfly_domain::Trust;

/// Whom to believe. Without a word from the administrator it is the strictest.
pub(super) fn trust(spec: &Fields<'_>, ca: &CaReader<'_>) -> Option<Trust> {
    const NEEDED: &str = "is missing: give the authority that signed the server's certificate as {file: …} or {pem: …}, or write `tls: {mode: plaintext}`";
    let Some(tls) = spec.optional_map("tls") else {
        if !spec.has("tls") {
            spec.faults.add(&spec.path("tls").key("ca"), NEEDED.to_owned());
        }
        return None;
    };
    let mode = tls.optional_text("mode").unwrap_or_else(|| "verify_full".to_owned());
    let ca_given = tls.has("ca");
    let ca_pem = tls.optional_map("ca").and_then(|field| authority(&field, ca));
    tls.finish(&[]);
    match mode.as_str() {
        "plaintext" if ca_given => {
            tls.fault("ca", "has no use with `mode: plaintext`: remove it, or choose verify_full");
            None
        }
        "plaintext" => Some(Trust::Plaintext),
        "verify_full" | "verify_ca" => {
            if !ca_given {
                tls.fault("ca", NEEDED);
            }
            let ca_pem = ca_pem?;
            Some(if mode == "verify_ca" { Trust::VerifyCa { ca_pem } } else { Trust::VerifyFull { ca_pem } })
        }
        _ => {
            tls.fault("mode", "has to be verify_full, verify_ca or plaintext");
            None
        }
    }
}

/// The PEM of `ca`, given or read.
fn authority(field: &Fields<'_>, ca: &CaReader<'_>) -> Option<String> {
    let both = field.has("file") && field.has("pem");
    let pem = field.optional_parsed("pem", rules::authority);
    let file = field.optional_parsed("file", |path| ca(path).and_then(|text| rules::authority(&text)));
    field.finish(&[]);
    if both {
        field.fault("pem", "stands beside `file`: keep one");
    } else if !field.has("file") && !field.has("pem") {
        field.fault("file", "is missing: give {file: …} or {pem: …}");
    }
    pem.or(file)
}
