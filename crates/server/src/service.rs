//! Which protocol a record is opened with, and what of it the record allows.

use mayfly_access::objects::{DatabaseType, Jit, Launch, Record};
use mayfly_brokers::port::{MysqlService, Protocol, Service, SshService};

/// The protocol that a client has to speak, and what a client of another one is told.
pub(crate) fn spoken(record: &Record) -> (Protocol, &'static str) {
    match record {
        Record::Database(database) => match database.database_type {
            DatabaseType::Postgresql => (Protocol::Postgres, "a database: open it with psql"),
            DatabaseType::Mysql => (Protocol::Mysql, "a database of MySQL: open it with mysql"),
            DatabaseType::Mariadb => (Protocol::Mysql, "a database of MariaDB: open it with mariadb"),
            DatabaseType::Mssql => (Protocol::Tds, "a database of SQL Server: open it with sqlcmd"),
        },
        Record::Machine(_) => (Protocol::Ssh, "a machine: open it with ssh"),
    }
}

/// What of its protocol a record allows.
pub(crate) fn of(record: Record) -> Service {
    match record {
        Record::Database(database) => match database.database_type {
            DatabaseType::Postgresql => Service::Postgres { default_database: database.default_database },
            DatabaseType::Mysql | DatabaseType::Mariadb => Service::Mysql(MysqlService {
                default_database: database.default_database,
                role: role(&database.resource.jit),
                local_files: database.local_infile,
            }),
            DatabaseType::Mssql => Service::Tds { default_database: database.default_database },
        },
        Record::Machine(machine) => {
            Service::Ssh(SshService { sftp: machine.ssh.sftp, forwarding: machine.ssh.forwarding })
        }
    }
}

/// The role that a session of an existing account of MySQL or MariaDB activates. That of an account which was made for the session is
/// its default role, and active at log-in.
fn role(jit: &Jit) -> Option<String> {
    match jit.launch {
        Launch::Ephemeral => None,
        Launch::Existing { .. } => jit.elevate.as_ref().map(|grant| grant.role.clone()),
    }
}
