//! The command byte, with which every message of a client begins after log-in (MySQL source documentation, page
//! "Command Phase" and `enum_server_command`; MariaDB documentation, pages "Text Protocol" and "Binary Protocol").

use std::fmt;

/// Makes the enum, and the table from bytes.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $byte:literal,)*) => {
        /// What a client asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Command {
            $($(#[$doc])* $name = $byte,)*
        }

        impl Command {
            /// All commands.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The command with this byte; `None` for one that no server knows.
            #[must_use]
            pub fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    /// Internal to the server.
    Sleep = 0x00,
    /// The client leaves.
    Quit = 0x01,
    /// Change the default database.
    InitDb = 0x02,
    /// Execute the statements in the payload.
    Query = 0x03,
    /// List a table's columns. Deprecated.
    FieldList = 0x04,
    /// Create a database. Long gone.
    CreateDb = 0x05,
    /// Drop a database. Long gone.
    DropDb = 0x06,
    /// Flush tables, logs and so on. Deprecated.
    Refresh = 0x07,
    /// Shut the server down. Gone from MySQL 8, still in MariaDB.
    Shutdown = 0x08,
    /// A line of statistics.
    Statistics = 0x09,
    /// The list of processes. Deprecated.
    ProcessInfo = 0x0a,
    /// Internal to the server.
    Connect = 0x0b,
    /// End another connection. Deprecated in favour of the statement.
    ProcessKill = 0x0c,
    /// Write debugging information to the server's log.
    Debug = 0x0d,
    /// Nothing but an answer.
    Ping = 0x0e,
    /// Internal to the server.
    Time = 0x0f,
    /// Internal to the server.
    DelayedInsert = 0x10,
    /// Log in again as somebody else, on the same connection.
    ChangeUser = 0x11,
    /// Turn the connection into a stream of the binary log.
    BinlogDump = 0x12,
    /// Dump a table. Long gone.
    TableDump = 0x13,
    /// Internal to the server.
    ConnectOut = 0x14,
    /// Announce a replica.
    RegisterSlave = 0x15,
    /// Prepare a statement.
    StmtPrepare = 0x16,
    /// Execute a prepared statement.
    StmtExecute = 0x17,
    /// Send a part of a parameter. Has no answer.
    StmtSendLongData = 0x18,
    /// Forget a prepared statement. Has no answer.
    StmtClose = 0x19,
    /// Forget parameters and cursor of a prepared statement.
    StmtReset = 0x1a,
    /// Turn several statements in one query on or off.
    SetOption = 0x1b,
    /// Fetch rows of a cursor.
    StmtFetch = 0x1c,
    /// Internal to the server.
    Daemon = 0x1d,
    /// Turn the connection into a stream of the binary log, from a set of transactions on.
    BinlogDumpGtid = 0x1e,
    /// Make the session as it was after log-in: default database, variables and roles.
    ResetConnection = 0x1f,
    /// Turn the connection into a copy of the server's data (MySQL).
    Clone = 0x20,
    /// Turn the connection into a stream of group replication (MySQL).
    SubscribeGroupReplicationStream = 0x21,
    /// Execute a prepared statement for many rows of parameters (MariaDB).
    StmtBulkExecute = 0xfa,
}

impl Command {
    /// Whether a broker lets the command through. What a user may do is decided by the server; refused is only what
    /// takes the connection away from the session: logging in as somebody else, streams that are no longer commands and
    /// answers, and what no client sends.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        !matches!(
            self,
            Self::ChangeUser
                | Self::BinlogDump
                | Self::BinlogDumpGtid
                | Self::RegisterSlave
                | Self::TableDump
                | Self::Clone
                | Self::SubscribeGroupReplicationStream
                | Self::Sleep
                | Self::Connect
                | Self::ConnectOut
                | Self::Time
                | Self::DelayedInsert
                | Self::Daemon
        )
    }
}

/// The name without the documentation's `COM_`, as in `ChangeUser`.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_commands_belong_together() {
        let known = (0..=u8::MAX).filter(|byte| Command::from_byte(*byte).is_some());
        assert_eq!(known.collect::<Vec<_>>(), Command::ALL.iter().map(|command| *command as u8).collect::<Vec<_>>());
        assert!(Command::ALL.iter().all(|command| Command::from_byte(*command as u8) == Some(*command)));
    }

    #[test]
    fn what_clients_need_is_allowed_and_nothing_else() {
        let allowed: Vec<u8> = Command::ALL.iter().filter(|c| c.is_allowed()).map(|c| *c as u8).collect();
        let expected =
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0c, 0x0d, 0x0e, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1f, 0xfa];
        assert_eq!(allowed, expected);
    }
}
