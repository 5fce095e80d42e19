//! What a batch came to, as tokens.

use mayfly_protocol::tds::TdsVersion;
use mayfly_protocol::tds::token::{
    Column, Done, DoneKind, DoneStatus, EnvChange, EnvKind, ServerMessage, Severity, encode_return_status, encode_row,
};

use super::super::error::SqlError;
use super::super::eval::Table;
use super::super::run::Event;

/// An answer under way.
pub(super) struct Answer<'a> {
    version: TdsVersion,
    server: &'a str,
    /// Whether it answers a call of a procedure.
    call: bool,
    pub(super) data: Vec<u8>,
    /// Where the last end of a statement stands, which is said again when it is known whether something follows.
    last: Option<(usize, Done)>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(version: TdsVersion, server: &'a str, call: bool) -> Self {
        Self { version, server, call, data: Vec::new(), last: None }
    }

    /// Everything that a batch came to, with its end.
    pub(super) fn of(mut self, events: Vec<Event>, transaction: u64) -> Vec<u8> {
        let mut failed = false;
        for event in events {
            failed |= matches!(event, Event::Error(_));
            if let Err(error) = self.event(event, transaction) {
                self.error(&error);
            }
        }
        if self.call {
            encode_return_status(i32::from(failed), &mut self.data);
            let status = if failed { DoneStatus::ERROR } else { DoneStatus::FINAL };
            Done { kind: DoneKind::Procedure, ..Done::statement(status) }.encode(self.version, &mut self.data);
            return self.data;
        }
        match self.last.take() {
            // Nothing stands behind the last end: it becomes the final one.
            Some((at, done)) if at + done_len(self.version) == self.data.len() => {
                self.data.truncate(at);
                let status = DoneStatus(done.status.0 & !DoneStatus::MORE.0);
                Done { status, ..done }.encode(self.version, &mut self.data);
            }
            _ => Done::statement(DoneStatus::FINAL).encode(self.version, &mut self.data),
        }
        self.data
    }

    fn event(&mut self, event: Event, transaction: u64) -> Result<(), SqlError> {
        let changed = match event {
            Event::Rows(table) => return self.rows(table),
            Event::Done(rows) => {
                let status = DoneStatus::MORE | rows.map_or(DoneStatus::FINAL, |_| DoneStatus::COUNT);
                self.done(status, rows.unwrap_or(0));
                return Ok(());
            }
            Event::Info(text) => {
                self.message(ServerMessage::info(0, &text));
                return Ok(());
            }
            Event::Error(error) => {
                self.error(&error);
                return Ok(());
            }
            Event::Database(new, old) => {
                let text = format!("Changed database context to '{new}'.");
                self.change(&EnvChange::text(EnvKind::Database, &new, &old))?;
                self.message(ServerMessage::info(5701, &text));
                return Ok(());
            }
            Event::Begun => EnvChange::Begun(transaction.to_le_bytes()),
            Event::Committed => EnvChange::Committed(transaction.to_le_bytes()),
            Event::RolledBack => EnvChange::RolledBack(transaction.to_le_bytes()),
        };
        self.change(&changed)
    }

    /// A result.
    fn rows(&mut self, table: Table) -> Result<(), SqlError> {
        let (mut columns, mut kinds) = (Vec::new(), Vec::new());
        for (name, kind) in &table.columns {
            columns.push(Column::new(name, kind.wire(name)?));
            kinds.push(*kind);
        }
        let mut data = Vec::new();
        Column::encode(&columns, self.version, &mut data).map_err(|error| unsent(&error.to_string()))?;
        for row in table.rows {
            let values = row.into_iter().zip(&kinds).map(|(value, kind)| value.wire(*kind));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            encode_row(&columns, &values, &mut data).map_err(|error| unsent(&error.to_string()))?;
        }
        self.data.extend(data);
        Ok(())
    }

    /// An error, and the end of its statement.
    fn error(&mut self, error: &SqlError) {
        let message = ServerMessage::error(error.number, error.class, &error.text);
        self.message(message);
        self.done(DoneStatus::MORE | DoneStatus::ERROR, 0);
    }

    fn done(&mut self, status: DoneStatus, rows: u64) {
        let kind = if self.call { DoneKind::InProcedure } else { DoneKind::Statement };
        let done = Done { kind, status, command: 0, rows };
        self.last = Some((self.data.len(), done));
        done.encode(self.version, &mut self.data);
    }

    /// What is said to people.
    pub(super) fn message(&mut self, message: ServerMessage) {
        debug_assert!(message.severity == Severity::Info || message.class > 10);
        let message = ServerMessage { server: self.server.to_owned(), ..message };
        // Names of the stand-in are short enough.
        let _ = message.encode(self.version, &mut self.data);
    }

    /// A change of the connection.
    pub(super) fn change(&mut self, change: &EnvChange) -> Result<(), SqlError> {
        change.encode(&mut self.data).map_err(|error| unsent(&error.to_string()))
    }

    /// The end of a log-in.
    pub(super) fn end(mut self, status: DoneStatus) -> Vec<u8> {
        Done::statement(status).encode(self.version, &mut self.data);
        self.data
    }
}

fn unsent(error: &str) -> SqlError {
    SqlError::unknown(&format!("a result that cannot be sent: {error}"))
}

/// How long the end of a statement is.
fn done_len(version: TdsVersion) -> usize {
    if version.is_7_2() { 13 } else { 9 }
}
