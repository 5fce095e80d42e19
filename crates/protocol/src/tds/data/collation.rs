//! Collations (MS-TDS 2.2.5.1.2): five bytes that say how texts are compared, and how those of one byte a character are read.

/// A collation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collation(pub [u8; 5]);

impl Collation {
    /// `SQL_Latin1_General_CP1_CI_AS`, what a server has that was installed in English.
    pub const LATIN1: Self = Self([0x09, 0x04, 0xd0, 0x00, 0x34]);
}
