//! Message codecs and authentication mechanisms, without I/O: everything here is a function from bytes to values or from
//! values to bytes. Sockets, TLS, time limits and randomness belong to the callers, so every parser can be fuzzed and
//! every exchange replayed from published vectors.
//!
//! * [`mysql`]: the protocol of MySQL and MariaDB up to the end of the log-in, with `mysql_native_password` and
//!   `caching_sha2_password`, both sides; and what a relay has to look at afterwards.
//! * [`postgres`]: the frontend/backend protocol 3.0 and 3.2, as far as a broker needs it: the first packet, the
//!   messages up to the first `ReadyForQuery`, and a boundary follower for the relay afterwards.
//! * [`scram`]: SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both sides.
//! * [`tds`]: the protocol of SQL Server up to the end of the log-in, its answers and the simpler requests, and a boundary
//!   follower for the relay afterwards.
//!
//! Rules that hold in every module:
//!
//! * Input is hostile. Decoders return typed errors, never panic, and never allocate more than a small multiple of the
//!   bytes that are really there; a length that a peer claims is checked against a cap before anything is read.
//! * A wrong password is a value; a violation of the protocol is an error.
//! * Secrets are wiped when dropped and have no readable `Debug`.

pub mod mysql;
pub mod postgres;
pub mod scram;
pub mod tds;
