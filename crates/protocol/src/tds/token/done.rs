//! `DONE`, `DONEPROC` and `DONEINPROC` (MS-TDS 2.2.7.6 to 2.2.7.8): a statement, a procedure or a statement of one has ended.

use std::ops;

use crate::tds::{DecodeError, TdsVersion, read::Reader};

use super::kind;

/// What has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DoneKind {
    /// A statement.
    Statement = kind::DONE,
    /// A procedure.
    Procedure = kind::DONE_PROC,
    /// A statement in a procedure.
    InProcedure = kind::DONE_IN_PROC,
}

/// How it has ended. Bits that are not known here are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoneStatus(pub u16);

impl DoneStatus {
    /// Well, and nothing follows.
    pub const FINAL: Self = Self(0);
    /// More results follow.
    pub const MORE: Self = Self(0x0001);
    /// With an error.
    pub const ERROR: Self = Self(0x0002);
    /// The number of rows means something.
    pub const COUNT: Self = Self(0x0010);
    /// It answers an attention of the client's.
    pub const ATTENTION: Self = Self(0x0020);

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl ops::BitOr for DoneStatus {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What has ended.
    pub kind: DoneKind,
    /// How.
    pub status: DoneStatus,
    /// The number of the statement's kind.
    pub command: u16,
    /// How many rows there were.
    pub rows: u64,
}

impl Done {
    /// The end of a statement with this status, without rows.
    #[must_use]
    pub const fn statement(status: DoneStatus) -> Self {
        Self { kind: DoneKind::Statement, status, command: 0, rows: 0 }
    }

    /// Appends the token. Before version 7.2 a number of rows that is too large becomes the largest.
    pub fn encode(&self, version: TdsVersion, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        out.extend(self.status.0.to_le_bytes());
        out.extend(self.command.to_le_bytes());
        if version.is_7_2() {
            out.extend(self.rows.to_le_bytes());
        } else {
            out.extend(u32::try_from(self.rows).unwrap_or(u32::MAX).to_le_bytes());
        }
    }

    /// Reads what stands behind the token's kind.
    pub(super) fn read(kind: DoneKind, reader: &mut Reader<'_>, version: TdsVersion) -> Result<Self, DecodeError> {
        let (status, command) = (DoneStatus(reader.u16()?), reader.u16()?);
        let rows = if version.is_7_2() { reader.u64()? } else { u64::from(reader.u32()?) };
        Ok(Self { kind, status, command, rows })
    }
}
