//! The queries of a snapshot, made from what the server says of its own catalogues.

use anyhow::Result;
use tokio_postgres::Client;

/// Objects with a lower id came with PostgreSQL (FirstNormalObjectId in access/transam.h).
const FIRST_NORMAL_OBJECT: u32 = 16_384;

/// Columns that a server changes by itself, or that are hints which it never takes back.
const VOLATILE: &[(&str, &[&str])] = &[
    (
        "pg_class",
        &[
            "relfilenode",
            "relpages",
            "reltuples",
            "relallvisible",
            "relallfrozen",
            "relfrozenxid",
            "relminmxid",
            "relhasindex",
            "relhasrules",
            "relhastriggers",
            "relhassubclass",
        ],
    ),
    ("pg_database", &["datfrozenxid", "datminmxid"]),
    ("pg_index", &["indcheckxmin"]),
];

/// Tables of few rows, shown in full even for what came with PostgreSQL, and large objects, whose ids users choose.
const SHOWN_IN_FULL: &[&str] = &["pg_namespace", "pg_language", "pg_extension", "pg_largeobject_metadata"];

/// The columns that tell which object a row is of, the first that a table has.
const KEYS: &[&str] = &[
    "oid",
    "attrelid",
    "aggfnoid",
    "indexrelid",
    "objid",
    "objoid",
    "inhrelid",
    "mapcfg",
    "partrelid",
    "rngtypid",
    "seqrelid",
    "ftrelid",
];

/// Columns that lead to an object of any kind: the table it is in, its id, its part.
const ANY_OBJECT: &[(&str, &str, &str)] =
    &[("classid", "objid", "objsubid"), ("refclassid", "refobjid", "refobjsubid"), ("classoid", "objoid", "objsubid")];

/// Per table with access lists: the expression for an unset one, see `acldefault` in the manual's section 9.27.
const ACL_DEFAULTS: &[(&str, &str)] = &[
    ("pg_class", "acldefault(CASE WHEN t.relkind = 'S' THEN 's' ELSE 'r' END::\"char\", t.relowner)"),
    ("pg_proc", "acldefault('f', t.proowner)"),
    ("pg_namespace", "acldefault('n', t.nspowner)"),
    ("pg_database", "acldefault('d', t.datdba)"),
    ("pg_tablespace", "acldefault('t', t.spcowner)"),
    ("pg_type", "acldefault('T', t.typowner)"),
    ("pg_language", "acldefault('l', t.lanowner)"),
    ("pg_largeobject_metadata", "acldefault('L', t.lomowner)"),
    ("pg_foreign_data_wrapper", "acldefault('F', t.fdwowner)"),
    ("pg_foreign_server", "acldefault('S', t.srvowner)"),
];

/// One catalogue.
pub(super) struct Table {
    name: String,
    shared: bool,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: String,
    /// The catalogue that it refers to by object id.
    refers_to: Option<String>,
    is_array: bool,
}

impl Table {
    /// Whether its rows are read with the shared ones or with each database's. `pg_shdepend` is shared and speaks of
    /// objects in databases, whose names can only be found there.
    pub(super) fn is_read_in(&self, shared: bool) -> bool {
        self.shared == shared || self.name == "pg_shdepend"
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|c| c.name == column)
    }

    fn is_volatile(&self, column: &str) -> bool {
        VOLATILE.iter().any(|(table, columns)| *table == self.name && columns.contains(&column))
    }
}

/// The catalogues of a database with their columns and references (`pg_get_catalog_foreign_keys`, version 14 and on).
pub(super) async fn tables(client: &Client) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for row in client.query(include_str!("catalogues.sql"), &[]).await? {
        let name: String = row.try_get(0)?;
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table { name, shared: row.try_get(1)?, columns: Vec::new() });
        }
        let column = Column {
            name: row.try_get(2)?,
            kind: row.try_get(3)?,
            refers_to: row.try_get(4)?,
            is_array: row.try_get(5)?,
        };
        if let Some(table) = tables.last_mut() {
            table.columns.push(column);
        }
    }
    Ok(tables)
}

