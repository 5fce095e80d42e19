//! What the targets of tests and of the demo hold: two databases with a little data and two roles to be lifted into.

use anyhow::{Context, Result};

use crate::postgres::PostgresHandle;

/// The databases that [`create`] makes.
pub const DATABASES: [&str; 2] = ["orders", "billing"];

/// The roles that [`create`] makes: `readonly` may SELECT, `readwrite` may also INSERT, UPDATE and DELETE.
pub const ROLES: [&str; 2] = ["readonly", "readwrite"];

/// Creates the roles and the databases.
///
/// # Errors
/// When one of them exists already.
pub async fn create(server: &PostgresHandle) -> Result<()> {
    create_roles(server).await?;
    create_databases(server).await
}

/// Creates the roles only.
///
/// # Errors
/// When one of them exists already.
pub async fn create_roles(server: &PostgresHandle) -> Result<()> {
    let client = server.client("postgres").await?;
    for role in ROLES {
        client.batch_execute(&format!("CREATE ROLE {role} NOLOGIN")).await.context("cannot create a role")?;
    }
    Ok(())
}

/// Creates the databases: `orders` with `customers` (3 rows) and `orders` (5 rows), `billing` with `invoices` (3 rows), and
/// the rights of the roles in them.
///
/// # Errors
/// When one of them exists already, or a role does not exist.
pub async fn create_databases(server: &PostgresHandle) -> Result<()> {
    for (database, tables) in DATABASES.iter().zip([include_str!("orders.sql"), include_str!("billing.sql")]) {
        server.create_database(database).await?;
        let client = server.client(database).await?;
        client.batch_execute(tables).await.with_context(|| format!("cannot fill {database}"))?;
        client
            .batch_execute(include_str!("grants.sql"))
            .await
            .with_context(|| format!("cannot grant on {database}"))?;
    }
    Ok(())
}
