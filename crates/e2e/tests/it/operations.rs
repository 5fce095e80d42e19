//! Every operation of the API and who may use it: the table that the tests of refused access go through.

/// Method, target, and the scope of a token that may; or `everybody`, or `socket` where only an administrator at the local socket
/// may, or `person` where only somebody who has signed in may. Then whether somebody who has signed in may, be it their own only.
pub(crate) const OPERATIONS: &[(&str, &str, &str, bool)] = &[
    ("GET", "/v1/status", "everybody", true),
    ("POST", "/v1/activate", "socket", false),
    ("POST", "/v1/drain", "socket", false),
    ("DELETE", "/v1/drain", "socket", false),
    ("POST", "/v1/backup", "socket", false),
    ("GET", "/v1/support", "audit", false),
    ("GET", "/v1/ca", "everybody", true),
    ("GET", "/v1/openapi.json", "everybody", true),
    ("POST", "/v1/login", "everybody", true),
    ("DELETE", "/v1/login", "person", true),
    ("POST", "/v1/connect", "everybody", true),
    ("GET", "/v1/brokers", "everybody", true),
    ("POST", "/v1/access", "everybody", true),
    ("GET", "/v1/access", "person", true),
    ("GET", "/v1/records/orders", "read", false),
    ("GET", "/v1/reports/access", "read", false),
    ("GET", "/v1/objects", "read", false),
    ("POST", "/v1/objects", "objects", false),
    ("GET", "/v1/export", "objects", false),
    ("PUT", "/v1/secrets/orders-admin", "secrets", false),
    ("POST", "/v1/secrets/orders-admin/rebind", "credential.rebind", false),
    ("POST", "/v1/records/orders/pin", "records", false),
    ("POST", "/v1/records/orders/check", "records", false),
    ("POST", "/v1/records/orders/exercise", "records", false),
    ("POST", "/v1/records/orders/standing", "records", false),
    ("POST", "/v1/records/orders/helpers", "records", false),
    ("GET", "/v1/sessions", "read", true),
    ("GET", "/v1/sessions/ses_0000000000000000", "read", false),
    ("POST", "/v1/sessions/ses_0000000000000000/end", "sessions", true),
    ("GET", "/v1/cleanup", "read", false),
    ("GET", "/v1/cleanup/chg_0000000000000000", "read", false),
    ("GET", "/v1/cleanup/chg_0000000000000000/manual", "read", false),
    ("POST", "/v1/cleanup/chg_0000000000000000/retry", "cleanup", false),
    ("GET", "/v1/orphans", "read", false),
    ("POST", "/v1/orphans/scan", "records", false),
    ("POST", "/v1/orphans/remove", "cleanup", false),
    ("POST", "/v1/orphans/ignore", "cleanup", false),
    ("GET", "/v1/claims", "read", false),
    ("POST", "/v1/claims", "socket", false),
    ("GET", "/v1/targets", "read", false),
    ("POST", "/v1/targets/write-off", "socket", false),
    ("GET", "/v1/lockdowns", "read", false),
    ("POST", "/v1/lockdowns", "socket", false),
    ("DELETE", "/v1/lockdowns/all", "socket", false),
    ("POST", "/v1/people/nobody/disable", "objects", false),
    ("POST", "/v1/people/nobody/enable", "objects", false),
    ("GET", "/v1/tokens", "socket", false),
    ("POST", "/v1/tokens", "socket", false),
    ("DELETE", "/v1/tokens/tok_0000000000000000", "socket", false),
    ("GET", "/v1/webhooks", "audit", false),
    ("POST", "/v1/webhooks", "socket", false),
    ("DELETE", "/v1/webhooks/none", "socket", false),
    ("POST", "/v1/webhooks/none/rotate", "socket", false),
    ("POST", "/v1/webhooks/none/enable", "socket", false),
    ("GET", "/v1/audit", "audit", false),
    ("GET", "/v1/audit?from=0", "audit", false),
    ("GET", "/v1/events", "audit", false),
    ("GET", "/v1/audit/export?form=cef", "audit", false),
];

/// Every path of the API is tried.
#[test]
fn the_table_names_every_path() {
    let paths = include_str!("../../../wire/src/paths.rs");
    let known: Vec<&str> = paths
        .lines()
        .filter_map(|line| line.split('"').nth(1))
        .filter(|path| path.starts_with("/v1/") && !path.contains("ses_1"))
        .collect();
    assert!(known.len() >= 12, "{known:?}");
    for path in known {
        let (before, after) = path.split_once('{').map_or((path, ""), |(a, b)| (a, b.split_once('}').unwrap().1));
        let is_it = |target: &str| target.starts_with(before) && target.split('?').next().unwrap().ends_with(after);
        assert!(OPERATIONS.iter().any(|(_, target, ..)| is_it(target)), "{path} is not tried");
    }
}
