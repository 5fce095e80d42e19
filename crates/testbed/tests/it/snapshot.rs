//! A snapshot notices each kind of thing that a session could leave behind, and nothing else.

use mayfly_testbed::{Flavour, Postgres, fixtures, snapshot};

use crate::start;

/// A statement of each kind, and words that one line of the difference then has to hold together.
const LEFTOVERS: &[(&str, &[&str])] = &[
    // Roles.
    ("CREATE ROLE left_role", &["+", "pg_authid", "left_role"]),
    ("ALTER ROLE member CREATEDB", &["+", "pg_authid", "\"rolcreatedb\" : \"true\""]),
    ("ALTER ROLE member PASSWORD 'left'", &["+", "pg_authid", "member", "SCRAM-SHA-256$"]),
    ("ALTER ROLE member VALID UNTIL '2031-02-03'", &["+", "pg_authid", "member", "2031-02-03"]),
    ("GRANT readonly TO member", &["+", "pg_auth_members", "role readonly", "role member", "role postgres"]),
    (
        "GRANT readwrite TO member WITH ADMIN OPTION",
        &["+", "pg_auth_members", "role readwrite", "role member", "\"admin_option\" : \"true\""],
    ),
    ("COMMENT ON ROLE member IS 'left remark'", &["+", "pg_shdescription", "role member", "left remark"]),
    ("ALTER ROLE member SET work_mem = '77MB'", &["+", "pg_db_role_setting", "role member", "work_mem=77MB"]),
    (
        "ALTER ROLE member IN DATABASE billing SET work_mem = '78MB'",
        &["+", "pg_db_role_setting", "role member", "database billing", "work_mem=78MB"],
    ),
    // Databases and the server.
    ("CREATE DATABASE left_database", &["+", "pg_database", "left_database"]),
    ("ALTER DATABASE orders OWNER TO member", &["+", "pg_database", "\"orders\"", "role member"]),
    ("GRANT CREATE ON DATABASE billing TO member", &["+", "pg_database", "billing", "member: CREATE by postgres"]),
    ("ALTER DATABASE billing SET work_mem = '79MB'", &["+", "pg_db_role_setting", "billing", "work_mem=79MB"]),
    (
        "GRANT SET ON PARAMETER log_statement TO member",
        &["+", "pg_parameter_acl", "log_statement", "member: SET by postgres"],
    ),
    ("ALTER SYSTEM SET work_mem = '80MB'", &["+", "setting", "postgresql.auto.conf", "80MB"]),
    ("GRANT CREATE ON TABLESPACE pg_default TO member", &["+", "pg_tablespace", "member: CREATE by postgres"]),
    ("SELECT pg_replication_origin_create('left_origin')", &["+", "pg_replication_origin", "left_origin"]),
    ("SELECT pg_create_physical_replication_slot('left_slot')", &["+", "replication slot", "left_slot"]),
    (
        "BEGIN; LOCK TABLE customers; PREPARE TRANSACTION 'left_gid'",
        &["+", "prepared transaction", "left_gid", "postgres", "orders"],
    ),
    // Schemas, tables and what hangs on them.
    ("CREATE SCHEMA left_schema", &["+", "pg_namespace", "left_schema"]),
    ("GRANT CREATE ON SCHEMA public TO member", &["+", "pg_namespace", "public", "member: CREATE by "]),
    ("CREATE TABLE left_table (n int)", &["+", "pg_class", "left_table"]),
    ("GRANT DELETE ON orders TO member", &["+", "pg_class", "\"orders\"", "member: DELETE by "]),
    ("ALTER TABLE owned OWNER TO member", &["+", "pg_class", "\"owned\"", "role member"]),
    ("ALTER TABLE owned ADD left_column int", &["+", "pg_attribute", "public.owned", "left_column"]),
    ("GRANT SELECT (item) ON orders TO member", &["+", "pg_attribute", "public.orders", "item", "member: SELECT by "]),
    ("ALTER TABLE orders ADD CONSTRAINT left_check CHECK (amount > 0)", &["+", "pg_constraint", "left_check"]),
    ("ALTER TABLE orders ALTER item SET DEFAULT 'left'", &["+", "pg_attrdef", "public.orders"]),
    ("CREATE INDEX left_index ON orders (item)", &["+", "pg_index", "left_index"]),
    ("CREATE VIEW left_view AS SELECT 1 AS one", &["+", "pg_class", "left_view"]),
    ("CREATE MATERIALIZED VIEW left_matview AS SELECT 1 AS one", &["+", "pg_class", "left_matview"]),
    ("CREATE RULE left_rule AS ON DELETE TO orders DO INSTEAD NOTHING", &["+", "pg_rewrite", "left_rule"]),
    ("CREATE SEQUENCE left_sequence", &["+", "pg_sequence", "left_sequence"]),
    ("CREATE POLICY left_policy ON orders TO member USING (true)", &["+", "pg_policy", "left_policy", "role member"]),
    ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", &["+", "pg_class", "orders", "\"relrowsecurity\" : \"true\""]),
    (
        "CREATE TRIGGER left_trigger AFTER INSERT ON orders EXECUTE FUNCTION kept_trigger()",
        &["+", "pg_trigger", "left_trigger", "kept_trigger"],
    ),
    ("CREATE STATISTICS left_statistics ON customer, item FROM orders", &["+", "pg_statistic_ext", "left_statistics"]),
    ("COMMENT ON TABLE orders IS 'left comment'", &["+", "pg_description", "public.orders", "left comment"]),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE member GRANT SELECT ON TABLES TO readonly",
        &["+", "pg_default_acl", "role member", "readonly: SELECT by member"],
    ),
    ("CREATE TABLE left_child () INHERITS (owned)", &["+", "pg_inherits", "left_child", "public.owned"]),
    // Functions and types.
    (
        "CREATE FUNCTION left_function() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &["+", "pg_proc", "left_function", "role postgres"],
    ),
    ("ALTER FUNCTION kept_function() SECURITY DEFINER", &["+", "pg_proc", "kept_function", "\"prosecdef\" : \"true\""]),
    (
        "CREATE OR REPLACE FUNCTION mood_to_int(mood) RETURNS int LANGUAGE sql AS 'SELECT 66'",
        &["+", "pg_proc", "mood_to_int", "SELECT 66"],
    ),
    ("GRANT EXECUTE ON FUNCTION kept_trigger() TO member", &["+", "pg_proc", "kept_trigger", "member: EXECUTE by "]),
    ("CREATE PROCEDURE left_procedure() LANGUAGE sql AS 'SELECT 1'", &["+", "pg_proc", "left_procedure"]),
    ("CREATE AGGREGATE left_aggregate (int) (SFUNC = int4pl, STYPE = int)", &["+", "pg_aggregate", "left_aggregate"]),
    ("CREATE TYPE left_type AS (a int, b int)", &["+", "pg_type", "left_type"]),
    ("CREATE TYPE left_enum AS ENUM ('left_label')", &["+", "pg_enum", "left_label"]),
    ("CREATE DOMAIN left_domain AS int CHECK (VALUE > 0)", &["+", "pg_type", "left_domain"]),
    ("GRANT USAGE ON TYPE mood TO member", &["+", "pg_type", "mood", "member: USAGE by postgres"]),
    ("CREATE CAST (mood AS int) WITH FUNCTION mood_to_int(mood)", &["+", "pg_cast", "public.mood", "mood_to_int"]),
    ("CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)", &["+", "pg_operator", "==="]),
    ("CREATE OPERATOR FAMILY left_family USING btree", &["+", "pg_opfamily", "left_family"]),
    ("CREATE COLLATION left_collation FROM \"C\"", &["+", "pg_collation", "left_collation"]),
    ("CREATE CONVERSION left_conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", &["+", "pg_conversion", "left_conv"]),
    ("CREATE TEXT SEARCH CONFIGURATION left_search (COPY = simple)", &["+", "pg_ts_config", "left_search"]),
    // Rights on what came with PostgreSQL.
    ("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO member", &["+", "pg_proc", "built in", "member: EXECUTE by "]),
    ("GRANT SELECT ON pg_authid TO member", &["+", "pg_class", "built in", "member: SELECT by postgres"]),
    ("GRANT SELECT (rolpassword) ON pg_authid TO member", &["+", "pg_attribute", "built in", "member: SELECT by "]),
    ("REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC", &["-", "pg_language", "plpgsql", "PUBLIC: USAGE by postgres"]),
    ("ALTER FUNCTION pg_catalog.pg_sleep(float8) SECURITY DEFINER", &["+", "pg_proc", "built in", "hash"]),
    // The rest.
    ("CREATE EVENT TRIGGER left_event ON ddl_command_end EXECUTE FUNCTION kept_event()", &["+", "pg_event_trigger"]),
    ("SELECT lo_create(4711)", &["+", "pg_largeobject_metadata", "4711", "role postgres"]),
    ("SELECT lo_put(42, 0, 'left')", &["+", "large object |", "42"]),
    ("GRANT SELECT ON LARGE OBJECT 42 TO member", &["+", "pg_largeobject_metadata", "42", "member: SELECT by "]),
    ("CREATE EXTENSION pgcrypto", &["+", "pg_extension", "pgcrypto"]),
    ("CREATE PUBLICATION left_publication FOR TABLE orders", &["+", "pg_publication", "left_publication"]),
    (
        "CREATE SUBSCRIPTION left_subscription CONNECTION '' PUBLICATION p WITH (connect = false)",
        &["+", "pg_subscription", "left_subscription"],
    ),
    ("CREATE FOREIGN DATA WRAPPER left_wrapper", &["+", "pg_foreign_data_wrapper", "left_wrapper"]),
    ("CREATE SERVER left_server FOREIGN DATA WRAPPER kept_wrapper", &["+", "pg_foreign_server", "left_server"]),
    ("CREATE USER MAPPING FOR member SERVER kept_server", &["+", "pg_user_mapping", "role member", "kept_server"]),
    (
        "GRANT USAGE ON FOREIGN SERVER kept_server TO member",
        &["+", "pg_foreign_server", "kept_server", "member: USAGE by postgres"],
    ),
];

