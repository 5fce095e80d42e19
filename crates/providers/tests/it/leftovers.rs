//! What an account leaves behind: objects in two databases, prepared transactions, grants of others, code that must not run.

use crate::rig::{ALL, As, Rig};
use mayfly_domain::FailureClass;
use mayfly_engine::ports::provider::{CloseVerb, Presence};
use mayfly_testbed::{hostile_names, snapshot};
use serde_json::json;

/// Lets whoever is lifted into `readwrite` make things, and records in `trapped` whoever runs a trap.
async fn prepare(rig: &Rig) {
    for database in ["orders", "billing"] {
        rig.sql(
            database,
            "GRANT CREATE ON DATABASE orders TO readwrite; GRANT CREATE ON DATABASE billing TO readwrite;
             CREATE SCHEMA shop; GRANT USAGE, CREATE ON SCHEMA shop TO readwrite;
             CREATE TABLE shop.trapped (who text, what text); GRANT ALL ON shop.trapped TO PUBLIC;
             GRANT USAGE ON SCHEMA shop TO PUBLIC;",
        )
        .await;
    }
}

/// Things of every kind whose code would write into `trapped` if anything ran it.
const TRAPS: &str = "
    CREATE FUNCTION shop.trap() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        $$ BEGIN INSERT INTO shop.trapped VALUES (current_user, 'function'); RETURN 1; END $$;
    CREATE FUNCTION shop.trap_secdef() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN INSERT INTO shop.trapped VALUES (current_user, 'definer'); RETURN 1; END $$;
    CREATE FUNCTION shop.trap_trigger() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO shop.trapped VALUES (current_user, 'trigger'); RETURN NULL; END $$;
    CREATE FUNCTION shop.trap_check(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        $$ BEGIN PERFORM set_config('shop.trapped', 'yes', false); RETURN a; END $$;
    CREATE TABLE shop.t (a int DEFAULT shop.trap(), CHECK (shop.trap_check(a) IS NOT NULL));
    CREATE INDEX ON shop.t (shop.trap_check(a));
    CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON shop.t EXECUTE FUNCTION shop.trap_trigger();
    ALTER TABLE shop.t ENABLE ALWAYS TRIGGER t;
    CREATE RULE r AS ON INSERT TO shop.t DO ALSO INSERT INTO shop.trapped VALUES (current_user, 'rule');
    CREATE POLICY p ON shop.t USING (shop.trap() = 1);
    ALTER TABLE shop.t ENABLE ROW LEVEL SECURITY;
    CREATE VIEW shop.v AS SELECT shop.trap() AS a;
    CREATE RULE r AS ON INSERT TO shop.v DO INSTEAD INSERT INTO shop.trapped VALUES (current_user, 'view rule');
    CREATE MATERIALIZED VIEW shop.m AS SELECT shop.trap() AS a WITH NO DATA;
    CREATE DOMAIN shop.d AS int CHECK (shop.trap_check(VALUE) > 0);
    CREATE TYPE shop.mood AS ENUM ('sad', 'glad');
    CREATE SEQUENCE shop.s;
    CREATE SCHEMA own_schema;
    CREATE TABLE own_schema.t (a int);
    SELECT lo_create(0);
    ALTER DEFAULT PRIVILEGES IN SCHEMA own_schema GRANT SELECT ON TABLES TO PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO readonly;
    GRANT SELECT ON shop.t TO readonly;";

#[tokio::test]
async fn the_graveyard_takes_everything_and_nothing_of_it_runs() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig).await;
        let wish = rig.create(Some("readwrite"), json!({}));
        let (mut change, _) = rig.open(&wish).await;
        let client = rig.log_in(&change, "orders").await.unwrap();
        client.batch_execute(TRAPS).await.unwrap();
        client
            .batch_execute("BEGIN; CREATE TABLE shop.pending (a int); PREPARE TRANSACTION 'it''s \"p\"'")
            .await
            .unwrap();
        // A session that has switched roles is ended like any other.
        client.batch_execute("SET ROLE readwrite").await.unwrap();
        rig.log_in(&change, "billing").await.unwrap().batch_execute(TRAPS).await.unwrap();

        let report = rig.remove(&mut change).await;
        client.query("SELECT 1", &[]).await.unwrap_err();
        let said = report.join("\n");
        for word in
            ["prepared transaction", "lost SECURITY DEFINER", "shop.mood", "own_schema", "large object", "\"billing\""]
        {
            assert!(said.contains(word), "{word} is not in the report:\n{said}");
        }
        for database in ["orders", "billing"] {
            let context = format!("{flavour:?} {as_whom:?} {database}");
            assert_eq!(rig.ask(database, "SELECT count(*) FROM shop.trapped").await, "0", "{context}");
            let owner = "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class WHERE relname IN ('t', 'v', 'm', 's')";
            assert_eq!(rig.ask(database, owner).await, "mayfly_graveyard", "{context}");
            assert_eq!(
                rig.ask(database, "SELECT count(*) FROM pg_proc WHERE prosecdef AND proname ~ '^trap'").await,
                "0"
            );
            assert_eq!(
                rig.ask(database, "SELECT reloptions::text FROM pg_class WHERE relname = 'v'").await,
                "{security_invoker=true}"
            );
            let rules = "SELECT count(*) FROM pg_rewrite WHERE rulename = 'r' AND ev_enabled <> 'D'";
            assert_eq!(rig.ask(database, rules).await, "0", "{context}");
            assert_eq!(rig.ask(database, "SELECT count(*) FROM pg_default_acl").await, "0", "{context}");
        }
        assert_eq!(rig.ask("postgres", "SELECT count(*) FROM pg_prepared_xacts").await, "0");
        let members = "SELECT count(*) FROM pg_auth_members WHERE member = 'mayfly_graveyard'::regrole";
        assert_eq!(rig.ask("postgres", members).await, "0", "the graveyard kept a membership");
    }
}

