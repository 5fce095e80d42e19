//! What a server answers: a stream of tokens (MS-TDS 2.2.4 and 2.2.7), each with its kind in the first byte.

mod columns;
mod done;
mod env;
mod login_ack;
mod message;
mod stream;

pub use columns::{Column, MAX_COLUMNS};
pub use done::{Done, DoneKind, DoneStatus};
pub use env::{EnvChange, EnvKind, Route};
pub use login_ack::LoginAck;
pub use message::{ServerMessage, Severity};
pub use stream::{Token, Tokens};

use super::{EncodeError, data::Value, login::Features, write};

/// The kinds of tokens.
pub(super) mod kind {
    pub(in crate::tds) const RETURN_STATUS: u8 = 0x79;
    pub(in crate::tds) const COLUMNS: u8 = 0x81;
    pub(in crate::tds) const ORDER: u8 = 0xa9;
    pub(in crate::tds) const ERROR: u8 = 0xaa;
    pub(in crate::tds) const INFO: u8 = 0xab;
    pub(in crate::tds) const RETURN_VALUE: u8 = 0xac;
    pub(in crate::tds) const LOGIN_ACK: u8 = 0xad;
    pub(in crate::tds) const FEATURES_ACK: u8 = 0xae;
    pub(in crate::tds) const ROW: u8 = 0xd1;
    pub(in crate::tds) const NULLS_ROW: u8 = 0xd2;
    pub(in crate::tds) const ENV_CHANGE: u8 = 0xe3;
    pub(in crate::tds) const SESSION_STATE: u8 = 0xe4;
    pub(in crate::tds) const SSPI: u8 = 0xed;
    pub(in crate::tds) const FEDERATED: u8 = 0xee;
    pub(in crate::tds) const DONE: u8 = 0xfd;
    pub(in crate::tds) const DONE_PROC: u8 = 0xfe;
    pub(in crate::tds) const DONE_IN_PROC: u8 = 0xff;
}

/// Appends the server's answer to the features of a log-in (`FEATUREEXTACK`, MS-TDS 2.2.7.11).
///
/// # Errors
/// [`EncodeError::TooLong`] for more than can be read again.
pub fn encode_features_ack(features: &Features, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    write::whole(out, |out| {
        out.push(kind::FEATURES_ACK);
        features.write(out)
    })
}

/// Appends what a procedure returns (`RETURNSTATUS`, MS-TDS 2.2.7.18).
pub fn encode_return_status(status: i32, out: &mut Vec<u8>) {
    out.push(kind::RETURN_STATUS);
    out.extend(status.to_le_bytes());
}

/// Appends a row of a result, whose columns were said before (`ROW`, MS-TDS 2.2.7.19).
///
/// # Errors
/// [`EncodeError::Type`] or [`EncodeError::TooLong`] for values that do not fit the columns.
pub fn encode_row(columns: &[Column], row: &[Value], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if columns.len() != row.len() {
        return Err(EncodeError::Type);
    }
    write::whole(out, |out| {
        out.push(kind::ROW);
        columns.iter().zip(row).try_for_each(|(column, value)| value.write(column.data_type, out))
    })
}
