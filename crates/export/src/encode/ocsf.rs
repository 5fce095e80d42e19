//! The Open Cybersecurity Schema Framework, version 1.5.0 (<https://schema.ocsf.io/1.5.0>): each entry as an event of one class, with
//! what that class requires. What has no place in the class stands in `unmapped`, under our own names.

use super::{PRODUCT, VERSION};
use crate::entry::Entry;
use crate::meaning::{self, Class, Meaning, OTHER};
use serde_json::{Map, Value, json};

/// The version of the schema.
const SCHEMA: &str = "1.5.0";

pub(super) fn line(entry: &Entry) -> String {
    Value::Object(event(entry)).to_string()
}

fn event(entry: &Entry) -> Map<String, Value> {
    let Meaning { class, activity, severity, failed } = meaning::of(entry.kind);
    let class_uid = class.uid();
    let installation = entry.get("installation").unwrap_or_default();
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| {
        event.insert(name.to_owned(), value);
    };
    put("activity_id", activity.into());
    if activity == OTHER {
        put("activity_name", entry.word().into());
    }
    put("category_uid", (class_uid / 1000).into());
    put("class_uid", class_uid.into());
    put("type_uid", (u64::from(class_uid) * 100 + u64::from(activity)).into());
    put("severity_id", severity.ocsf().into());
    put("status_id", if failed { 2 } else { 1 }.into());
    put("time", entry.at.micros().div_euclid(1000).into());
    put("message", message(entry).into());
    put(
        "metadata",
        json!({
            "version": SCHEMA,
            "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
            "uid": format!("{installation}/{}", entry.sequence),
            "sequence": entry.sequence,
            "event_code": entry.word(),
            "log_name": "audit",
        }),
    );
    if class != Class::Application {
        put("actor", json!({ "user": { "name": actor(entry) } }));
        if let Some(address) = entry.source() {
            put("src_endpoint", json!({ "ip": address.to_string() }));
        }
    }
    subject(class, entry, &mut put);
    if let Some(reason) = entry.get("reason") {
        put("status_detail", reason.into());
    }
    put("unmapped", unmapped(entry));
    event
}

