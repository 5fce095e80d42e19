//! Every operation of the API and who may use it: the table that the tests of refused access go through.

/// Method, target, and the scope of a token that may; or `everybody`, or `socket` where only an administrator at the local socket
/// may.
pub(crate) const OPERATIONS: &[(&str, &str, &str)] = &[
    ("GET", "/v1/status", "everybody"),
    ("POST", "/v1/activate", "socket"),
    ("POST", "/v1/drain", "socket"),
    ("DELETE", "/v1/drain", "socket"),
    ("POST", "/v1/backup", "socket"),
    ("GET", "/v1/ca", "everybody"),
    ("GET", "/v1/openapi.json", "everybody"),
    ("POST", "/v1/connect", "everybody"),
    ("GET", "/v1/brokers", "everybody"),
    ("POST", "/v1/access", "everybody"),
    ("GET", "/v1/records/orders", "read"),
    ("GET", "/v1/reports/access", "read"),
    ("GET", "/v1/objects", "read"),
    ("POST", "/v1/objects", "objects"),
    ("GET", "/v1/export", "objects"),
    ("PUT", "/v1/secrets/orders-admin", "secrets"),
    ("POST", "/v1/secrets/orders-admin/rebind", "credential.rebind"),
    ("POST", "/v1/records/orders/pin", "records"),
    ("POST", "/v1/records/orders/check", "records"),
    ("POST", "/v1/records/orders/standing", "records"),
    ("POST", "/v1/records/orders/helpers", "records"),
    ("GET", "/v1/sessions", "read"),
    ("GET", "/v1/sessions/ses_0000000000000000", "read"),
    ("POST", "/v1/sessions/ses_0000000000000000/end", "sessions"),
    ("GET", "/v1/cleanup", "read"),
    ("GET", "/v1/cleanup/chg_0000000000000000", "read"),
    ("GET", "/v1/cleanup/chg_0000000000000000/manual", "read"),
    ("POST", "/v1/cleanup/chg_0000000000000000/retry", "cleanup"),
    ("GET", "/v1/orphans", "read"),
    ("POST", "/v1/orphans/scan", "records"),
    ("POST", "/v1/orphans/remove", "cleanup"),
    ("POST", "/v1/orphans/ignore", "cleanup"),
    ("GET", "/v1/claims", "read"),
    ("POST", "/v1/claims", "socket"),
    ("GET", "/v1/targets", "read"),
    ("POST", "/v1/targets/write-off", "socket"),
    ("GET", "/v1/lockdowns", "read"),
    ("POST", "/v1/lockdowns", "socket"),
    ("DELETE", "/v1/lockdowns/all", "socket"),
    ("POST", "/v1/people/nobody/disable", "objects"),
    ("POST", "/v1/people/nobody/enable", "objects"),
    ("GET", "/v1/tokens", "socket"),
    ("POST", "/v1/tokens", "socket"),
    ("DELETE", "/v1/tokens/tok_0000000000000000", "socket"),
    ("GET", "/v1/webhooks", "audit"),
    ("POST", "/v1/webhooks", "socket"),
    ("DELETE", "/v1/webhooks/none", "socket"),
    ("POST", "/v1/webhooks/none/rotate", "socket"),
    ("POST", "/v1/webhooks/none/enable", "socket"),
    ("GET", "/v1/audit", "audit"),
    ("GET", "/v1/audit?from=0", "audit"),
    ("GET", "/v1/events", "audit"),
    ("GET", "/v1/audit/export?form=cef", "audit"),
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
        assert!(OPERATIONS.iter().any(|(_, target, _)| is_it(target)), "{path} is not tried");
    }
}