#[tokio::test]
async fn the_drop_policy_drops_all_but_what_others_build_on() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig).await;
        let before = snapshot::take(&rig).await.unwrap();
        let wish = rig.create(Some("readwrite"), json!({"leftovers": "drop"}));
        let (mut change, _) = rig.open(&wish).await;
        for database in ["orders", "billing"] {
            rig.log_in(&change, database).await.unwrap().batch_execute(TRAPS).await.unwrap();
        }
        rig.remove(&mut change).await;
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");

        // A view of somebody else on a table of ours is not ours to drop.
        let (mut change, _) = rig.open(&rig.create(Some("readwrite"), json!({"leftovers": "drop"}))).await;
        rig.log_in(&change, "orders").await.unwrap().batch_execute("CREATE TABLE shop.base (a int)").await.unwrap();
        rig.sql("orders", "CREATE VIEW shop.theirs AS SELECT * FROM shop.base").await;
        rig.remove(&mut change).await;
        let owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'base'";
        assert_eq!(rig.ask("orders", owner).await, "mayfly_graveyard");
    }
}

#[tokio::test]
async fn the_keep_policy_keeps_a_closed_account_only_while_it_owns_something() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig).await;
        let (mut change, _) = rig.open(&rig.create(Some("readwrite"), json!({"leftovers": "keep"}))).await;
        rig.log_in(&change, "orders").await.unwrap().batch_execute("CREATE TABLE shop.kept (a int)").await.unwrap();
        rig.close(CloseVerb::Disable, &change).await.unwrap();
        rig.close(CloseVerb::EndSessions, &change).await.unwrap();
        assert!(rig.close(CloseVerb::HandOver, &change).await.unwrap().stays);
        assert_eq!(rig.look(&change).await.can_log_in, Some(false));
        rig.sql("orders", "DROP TABLE shop.kept").await;
        rig.sql("orders", &format!("GRANT SELECT ON customers TO {}", change.name())).await;
        if as_whom == As::Superuser {
            rig.remove(&mut change).await;
        }
    }
}

/// A grant that a third role made can be taken back only by it or by a superuser: the failure says so, and how.
#[tokio::test]
async fn grants_of_a_third_role_are_named_with_the_statement_that_helps() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let (mut change, _) = rig.open(&rig.create(None, json!({}))).await;
        let name = change.name().to_owned();
        rig.sql(
            "orders",
            &format!(
                "CREATE ROLE third; CREATE TABLE third (a int); ALTER TABLE third OWNER TO third; SET ROLE third;
                 GRANT SELECT ON third TO {name};"
            ),
        )
        .await;
        if as_whom == As::Superuser {
            rig.remove(&mut change).await;
            continue;
        }
        rig.close(CloseVerb::Disable, &change).await.unwrap();
        rig.close(CloseVerb::HandOver, &change).await.unwrap();
        let failure = rig.close(CloseVerb::Remove, &change).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::NotPermitted);
        for word in ["table public.third", "granted by third", "\"orders\"", &format!("DROP OWNED BY \"{name}\";")] {
            assert!(failure.text.contains(word), "{word}: {}", failure.text);
        }
        rig.sql("orders", &format!("DROP OWNED BY {name}")).await;
        rig.remove(&mut change).await;
    }
}

