//! The administrator that Mayfly needs on PostgreSQL: not a superuser, and with no right it does not use.

use anyhow::{Context, Result};

use crate::postgres::{Login, PostgresHandle, quote_identifier};
use crate::scratch;

/// The administrator's name.
pub const ADMIN: &str = "mayfly_admin";

/// The role without log-in and without any other right that gets what ephemeral accounts leave behind.
pub const GRAVEYARD: &str = "mayfly_graveyard";

/// A number of our own for PostgreSQL's advisory locks.
const LOCK: i64 = 0x6d61_7966_6c79;

/// Creates the administrator and the graveyard, and lets the administrator grant `roles` and connect to `databases`.
///
/// It gets CREATEROLE, `pg_signal_backend`, `pg_read_all_stats` (without which it does not see since when sessions of
/// existing accounts run, and those that are older than a hold have to be left alone), and membership in the graveyard:
/// `REASSIGN OWNED` demands the rights of the role that receives (on 16 and later thus INHERIT as well as SET, seen on 18:
/// without INHERIT it is refused).
/// On 16 and later it gets each of `roles` WITH ADMIN OPTION but without their rights (INHERIT FALSE, SET FALSE). On 15
/// CREATEROLE alone may grant every role that is no superuser, and a membership there would only give the
/// administrator the roles' rights.
///
/// Handing over needs no more. The new owner of a function must have CREATE on its schema, which the graveyard has nowhere,
/// but the account that made the function had it: the administrator, who made the account, makes the graveyard a member of
/// it for the transaction that hands over.
///
/// # Errors
/// When the administrator exists already, or a role or database does not exist.
pub async fn create(server: &PostgresHandle, roles: &[&str], databases: &[&str]) -> Result<Login> {
    let login = Login { user: ADMIN.to_owned(), password: scratch::secret()? };
    let mut statements = vec![
        format!("CREATE ROLE {ADMIN} LOGIN CREATEROLE PASSWORD '{}'", login.password),
        format!("GRANT pg_signal_backend, pg_read_all_stats TO {ADMIN}"),
        format!("CREATE ROLE {GRAVEYARD} NOLOGIN"),
    ];
    statements.push(match server.flavour().has_membership_options() {
        true => format!("GRANT {GRAVEYARD} TO {ADMIN} WITH INHERIT TRUE, SET TRUE"),
        false => format!("GRANT {GRAVEYARD} TO {ADMIN}"),
    });
    run(server, &statements).await.context("cannot create the administrator")?;
    extend(server, roles, databases).await?;
    Ok(login)
}

/// Lets the existing administrator also grant `roles` and connect to `databases`. May be called by several processes at
/// once, and again with the same names.
///
/// # Errors
/// When a role or database does not exist.
pub async fn extend(server: &PostgresHandle, roles: &[&str], databases: &[&str]) -> Result<()> {
    let mut statements = Vec::new();
    if server.flavour().has_membership_options() {
        for role in roles {
            let role = quote_identifier(role);
            statements.push(format!("GRANT {role} TO {ADMIN} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"));
        }
    }
    for database in databases {
        statements.push(format!("GRANT CONNECT ON DATABASE {} TO {ADMIN}", quote_identifier(database)));
    }
    run(server, &statements).await.context("cannot extend the administrator's rights")
}

/// Runs the statements in one transaction, one caller at a time: concurrent grants on one object fail with "tuple
/// concurrently updated".
async fn run(server: &PostgresHandle, statements: &[String]) -> Result<()> {
    let mut client = server.client("postgres").await?;
    // The administrator's password is to be in no log, so that a test may look for it there.
    client.batch_execute("SET log_statement = 'none'; SET log_min_error_statement = 'panic'").await?;
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    for statement in statements {
        transaction.batch_execute(statement).await?;
    }
    transaction.commit().await?;
    Ok(())
}
