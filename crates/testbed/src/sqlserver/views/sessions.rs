//! Views of sessions and their connections. Whoever may not see the server's state sees only oneself.

use super::super::eval::Scope;
use super::super::state::Session;
use super::super::value::{Kind, Value};
use super::{NAME, SID, View};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "dm_exec_sessions",
        columns: &[
            ("session_id", Kind::SmallInt),
            ("login_time", Kind::DateTime),
            ("host_name", NAME),
            ("program_name", NAME),
            ("login_name", NAME),
            ("original_login_name", NAME),
            ("security_id", SID),
            ("original_security_id", SID),
            ("status", Kind::Text(Some(30))),
            ("is_user_process", Kind::Bit),
            ("database_id", Kind::SmallInt),
            ("open_transaction_count", Kind::Int),
            ("authenticating_database_id", Kind::Int),
        ],
        rows: sessions,
    },
    View {
        name: "dm_exec_connections",
        columns: &[
            ("session_id", Kind::Int),
            ("connect_time", Kind::DateTime),
            ("net_transport", Kind::Text(Some(40))),
            ("encrypt_option", Kind::Text(Some(40))),
            ("auth_scheme", Kind::Text(Some(40))),
            ("client_net_address", Kind::Text(Some(48))),
        ],
        rows: |scope, _| {
            let row = |session: &Session| {
                vec![
                    Value::Int(i64::from(session.id)),
                    Value::Moment(session.login_time),
                    Value::text("TCP"),
                    Value::text(if session.encrypted { "TRUE" } else { "FALSE" }),
                    Value::text("SQL"),
                    Value::text(&session.client_address),
                ]
            };
            seen(scope).map(row).collect()
        },
    },
];

fn seen<'a>(scope: &Scope<'a>) -> impl Iterator<Item = &'a Session> {
    let all = scope.catalogue.may(scope.own.login, "VIEW SERVER STATE");
    let own = scope.own.session;
    scope.sessions.iter().filter(move |session| all || session.id == own)
}

fn sessions(scope: &Scope<'_>, _: &super::super::state::Database) -> Vec<Vec<Value>> {
    let database = |name: &str| scope.catalogue.database(name).map_or(0, |database| database.id);
    let row = |session: &Session| {
        vec![
            Value::Int(i64::from(session.id)),
            Value::Moment(session.login_time),
            Value::text(&session.host),
            Value::text(&session.program),
            Value::text(&session.login_name),
            Value::text(&session.login_name),
            Value::Binary(session.sid.clone()),
            Value::Binary(session.sid.clone()),
            Value::text(if session.running { "running" } else { "sleeping" }),
            Value::Bit(true),
            Value::Int(database(&session.database)),
            Value::Int(i64::from(session.transactions)),
            Value::Int(session.contained_in.as_deref().map_or(1, database)),
        ]
    };
    let mut rows = Vec::new();
    // The server's own, which nobody can end.
    if scope.catalogue.may(scope.own.login, "VIEW SERVER STATE") {
        let started = scope.catalogue.databases.first().map_or(0, |database| database.created);
        for id in [1, 5, 9] {
            rows.push(vec![
                Value::Int(id),
                Value::Moment(started),
                Value::Null,
                Value::Null,
                Value::text("sa"),
                Value::text("sa"),
                Value::Binary(vec![1]),
                Value::Binary(vec![1]),
                Value::text("sleeping"),
                Value::Bit(false),
                Value::Int(1),
                Value::Int(0),
                Value::Int(1),
            ]);
        }
    }
    rows.extend(seen(scope).map(row));
    rows
}