/// An event trigger whose function an ordinary role owns would run that role's code with our rights.
#[tokio::test]
async fn event_triggers_that_users_own_do_not_fire() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        prepare(&rig).await;
        let (mut change, _) = rig.open(&rig.create(Some("readwrite"), json!({}))).await;
        let trap = "CREATE FUNCTION shop.fired() RETURNS event_trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO shop.trapped VALUES (current_user, 'event'); END $$;
             CREATE TABLE shop.mine (a int);";
        rig.log_in(&change, "orders").await.unwrap().batch_execute(trap).await.unwrap();
        rig.sql(
            "orders",
            "CREATE EVENT TRIGGER \"on; all\" ON ddl_command_start EXECUTE FUNCTION shop.fired();
             CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION shop.fired();
             TRUNCATE shop.trapped;",
        )
        .await;
        let fired = rig.ask("orders", "SELECT count(*) FROM shop.trapped").await;
        if as_whom == As::LeastPrivilege {
            let failure = rig.close(CloseVerb::HandOver, &change).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::NotPermitted);
            assert!(failure.text.contains("DISABLE;"), "{}", failure.text);
            rig.sql("orders", "ALTER EVENT TRIGGER \"on; all\" DISABLE; ALTER EVENT TRIGGER dropped DISABLE").await;
        }
        let fired_by_us = rig.ask("orders", "SELECT count(*) FROM shop.trapped").await;
        rig.remove(&mut change).await;
        let after = rig.ask("orders", "SELECT count(*) FROM shop.trapped").await;
        assert_eq!(fired_by_us, after, "{flavour:?} {as_whom:?}: {fired}");
    }
}

/// FAILURES 38, SECURITY-CASES 41: 200 hostile names of roles, databases and schemas, and nothing else changes.
#[tokio::test]
async fn hostile_names_change_nothing_else() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        let names = hostile_names(38, 200);
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let (databases, rest) = names.split_at(6);
        let (roles, schemas) = rest.split_at(97);
        for database in databases {
            rig.create_database(database).await.unwrap();
            let grant = format!("GRANT CREATE, CONNECT ON DATABASE {} TO PUBLIC", quoted(database));
            rig.sql("postgres", &grant).await;
        }
        for role in roles {
            rig.sql("postgres", &format!("CREATE ROLE {}", quoted(role))).await;
            if flavour.has_membership_options() && as_whom == As::LeastPrivilege {
                let grant = format!("GRANT {} TO mayfly_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", quoted(role));
                rig.sql("postgres", &grant).await;
            }
        }
        let before = snapshot::take(&rig).await.unwrap();
        for (index, role) in roles.iter().enumerate() {
            let wish = rig.create(Some(role), json!({"leftovers": "drop"}));
            let (mut change, _) = rig.open(&wish).await;
            // Each database is used by some of the accounts, with a schema of each hostile name.
            let client = rig.log_in(&change, &databases[index % databases.len()]).await.unwrap();
            let schema = quoted(&schemas[index % schemas.len()]);
            client
                .batch_execute(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.{schema} (a int)"))
                .await
                .unwrap();
            drop(client);
            rig.remove(&mut change).await;
        }
        assert_eq!(snapshot::diff(&before, &snapshot::take(&rig).await.unwrap()), "", "{flavour:?} {as_whom:?}");
    }
}

#[tokio::test]
async fn a_database_of_the_account_is_handed_over_whatever_the_policy() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        for policy in ["graveyard", "drop"] {
            let (mut change, _) = rig.open(&rig.create(None, json!({"leftovers": policy}))).await;
            rig.sql("postgres", &format!("ALTER DATABASE billing OWNER TO {}", change.name())).await;
            let report = rig.remove(&mut change).await;
            assert!(report.iter().any(|line| line.contains("billing")), "{report:?}");
            let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'billing'";
            assert_eq!(rig.ask("postgres", owner).await, "mayfly_graveyard", "{policy}");
            rig.sql("postgres", "ALTER DATABASE billing OWNER TO postgres").await;
        }
        let (change, _) = rig.open(&rig.create(None, json!({}))).await;
        assert!(matches!(rig.look(&change).await.presence, Presence::Ours { leftovers: false, .. }));
    }
}
