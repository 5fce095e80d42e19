//! ArcSight's Common Event Format, version 0: a header of seven fields between bars, then an extension of `key=value` pairs. In the
//! header `\` and `|` are escaped, in the extension `\`, `=` and line breaks (Implementing ArcSight CEF, "Character Encoding").

use super::{PRODUCT, VERSION};
use crate::entry::Entry;
use crate::meaning;

pub(super) fn line(entry: &Entry) -> String {
    let meaning = meaning::of(entry.kind);
    let word = entry.word();
    let name = word.replace(['.', '_'], " ");
    let mut line =
        format!("CEF:0|{PRODUCT}|{PRODUCT}|{VERSION}|{}|{}|{}|", header(word), header(&name), meaning.severity.cef());
    let mut extension = Extension(Vec::new());
    extension.put("rt", &(entry.at.micros().div_euclid(1000)).to_string());
    extension.put("cn1Label", "sequence");
    extension.put("cn1", &entry.sequence.to_string());
    extension.put("externalId", &format!("{}/{}", entry.get("installation").unwrap_or_default(), entry.sequence));
    extension.put("outcome", if meaning.failed { "failure" } else { "success" });
    if let Some(address) = entry.source() {
        // An address of version 6 has a field of its own, which takes a label.
        if address.is_ipv4() {
            extension.put("src", &address.to_string());
        } else {
            extension.put("c6a2Label", "Source IPv6 Address");
            extension.put("c6a2", &address.to_string());
        }
    }
    extension.of(entry, "suser", "actor");
    extension.of(entry, "suid", "person");
    extension.of(entry, "duser", "account");
    extension.of(entry, "dhost", "target");
    for (number, key) in ["record", "session", "change", "connection", "group"].into_iter().enumerate() {
        if let Some(text) = entry.get(key) {
            extension.put(&format!("cs{}Label", number + 1), key);
            extension.put(&format!("cs{}", number + 1), text);
        }
    }
    if let Some(details) = entry.details() {
        extension.put("cs6Label", "detail");
        extension.put("cs6", &details.to_string());
    }
    extension.of(entry, "reason", "reason");
    line.push_str(&extension.0.join(" "));
    line
}

struct Extension(Vec<String>);

impl Extension {
    fn put(&mut self, key: &str, value: &str) {
        let value = value.replace('\\', "\\\\").replace('=', "\\=").replace('\r', "\\r").replace('\n', "\\n");
        self.0.push(format!("{key}={value}"));
    }

    fn of(&mut self, entry: &Entry, key: &str, name: &str) {
        if let Some(text) = entry.get(name) {
            self.put(key, text);
        }
    }
}

fn header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::example::{bare, entry, full};
    use mayfly_domain::audit::EventKind;

    #[test]
    fn an_entry_is_one_line_with_its_texts_escaped() {
        let expected = format!(
            "CEF:0|Mayfly|Mayfly|{VERSION}|membership.added|membership added|1|rt=1764000000000 cn1Label=sequence cn1=7 \
             externalId=ins_0000000000000000/7 outcome=success suser=person:alice suid=alice duser=keeper_0123456789abc \
             dhost=postgresql:7301 cs1Label=record cs1=orders cs2Label=session cs2=ses_0000000000000000 cs3Label=change \
             cs3=chg_0000000000000000 cs4Label=connection cs4=con_0000000000000000 cs5Label=group cs5=read|only \
             cs6Label=detail cs6={{\"tries\":\"2\"}} reason=a\\=b \\\\ \"c\" ] |\\nd é"
        );
        assert_eq!(line(&entry(7, &full(EventKind::MembershipAdded))), expected);
    }

    #[test]
    fn a_source_is_an_address_of_its_kind() {
        let of = |actor: &str| line(&entry(1, &bare(EventKind::SigninFailed, actor)));
        assert!(of("source:192.0.2.7").contains(" outcome=failure src=192.0.2.7 suser=source:192.0.2.7"));
        assert!(of("source:2001:db8::1").contains(" c6a2Label=Source IPv6 Address c6a2=2001:db8::1 "));
        assert!(!of("source:others").contains("src="));
    }

    #[test]
    fn the_header_cannot_be_broken_open() {
        assert_eq!(header("a|b\\c\nd"), "a\\|b\\\\c d");
    }
}
