//! What a packet's header says of its message.

use std::ops;

/// What a message is (MS-TDS 2.2.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// Statements.
    Batch = 1,
    /// The log-in before version 7.
    OldLogin = 2,
    /// A call of a procedure, which is how statements with parameters are run.
    Rpc = 3,
    /// All that a server says, but for TLS within `PRELOGIN`.
    Result = 4,
    /// The client wants the server to stop what it is doing.
    Attention = 6,
    /// Rows of a bulk copy.
    Bulk = 7,
    /// A token of a federated authentication.
    FederatedToken = 8,
    /// A request to the manager of transactions.
    Transaction = 14,
    /// The log-in.
    Login = 16,
    /// A token of an integrated authentication.
    Sspi = 17,
    /// What both sides say of themselves before the log-in, and TLS's handshake.
    Prelogin = 18,
}

impl PacketType {
    /// All types.
    pub const ALL: &'static [Self] = &[
        Self::Batch,
        Self::OldLogin,
        Self::Rpc,
        Self::Result,
        Self::Attention,
        Self::Bulk,
        Self::FederatedToken,
        Self::Transaction,
        Self::Login,
        Self::Sspi,
        Self::Prelogin,
    ];

    /// The type with this byte; `None` for one that the protocol does not define.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.byte() == byte)
    }

    /// Its byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Whether a client that is logged in may send it. What a user may do is decided by the server; refused is only
    /// another log-in, and what no client sends.
    #[must_use]
    pub const fn is_request(self) -> bool {
        matches!(self, Self::Batch | Self::Rpc | Self::Attention | Self::Bulk | Self::Transaction)
    }
}

/// What is to be done with a message (MS-TDS 2.2.3.1.2). Bits that are not known here are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status(u8);

impl Status {
    /// Nothing special; another packet of the message follows.
    pub const NORMAL: Self = Self(0);
    /// The message ends with this packet.
    pub const END: Self = Self(0x01);
    /// The message was given up by the client, and is to be thrown away.
    pub const IGNORE: Self = Self(0x02);
    /// The session is to be made as it was after the log-in, before the message is looked at.
    pub const RESET: Self = Self(0x08);
    /// The same, but for a transaction that is under way.
    pub const RESET_KEEPING_TRANSACTION: Self = Self(0x10);

    /// The status with these bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl ops::BitOr for Status {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_types_belong_together() {
        let known: Vec<u8> = (0..=u8::MAX).filter(|byte| PacketType::from_byte(*byte).is_some()).collect();
        assert_eq!(known, [1, 2, 3, 4, 6, 7, 8, 14, 16, 17, 18]);
        let requests: Vec<u8> =
            PacketType::ALL.iter().filter(|kind| kind.is_request()).map(|kind| kind.byte()).collect();
        assert_eq!(requests, [1, 3, 6, 7, 14]);
    }
}
