//! Hostile names are valid on the real servers.

use mayfly_testbed::{Flavour, hostile_names};

use crate::start;

#[tokio::test]
async fn roles_and_schemas_and_databases_can_have_them() {
    for flavour in Flavour::ALL {
        let server = start(flavour);
        let client = server.client("postgres").await.unwrap();
        let names = hostile_names(42, 300);
        for (index, name) in names.iter().enumerate() {
            let quoted = format!("\"{}\"", name.replace('"', "\"\""));
            let mut statements = vec![format!("CREATE ROLE {quoted}"), format!("CREATE SCHEMA {quoted}")];
            if index % 20 == 0 {
                statements.push(format!("CREATE DATABASE {quoted}"));
            }
            for statement in statements {
                let done = client.batch_execute(&statement).await;
                done.unwrap_or_else(|error| panic!("{statement:?}: {error:?}"));
            }
        }
        let query = "SELECT (SELECT count(*) FROM pg_roles WHERE rolname = ANY($1)), \
                     (SELECT count(*) FROM pg_namespace WHERE nspname = ANY($1)), \
                     (SELECT count(*) FROM pg_database WHERE datname = ANY($1))";
        let row = client.query_one(query, &[&names]).await.unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(2)), (300_i64, 300_i64, 15_i64));
    }
}
