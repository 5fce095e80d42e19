//! Views of a database.

use super::super::eval::Scope;
use super::super::state::{Authentication, Database, DatabasePrincipal, GrantState, Object, Trigger};
use super::super::value::{Kind, Value};
use super::{DESCRIPTION, NAME, SID, View, id, permission_type, text};

pub(super) const VIEWS: &[View] = &[
    View {
        name: "database_principals",
        columns: &[
            ("name", NAME),
            ("principal_id", Kind::Int),
            ("type", Kind::Text(Some(1))),
            ("type_desc", DESCRIPTION),
            ("default_schema_name", NAME),
            ("create_date", Kind::DateTime),
            ("modify_date", Kind::DateTime),
            ("owning_principal_id", Kind::Int),
            ("sid", SID),
            ("is_fixed_role", Kind::Bit),
            ("authentication_type", Kind::Int),
            ("authentication_type_desc", DESCRIPTION),
        ],
        rows: |_, database| database.principals.iter().map(principal).collect(),
    },
    View {
        name: "database_role_members",
        columns: &[("role_principal_id", Kind::Int), ("member_principal_id", Kind::Int)],
        rows: |_, database| {
            database.members.iter().map(|(role, member)| vec![Value::Int(*role), Value::Int(*member)]).collect()
        },
    },
    View {
        name: "database_permissions",
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
        name: "schemas",
        columns: &[("name", NAME), ("schema_id", Kind::Int), ("principal_id", Kind::Int)],
        rows: |_, database| {
            let schemas = database.schemas.iter();
            schemas.map(|one| vec![Value::text(&one.name), Value::Int(one.id), Value::Int(one.owner)]).collect()
        },
    },
    View { name: "objects", columns: OBJECT, rows: |_, database| database.objects.iter().map(object).collect() },
    View { name: "tables", columns: OBJECT, rows: |_, database| database.objects.iter().map(object).collect() },
    View {
        name: "extended_properties",
        columns: &[
            ("class", Kind::TinyInt),
            ("class_desc", DESCRIPTION),
            ("major_id", Kind::Int),
            ("minor_id", Kind::Int),
            ("name", NAME),
            ("value", Kind::Variant),
        ],
        rows: properties,
    },
    // Securables of a user that the stand-in has none of.
    View { name: "certificates", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "asymmetric_keys", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "symmetric_keys", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "assemblies", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "fulltext_catalogs", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "services", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "routes", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "remote_service_bindings", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "service_contracts", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "service_message_types", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "xml_schema_collections", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "fulltext_stoplists", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "registered_search_property_lists", columns: OWNED, rows: |_, _| Vec::new() },
    View { name: "types", columns: OWNED, rows: |_, _| Vec::new() },
    View {
        name: "triggers",
        columns: &[
            ("name", NAME),
            ("object_id", Kind::Int),
            ("parent_class", Kind::TinyInt),
            ("is_disabled", Kind::Bit),
            ("is_ms_shipped", Kind::Bit),
            ("modify_date", Kind::DateTime),
        ],
        rows: |_, database| {
            let row = |trigger: &Trigger| {
                vec![
                    Value::text(&trigger.name),
                    Value::Int(trigger.id),
                    Value::Int(0),
                    Value::Bit(trigger.disabled),
                    Value::Bit(false),
                    Value::Moment(trigger.changed),
                ]
            };
            database.triggers.iter().map(row).collect()
        },
    },
    View {
        name: "sql_modules",
        columns: &[("object_id", Kind::Int), ("execute_as_principal_id", Kind::Int)],
        rows: |_, _| Vec::new(),
    },
];

/// With the ids that the views have under one name or another: there is never a row.
const OWNED: &[(&str, Kind)] = &[
    ("name", NAME),
    ("principal_id", Kind::Int),
    ("schema_id", Kind::Int),
    ("user_type_id", Kind::Int),
    ("is_user_defined", Kind::Bit),
    ("assembly_id", Kind::Int),
    ("certificate_id", Kind::Int),
    ("symmetric_key_id", Kind::Int),
    ("asymmetric_key_id", Kind::Int),
    ("xml_collection_id", Kind::Int),
];

const OBJECT: &[(&str, Kind)] = &[
    ("name", NAME),
    ("object_id", Kind::Int),
    ("schema_id", Kind::Int),
    ("principal_id", Kind::Int),
    ("type", Kind::Text(Some(2))),
    ("type_desc", DESCRIPTION),
    ("create_date", Kind::DateTime),
    ("is_ms_shipped", Kind::Bit),
    ("parent_object_id", Kind::Int),
];

fn principal(principal: &DatabasePrincipal) -> Vec<Value> {
    let (number, word) = match principal.authentication {
        _ if principal.role => (0, "NONE"),
        Authentication::Nobody => (0, "NONE"),
        Authentication::Instance => (1, "INSTANCE"),
        Authentication::Database(_) => (2, "DATABASE"),
    };
    vec![
        Value::text(&principal.name),
        Value::Int(principal.id),
        Value::text(if principal.role { "R" } else { "S" }),
        Value::text(if principal.role { "DATABASE_ROLE" } else { "SQL_USER" }),
        text(principal.default_schema.as_deref()),
        Value::Moment(principal.created),
        Value::Moment(principal.created),
        id(principal.owner),
        principal.sid.clone().map_or(Value::Null, Value::Binary),
        Value::Bit(principal.fixed && principal.role),
        Value::Int(number),
        Value::text(word),
    ]
}

fn object(object: &Object) -> Vec<Value> {
    vec![
        Value::text(&object.name),
        Value::Int(object.id),
        Value::Int(object.schema),
        id(object.owner),
        Value::text("U "),
        Value::text("USER_TABLE"),
        Value::Moment(object.created),
        Value::Bit(false),
        Value::Int(0),
    ]
}

fn class(class: i64) -> Value {
    Value::text(match class {
        0 => "DATABASE",
        1 => "OBJECT_OR_COLUMN",
        3 => "SCHEMA",
        _ => "DATABASE_PRINCIPAL",
    })
}

fn permissions(_: &Scope<'_>, database: &Database) -> Vec<Vec<Value>> {
    let row = |grant: &super::super::state::Grant| {
        let granted = grant.state == GrantState::Grant;
        vec![
            Value::Int(grant.class),
            class(grant.class),
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
    database.grants.iter().map(row).collect()
}

fn properties(_: &Scope<'_>, database: &Database) -> Vec<Vec<Value>> {
    let row = |property: &super::super::state::Property| {
        vec![
            Value::Int(property.class),
            class(property.class),
            Value::Int(property.major),
            Value::Int(0),
            Value::text(&property.name),
            property.value.clone(),
        ]
    };
    database.properties.iter().map(row).collect()
}
