//! Views of the whole server.

use super::super::eval::Scope;
use super::super::state::{Database, GrantState, PrincipalKind, ServerPrincipal};
use super::super::value::{Kind, Value};
use super::{DESCRIPTION, NAME, SID, View, id, permission_type, text};

pub(super) const VIEWS: &[View] = &[
    View { name: "server_principals", columns: PRINCIPAL, rows: |scope, _| principals(scope, |_| true, false) },
    View {
        name: "sql_logins",
        columns: LOGIN,
        rows: |scope, _| principals(scope, |principal| principal.kind == PrincipalKind::Login, true),
    },
    View {
        name: "server_role_members",
        columns: &[("role_principal_id", Kind::Int), ("member_principal_id", Kind::Int)],
        rows: |scope, _| {
            let members = scope.catalogue.members.iter();
            members.map(|(role, member)| vec![Value::Int(*role), Value::Int(*member)]).collect()
        },
    },
    View {
        name: "server_permissions",
        columns: &[
            ("class", Kind::TinyInt),
            ("class_desc", DESCRIPTION),
            ("major_id", Kind::Int),
            ("minor_id", Kind::Int),
            ("grantee_principal_id", Kind::Int),
            ("grantor_principal_id", Kind::Int),
            ("type", Kind::Text(Some(4))),
            ("permission_name", NAME),
            ("state", Kind::Text(Some(1))),
            ("state_desc", DESCRIPTION),
        ],
        rows: permissions,
    },
    View {
        name: "databases",
        columns: &[
            ("name", NAME),
            ("database_id", Kind::Int),
            ("owner_sid", SID),
            ("create_date", Kind::DateTime),
            ("state", Kind::TinyInt),
            ("state_desc", DESCRIPTION),
            ("user_access", Kind::TinyInt),
            ("user_access_desc", DESCRIPTION),
            ("is_read_only", Kind::Bit),
            ("containment", Kind::TinyInt),
            ("containment_desc", DESCRIPTION),
            ("source_database_id", Kind::Int),
            ("collation_name", NAME),
            ("compatibility_level", Kind::TinyInt),
            ("service_broker_guid", Kind::Guid),
        ],
        rows: databases,
    },
    View {
        name: "endpoints",
        columns: &[("name", NAME), ("endpoint_id", Kind::Int), ("principal_id", Kind::Int), ("type_desc", DESCRIPTION)],
        rows: |scope, _| {
            let row = |endpoint: &super::super::state::Endpoint| {
                vec![
                    Value::text(&endpoint.name),
                    Value::Int(endpoint.id),
                    Value::Int(endpoint.owner),
                    Value::text("TSQL"),
                ]
            };
            scope.catalogue.endpoints.iter().map(row).collect()
        },
    },
    View { name: "availability_groups", columns: &[("name", NAME), ("group_id", Kind::Guid)], rows: |_, _| Vec::new() },
    View {
        name: "availability_replicas",
        columns: &[("group_id", Kind::Guid), ("replica_server_name", NAME), ("owner_sid", SID)],
        rows: |_, _| Vec::new(),
    },
    View {
        name: "server_triggers",
        columns: &[
            ("name", NAME),
            ("is_disabled", Kind::Bit),
            ("is_ms_shipped", Kind::Bit),
            ("modify_date", Kind::DateTime),
        ],
        rows: |_, _| Vec::new(),
    },
    View {
        name: "database_recovery_status",
        columns: &[("database_id", Kind::Int), ("database_guid", Kind::Guid)],
        rows: |scope, _| {
            let databases = scope.catalogue.databases.iter();
            databases.map(|database| vec![Value::Int(database.id), Value::text(&database.guid)]).collect()
        },
    },
    View {
        name: "dm_server_services",
        columns: &[("servicename", NAME), ("status", Kind::Int), ("status_desc", DESCRIPTION)],
        rows: |_, _| {
            let names = ["SQL Server (MSSQLSERVER)", "SQL Server Agent (MSSQLSERVER)"];
            names.map(|name| vec![Value::text(name), Value::Int(4), Value::text("Running")]).to_vec()
        },
    },
    View {
        name: "configurations",
        columns: &[
            ("configuration_id", Kind::Int),
            ("name", Kind::Text(Some(35))),
            ("value", Kind::Variant),
            ("value_in_use", Kind::Variant),
        ],
        rows: |_, _| {
            let on = ["Agent XPs", "contained database authentication"];
            let row = |(name, number): (&&str, i64)| {
                vec![Value::Int(number), Value::text(name), Value::Int(1), Value::Int(1)]
            };
            on.iter().zip(16_384..).map(row).collect()
        },
    },
];