/// What the class is about.
fn subject(class: Class, entry: &Entry, put: &mut impl FnMut(&str, Value)) {
    let account = entry.get("account").or_else(|| entry.get("person")).unwrap_or_else(|| actor(entry));
    match class {
        Class::Account => put("user", json!({ "name": account })),
        Class::Authentication => {
            put("user", json!({ "name": entry.get("person").unwrap_or(account) }));
            put("service", json!({ "name": PRODUCT }));
            if let Some(target) = entry.get("target") {
                put("dst_endpoint", json!({ "uid": target }));
            }
            session(entry, put);
        }
        Class::Authorise => {
            put("user", json!({ "name": entry.get("person").unwrap_or(account) }));
            put("privileges", json!([entry.get("record").unwrap_or("unknown")]));
            if let Some(group) = entry.get("group") {
                put("group", json!({ "name": group }));
            }
            session(entry, put);
        }
        Class::Entity => put("entity", json!({ "name": entity(entry) })),
        Class::Group => {
            put("group", json!({ "name": entry.get("group").unwrap_or("unknown") }));
            put("user", json!({ "name": account }));
        }
        Class::Application => {
            put("app", json!({ "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION }));
        }
    }
}

fn session(entry: &Entry, put: &mut impl FnMut(&str, Value)) {
    if let Some(session) = entry.get("session") {
        put("session", json!({ "uid": session }));
    }
}

/// What an event of entity management concerns: the object, or else the record or the target.
fn entity(entry: &Entry) -> &str {
    let detail = ["object", "token", "lockdown", "webhook"].into_iter().find_map(|name| entry.detail(name));
    let own = ["record", "target", "change"].into_iter().find_map(|name| entry.get(name));
    detail.or(own).unwrap_or_else(|| entry.word())
}

fn actor(entry: &Entry) -> &str {
    entry.get("actor").unwrap_or("unknown")
}

/// A sentence for people.
fn message(entry: &Entry) -> String {
    let mut text = format!("{} by {}", entry.word(), actor(entry));
    for name in ["person", "record", "account", "group"] {
        if let Some(value) = entry.get(name) {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    text
}

fn unmapped(entry: &Entry) -> Value {
    let names = ["record", "connection", "change", "target", "account", "group", "run", "session", "person"];
    let mut rest: Map<String, Value> =
        names.iter().filter_map(|name| Some(((*name).to_owned(), entry.get(name)?.into()))).collect();
    if let Some(details) = entry.details() {
        rest.insert("detail".to_owned(), details.clone());
    }
    Value::Object(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::example::{bare, entry, full};
    use mayfly_domain::audit::EventKind;

    #[test]
    fn an_entry_is_an_event_of_its_class() {
        let expected = json!({
            "activity_id": 3, "category_uid": 3, "class_uid": 3006, "type_uid": 300_603, "severity_id": 1, "status_id": 1,
            "time": 1_764_000_000_000_i64,
            "message": "membership.added by person:alice, person alice, record orders, account keeper_0123456789abc, group read|only",
            "metadata": {
                "version": "1.5.0",
                "product": { "name": "Mayfly", "vendor_name": "Mayfly", "version": VERSION },
                "uid": "ins_0000000000000000/7", "sequence": 7, "event_code": "membership.added", "log_name": "audit",
            },
            "actor": { "user": { "name": "person:alice" } },
            "group": { "name": "read|only" },
            "user": { "name": "keeper_0123456789abc" },
            "status_detail": "a=b \\ \"c\" ] |\nd é",
            "unmapped": {
                "record": "orders", "connection": "con_0000000000000000", "change": "chg_0000000000000000",
                "target": "postgresql:7301", "account": "keeper_0123456789abc", "group": "read|only",
                "run": "run_0000000000000000", "session": "ses_0000000000000000", "person": "alice",
                "detail": { "tries": "2" },
            },
        });
        assert_eq!(Value::Object(event(&entry(7, &full(EventKind::MembershipAdded)))), expected);
    }

    /// What the schema marks as required, class by class, and "at least one of" (ocsf-schema, `events/iam`, `objects`).
    #[test]
    fn every_kind_has_what_its_class_requires() {
        for kind in EventKind::ALL {
            for made in [bare(*kind, "server"), full(*kind)] {
                let event = event(&entry(1, &made));
                let text = Value::Object(event.clone()).to_string();
                assert!(!text.contains('\n'), "{text}");
                for name in ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "metadata"]
                {
                    assert!(event.contains_key(name), "{kind:?} has no {name}");
                }
                let number = |name: &str| event[name].as_u64().unwrap();
                assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{text}");
                assert_eq!(number("class_uid") / 1000, number("category_uid"), "{text}");
                let named = |name: &str| event[name]["name"].as_str().is_some_and(|name| !name.is_empty());
                let whole = match number("class_uid") {
                    3001 => named("user"),
                    3002 => named("user") && named("service"),
                    3003 => named("user") && event["privileges"].as_array().is_some_and(|all| !all.is_empty()),
                    3004 => named("entity"),
                    3006 => named("group"),
                    6002 => named("app"),
                    other => panic!("{kind:?} is of class {other}"),
                };
                assert!(whole, "{kind:?}: {text}");
            }
        }
    }

    /// The classes and activities that reviewers will look for.
    #[test]
    fn the_main_kinds_are_where_they_belong() {
        for (kind, class, activity, status) in [
            (EventKind::SigninSucceeded, 3002, 1, 1),
            (EventKind::SigninFailed, 3002, 1, 2),
            (EventKind::AccountCreated, 3001, 1, 1),
            (EventKind::AccountDisabled, 3001, 5, 1),
            (EventKind::AccountRemoved, 3001, 6, 1),
            (EventKind::AccountRemovalFailed, 3001, 6, 2),
            (EventKind::MembershipAdded, 3006, 3, 1),
            (EventKind::MembershipRemoved, 3006, 4, 1),
            (EventKind::SessionStarted, 3003, 1, 1),
            (EventKind::AccessDenied, 3003, 1, 2),
            (EventKind::SessionTerminated, 3002, 2, 1),
        ] {
            let event = event(&entry(1, &full(kind)));
            let found = ["class_uid", "activity_id", "status_id"].map(|name| event[name].as_u64().unwrap());
            assert_eq!(found, [class, activity, status], "{kind:?}");
        }
    }
}