/// What is there before, for the leftovers to touch.
const GROUND: &str = "
    CREATE ROLE member LOGIN;
    CREATE TABLE owned (n int);
    CREATE FUNCTION kept_function() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION kept_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE FUNCTION kept_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE FUNCTION mood_to_int(mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FOREIGN DATA WRAPPER kept_wrapper;
    CREATE SERVER kept_server FOREIGN DATA WRAPPER kept_wrapper;
    SELECT lo_from_bytea(42, 'kept');
";

async fn prepare(flavour: Flavour) -> Postgres {
    let server = start(flavour);
    fixtures::create(&server).await.unwrap();
    server.client("orders").await.unwrap().batch_execute(GROUND).await.unwrap();
    server
}

#[tokio::test]
async fn an_untouched_server_has_no_difference() {
    for flavour in Flavour::ALL {
        let server = prepare(flavour).await;
        let before = snapshot::take(&server).await.unwrap();
        // What a server does by itself, and what a session does that leaves nothing.
        let session = server.client("orders").await.unwrap();
        session.batch_execute("VACUUM FREEZE ANALYZE").await.unwrap();
        session.batch_execute("VACUUM FULL pg_description").await.unwrap();
        session.batch_execute("CREATE TEMP TABLE t (n int); SELECT count(*) FROM orders").await.unwrap();
        drop(session);
        server.restart().unwrap();
        let after = snapshot::take(&server).await.unwrap();
        assert_eq!(snapshot::diff(&before, &after), "", "{flavour:?}");
    }
}

#[tokio::test]
async fn what_is_done_and_undone_has_no_difference() {
    let done_and_undone = "
        CREATE ROLE keeper_x LOGIN PASSWORD 'x' IN ROLE readonly;
        COMMENT ON ROLE keeper_x IS 'ours';
        GRANT SELECT ON customers TO keeper_x;
        GRANT EXECUTE ON FUNCTION pg_read_file(text), pg_sleep(float8), kept_function() TO keeper_x;
        GRANT CREATE ON SCHEMA public TO keeper_x;
        CREATE TABLE theirs (n int);
        ALTER TABLE theirs OWNER TO keeper_x;
        DROP OWNED BY keeper_x;
        DROP ROLE keeper_x";
    for flavour in Flavour::ALL {
        let server = prepare(flavour).await;
        let before = snapshot::take(&server).await.unwrap();
        server.client("orders").await.unwrap().batch_execute(done_and_undone).await.unwrap();
        let after = snapshot::take(&server).await.unwrap();
        assert_eq!(snapshot::diff(&before, &after), "", "{flavour:?}");
    }
}

#[tokio::test]
async fn each_kind_of_leftover_shows() {
    for flavour in Flavour::ALL {
        let server = prepare(flavour).await;
        let before = snapshot::take(&server).await.unwrap();
        for (statement, _) in LEFTOVERS {
            let done = server.client("orders").await.unwrap().batch_execute(statement).await;
            done.unwrap_or_else(|error| panic!("{statement} on {flavour:?}: {error:?}"));
        }
        let after = snapshot::take(&server).await.unwrap();
        let diff = snapshot::diff(&before, &after);
        for (statement, words) in LEFTOVERS {
            let shows = |line: &str| line.starts_with(words[0]) && words.iter().all(|word| line.contains(word));
            assert!(diff.lines().any(shows), "{statement} on {flavour:?}: nothing with {words:?} in\n{diff}");
        }
    }
}

/// What is remembered of PostgreSQL's own objects holds for the places where they lie.
#[tokio::test]
async fn objects_of_one_database_are_not_taken_for_those_of_another() {
    for flavour in Flavour::ALL {
        let server = prepare(flavour).await;
        let before = snapshot::take(&server).await.unwrap();
        for (database, function) in [("orders", "pg_sleep(float8)"), ("billing", "pg_sleep_for(interval)")] {
            let client = server.client(database).await.unwrap();
            client.batch_execute(&format!("ALTER FUNCTION {function} COST 7")).await.unwrap();
            client.batch_execute("VACUUM FULL pg_proc").await.unwrap();
        }
        let between = snapshot::take(&server).await.unwrap();
        let diff = snapshot::diff(&before, &between);
        let of = |database: &str| {
            diff.lines().filter(|line| line[2..].starts_with(&format!("{database} | pg_proc | "))).count()
        };
        assert_eq!((of("orders"), of("billing"), diff.lines().count()), (2, 2, 4), "{flavour:?}:\n{diff}");
        for (database, function) in [("orders", "pg_sleep(float8)"), ("billing", "pg_sleep_for(interval)")] {
            let client = server.client(database).await.unwrap();
            client.batch_execute(&format!("ALTER FUNCTION {function} COST 1")).await.unwrap();
        }
        assert_eq!(snapshot::take(&server).await.unwrap(), before, "{flavour:?}");
    }
}

#[tokio::test]
async fn ids_that_lead_nowhere_show() {
    for flavour in Flavour::ALL {
        let server = prepare(flavour).await;
        let before = snapshot::take(&server).await.unwrap();
        let client = server.client("orders").await.unwrap();
        // What a DROP ROLE leaves when it overtakes a grant, made here by hand.
        let overtaken = "CREATE ROLE gone; GRANT SELECT ON customers TO gone; SET allow_system_table_mods = on; \
                         DELETE FROM pg_authid WHERE rolname = 'gone'";
        client.batch_execute(overtaken).await.unwrap();
        let after = snapshot::take(&server).await.unwrap();
        let diff = snapshot::diff(&before, &after);
        assert!(diff.contains("dangling oid"), "{diff}");
        assert!(diff.contains(": SELECT by postgres"), "{diff}");
        assert!(diff.contains("pg_shdepend"), "{diff}");
    }
}
