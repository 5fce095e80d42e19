//! What leaves the server as a report: entries of the audit trail as JSON, CSV, CEF or OCSF, into files and to receivers of
//! syslog over TLS, events to webhooks, and traces of sessions to a receiver of OpenTelemetry's. Each sink has a cursor in the store that moves only once what is before it has been taken, so that
//! every entry arrives at least once and in order, whatever ends in between.
//!
//! Invariants, stated as absences: nothing here writes the trail, holds up who does, or opens a connection but through `dial`.

pub mod encode;
mod entry;
pub mod http;
mod meaning;
mod outlet;
mod sink;
pub mod trace;
pub mod webhook;

pub use encode::Encoding;
pub use entry::{Entry, EntryError};
pub use sink::{FileSink, Lag, Notes, Parts, Sink, SinkError, State, Syslog, SyslogSettings, serve};