/// What is asked about one table.
pub(super) struct Query {
    /// The table's name, for the lines.
    pub(super) name: String,
    /// One row: the fingerprint of the settled rows (NULL if the table has none) and whether there are others.
    pub(super) glance: String,
    /// A query of one column: the lines of the others.
    pub(super) fresh: String,
    /// A query of one column: the lines of the settled rows.
    pub(super) settled: String,
}

/// The query of a table.
///
/// **Settled** rows are those that nobody has written since the cluster was made. Their lines depend on nothing but
/// themselves, since their access lists can only speak of PostgreSQL's own roles. Their fingerprint is made from the file
/// and the places in it where they lie: they move only into a new file (`VACUUM FULL`), a place that one has left is taken
/// by a row written later, and a database begins with its template's files. So in one server the same fingerprint means
/// the same rows. What a server changes in place is no part of a snapshot.
///
/// `made` is the transaction by which the cluster was made: all before it is of then.
pub(super) fn query(table: &Table, shared: bool, made: &str) -> Query {
    let name = &table.name;
    let full = full_row(table);
    let Some(key) = KEYS.iter().find(|key| table.has(key) && !table.shared && !SHOWN_IN_FULL.contains(&name.as_str()))
    else {
        let filter = match name.as_str() {
            "pg_namespace" => "WHERE t.nspname !~ '^pg_(toast_)?temp_[0-9]+$'",
            "pg_shdepend" if shared => "WHERE t.dbid = 0",
            "pg_shdepend" => "WHERE t.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
            _ => "",
        };
        let from = format!("FROM pg_catalog.{name} t {filter}");
        return always_fresh(name, &format!("SELECT {from}"), format!("SELECT ({full})::text {from}"));
    };
    let built_in = if table.has("refobjid") {
        format!("greatest(t.objid, t.refobjid) < {FIRST_NORMAL_OBJECT}")
    } else {
        format!("t.{key}::oid < {FIRST_NORMAL_OBJECT}")
    };
    let settled = format!("({built_in} AND age(t.xmin) > age('{made}'::xid))");
    let hashed = hashed_row(table, key);
    Query {
        name: name.clone(),
        glance: format!(
            "SELECT pg_relation_filenode('pg_catalog.{name}') || ' ' || count(*) FILTER (WHERE settled) || ' ' || \
             coalesce(sum(place) FILTER (WHERE settled), 0), coalesce(bool_or(NOT settled), false) \
             FROM (SELECT {settled} AS settled, hashtidextended(t.ctid, 0) AS place FROM pg_catalog.{name} t) AS glance"
        ),
        fresh: format!(
            "SELECT (CASE WHEN {built_in} THEN {hashed} ELSE {full} END)::text FROM pg_catalog.{name} t \
             WHERE NOT {settled}"
        ),
        settled: format!("SELECT ({hashed})::text FROM pg_catalog.{name} t WHERE {settled}"),
    }
}

/// What no catalogue table holds or what needs its own form.
pub(super) fn views(shared: bool) -> impl Iterator<Item = Query> {
    let views: &[(&str, &str)] = if shared {
        &[
            ("prepared transaction", include_str!("prepared.sql")),
            ("setting", include_str!("settings.sql")),
            ("replication slot", include_str!("slots.sql")),
        ]
    } else {
        &[("large object", include_str!("large_objects.sql"))]
    };
    views.iter().map(|(name, query)| always_fresh(name, query, (*query).to_owned()))
}

/// `rows` is a query of the same rows, without their lines.
fn always_fresh(name: &str, rows: &str, fresh: String) -> Query {
    let glance = format!("SELECT NULL, EXISTS ({rows})");
    Query { name: name.to_owned(), glance, fresh, settled: String::new() }
}