const PRINCIPAL: &[(&str, Kind)] = &[
    ("name", NAME),
    ("principal_id", Kind::Int),
    ("sid", SID),
    ("type", Kind::Text(Some(1))),
    ("type_desc", DESCRIPTION),
    ("is_disabled", Kind::Bit),
    ("create_date", Kind::DateTime),
    ("modify_date", Kind::DateTime),
    ("default_database_name", NAME),
    ("default_language_name", NAME),
    ("owning_principal_id", Kind::Int),
    ("is_fixed_role", Kind::Bit),
];

const LOGIN: &[(&str, Kind)] = &[
    PRINCIPAL[0],
    PRINCIPAL[1],
    PRINCIPAL[2],
    PRINCIPAL[3],
    PRINCIPAL[4],
    PRINCIPAL[5],
    PRINCIPAL[6],
    PRINCIPAL[7],
    PRINCIPAL[8],
    PRINCIPAL[9],
    ("is_policy_checked", Kind::Bit),
    ("is_expiration_checked", Kind::Bit),
];

/// Whoever may not see all sees oneself, the owner of the server, and the roles.
fn principals(scope: &Scope<'_>, wanted: fn(&ServerPrincipal) -> bool, login: bool) -> Vec<Vec<Value>> {
    let (catalogue, own) = (scope.catalogue, scope.own);
    let all = catalogue.may(own.login, "VIEW ANY DEFINITION");
    let seen = |principal: &&ServerPrincipal| {
        wanted(principal) && (all || principal.id == own.login || principal.id == 1 || principal.fixed)
    };
    let row = |principal: &ServerPrincipal| {
        let is_login = principal.kind == PrincipalKind::Login;
        let mut row = vec![
            Value::text(&principal.name),
            Value::Int(principal.id),
            Value::Binary(principal.sid.clone()),
            Value::text(if is_login { "S" } else { "R" }),
            Value::text(if is_login { "SQL_LOGIN" } else { "SERVER_ROLE" }),
            Value::Bit(principal.disabled),
            Value::Moment(principal.created),
            Value::Moment(principal.modified),
            text(is_login.then_some(principal.default_database.as_str())),
            text(is_login.then_some("us_english")),
        ];
        if login {
            row.extend([Value::Bit(principal.check_policy), Value::Bit(principal.check_expiration)]);
        } else {
            row.extend([id(principal.owner), Value::Bit(principal.fixed)]);
        }
        row
    };
    catalogue.principals.iter().filter(seen).map(row).collect()
}

fn permissions(scope: &Scope<'_>, _: &Database) -> Vec<Vec<Value>> {
    let row = |grant: &super::super::state::Grant| {
        let granted = grant.state == GrantState::Grant;
        vec![
            Value::Int(grant.class),
            Value::text(if grant.class == 100 { "SERVER" } else { "SERVER_PRINCIPAL" }),
            Value::Int(grant.major),
            Value::Int(0),
            Value::Int(grant.grantee),
            Value::Int(grant.grantor),
            Value::text(permission_type(&grant.permission)),
            Value::text(&grant.permission),
            Value::text(if granted { "G" } else { "D" }),
            Value::text(if granted { "GRANT" } else { "DENY" }),
        ]
    };
    scope.catalogue.grants.iter().map(row).collect()
}

fn databases(scope: &Scope<'_>, _: &Database) -> Vec<Vec<Value>> {
    let row = |database: &Database| {
        vec![
            Value::text(&database.name),
            Value::Int(database.id),
            Value::Binary(database.owner_sid.clone()),
            Value::Moment(database.created),
            Value::Int(0),
            Value::text("ONLINE"),
            Value::Int(0),
            Value::text("MULTI_USER"),
            Value::Bit(false),
            Value::Int(i64::from(database.contained)),
            Value::text(if database.contained { "PARTIAL" } else { "NONE" }),
            Value::Null,
            Value::text("SQL_Latin1_General_CP1_CI_AS"),
            Value::Int(160),
            Value::text(&database.broker_guid),
        ]
    };
    scope.catalogue.databases.iter().map(row).collect()
}
