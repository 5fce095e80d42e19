//! What the targets of tests and of the demo hold, as PostgreSQL's [`crate::fixtures`] and [`crate::admin`]: two databases with
//! a little data, two roles to be lifted into, and the administrator that Mayfly needs.

use anyhow::{Context, Result};

use super::{Flavour, MysqlHandle, quote_identifier, quote_literal};
use crate::fixtures::{DATABASES, ROLES};
use crate::postgres::Login;
use crate::scratch;

/// The administrator's name; it comes from 127.0.0.1.
pub const ADMIN: &str = "mayfly_admin";

/// The account that nobody can log in with, in whose name what ephemeral accounts defined stays.
pub const GRAVEYARD: &str = "mayfly_graveyard";

/// Creates the roles: `readonly` may SELECT in both databases, `readwrite` may also INSERT, UPDATE and DELETE. The databases
/// need not exist.
///
/// # Errors
/// When one of them exists already.
pub fn create_roles(server: &MysqlHandle) -> Result<()> {
    for (role, rights) in ROLES.iter().zip(["SELECT", "SELECT, INSERT, UPDATE, DELETE"]) {
        let grants = DATABASES.map(|database| format!("GRANT {rights} ON {database}.* TO {role};"));
        server.sql("", &format!("CREATE ROLE {role}; {}", grants.concat())).context("cannot create a role")?;
    }
    Ok(())
}

/// Creates the databases and their tables.
///
/// # Errors
/// When one of them exists already.
pub fn create_databases(server: &MysqlHandle) -> Result<()> {
    for (database, tables) in DATABASES.iter().zip([include_str!("orders.sql"), include_str!("billing.sql")]) {
        server.sql("", &format!("CREATE DATABASE {database}"))?;
        server.sql(database, tables).with_context(|| format!("cannot fill {database}"))?;
    }
    Ok(())
}

/// The rights on the whole server that the administrator needs, and those on the database `mysql`.
///
/// MySQL: accounts; other sessions and ending them; dropping an account that is the definer of something, and giving that a
/// definer; transactions that were prepared; reading which accounts and roles there are; the events that close accounts.
/// MariaDB has no narrower right for `SET DEFAULT ROLE … FOR` than UPDATE on its account tables.
const fn rights(flavour: Flavour) -> [(&'static str, &'static str); 2] {
    match flavour {
        Flavour::MySql => [
            (
                "CREATE USER, PROCESS, CONNECTION_ADMIN, SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER, XA_RECOVER_ADMIN",
                "*.*",
            ),
            ("SELECT, EVENT", "mysql.*"),
        ],
        Flavour::MariaDb => {
            [("CREATE USER, PROCESS, CONNECTION ADMIN, SET USER", "*.*"), ("SELECT, UPDATE, EVENT", "mysql.*")]
        }
    }
}

/// The rights that handing over what an account has defined takes besides: it sees and writes anew whatever there is.
pub const HAND_OVER: &str =
    "SELECT, SHOW VIEW, CREATE VIEW, TRIGGER, EVENT, CREATE ROUTINE, ALTER ROUTINE, DROP, LOCK TABLES";

/// Creates the administrator and the graveyard, and lets the administrator grant `roles`.
///
/// # Errors
/// When one of them exists already, or a role does not exist.
pub fn create_admin(server: &MysqlHandle, roles: &[&str]) -> Result<Login> {
    let login = Login { user: ADMIN.to_owned(), password: scratch::secret()? };
    let mut statements = vec![
        // The password is to be in no log, so that a test may look for it there.
        "SET SESSION sql_log_off = 1".to_owned(),
        format!("CREATE USER '{ADMIN}'@'127.0.0.1' IDENTIFIED BY '{}' REQUIRE SSL", login.password),
    ];
    for (what, place) in rights(server.flavour) {
        statements.push(format!("GRANT {what} ON {place} TO '{ADMIN}'@'127.0.0.1'"));
    }
    statements.push(format!("GRANT {HAND_OVER} ON *.* TO '{ADMIN}'@'127.0.0.1'"));
    statements.push(format!("CREATE USER '{GRAVEYARD}'@'localhost' ACCOUNT LOCK"));
    server.sql("", &statements.join("; ")).context("cannot create the administrator")?;
    for role in roles {
        lend(server, role)?;
    }
    Ok(login)
}

/// Lets the administrator, and root over TCP, grant a role.
///
/// # Errors
/// When the role or the administrator does not exist.
pub fn lend(server: &MysqlHandle, role: &str) -> Result<()> {
    let role = match server.flavour {
        Flavour::MySql => format!("{}@'%'", quote_literal(role)),
        Flavour::MariaDb => quote_identifier(role),
    };
    // On MariaDB only who has a role with this option can grant it, whoever it is.
    let to = format!("'{ADMIN}'@'127.0.0.1', 'root'@'127.0.0.1'");
    server.sql("", &format!("GRANT {role} TO {to} WITH ADMIN OPTION")).map(drop)
}