fn full_row(table: &Table) -> String {
    let mut fields = Vec::new();
    for column in &table.columns {
        let name = &column.name;
        let is_own_id = name == "oid" && table.name != "pg_largeobject_metadata";
        let is_consumed = ANY_OBJECT.iter().any(|(class, _, part)| name == class || name == part);
        if is_own_id || is_consumed || table.is_volatile(name) {
            continue;
        }
        fields.push(format!("'{name}', {}", expression(table, column)));
    }
    format!("json_build_object({})", fields.join(", "))
}

/// A row of PostgreSQL's own: a hash, and its access list in words unless it is the default; there are thousands.
fn hashed_row(table: &Table, key: &str) -> String {
    let is_acl = |column: &&Column| column.kind == "aclitem[]";
    let plain = table.columns.iter().filter(|c| !is_acl(c) && !table.is_volatile(&c.name));
    let plain: Vec<String> = plain.map(|c| format!("t.{}", c.name)).collect();
    let acl = table.columns.iter().find(is_acl).map_or("NULL".to_owned(), |column| {
        let (value, default) = (format!("t.{}", column.name), acl_default(table));
        let is_default = format!("{value} IS NULL OR ({value} @> {default} AND {value} <@ {default})");
        format!("CASE WHEN {is_default} THEN to_json('default'::text) ELSE {} END", expression(table, column))
    });
    let hash = format!("md5(ROW({})::text)", plain.join(", "));
    format!("json_build_object('built in', t.{key}::oid::text, 'acl', {acl}, 'hash', {hash})")
}

fn acl_default(table: &Table) -> &'static str {
    let default = ACL_DEFAULTS.iter().find(|(name, _)| *name == table.name);
    default.map_or("NULL::aclitem[]", |(_, expression)| expression)
}

fn expression(table: &Table, column: &Column) -> String {
    let value = format!("t.{}", column.name);
    if column.kind == "aclitem[]" {
        return exploded_acl(&format!("coalesce({value}, {})", acl_default(table)));
    }
    let any = ANY_OBJECT.iter().find(|(class, object, _)| column.name == *object && table.has(class));
    if let Some((class, object, part)) = any {
        let part = if table.has(part) { format!("t.{part}") } else { "0".to_owned() };
        return identity(&format!("t.{class}"), &format!("t.{object}"), &part);
    }
    match column.refers_to.as_deref() {
        // A large object has no name but its number.
        None | Some("pg_largeobject_metadata") => format!("{value}::text"),
        Some(catalogue) if column.is_array => {
            let one = identity(&format!("'{catalogue}'::regclass"), "one", "0");
            format!("(SELECT json_agg({one} ORDER BY n) FROM unnest({value}::oid[]) WITH ORDINALITY AS u (one, n))")
        }
        Some(catalogue) => identity(&format!("'{catalogue}'::regclass"), &format!("{value}::oid"), "0"),
    }
}

/// The name of the object with an id in a catalogue.
fn identity(class: &str, object: &str, part: &str) -> String {
    format!(
        "CASE WHEN {object} = 0 THEN '-' ELSE coalesce((SELECT i.type || ' ' || i.identity \
         FROM pg_identify_object({class}, {object}, {part}) i), 'dangling oid ' || {object}) END"
    )
}

/// An access list as sorted words; roles that are gone show as dangling ids.
fn exploded_acl(acl: &str) -> String {
    let role = |id: &str| {
        format!(
            "CASE WHEN x.{id} = 0 THEN 'PUBLIC' ELSE coalesce((SELECT quote_ident(rolname) FROM pg_authid \
             WHERE oid = x.{id}), 'dangling oid ' || x.{id}) END"
        )
    };
    let (grantee, grantor) = (role("grantee"), role("grantor"));
    format!(
        "(SELECT json_agg(word ORDER BY word) FROM (SELECT {grantee} || ': ' || x.privilege_type || \
         CASE WHEN x.is_grantable THEN ' grantable' ELSE '' END || ' by ' || {grantor} AS word \
         FROM aclexplode({acl}) x) words)"
    )
}
