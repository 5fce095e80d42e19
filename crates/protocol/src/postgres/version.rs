//! The protocol version as it stands in the first packet: major in the upper half, minor in the lower.

use std::fmt;

/// A protocol version, such as 3.0 or 3.2. Ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// The major version.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
}

impl ProtocolVersion {
    /// Protocol 3.0, which every server since 7.4 speaks.
    pub const V3_0: Self = Self { major: 3, minor: 0 };
    /// Protocol 3.2 (PostgreSQL 18): cancel keys of up to 256 bytes. There is no 3.1 in use.
    pub const V3_2: Self = Self { major: 3, minor: 2 };

    /// The version behind the code of a first packet.
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        let [a, b, c, d] = code.to_be_bytes();
        Self { major: u16::from_be_bytes([a, b]), minor: u16::from_be_bytes([c, d]) }
    }

    /// The code that stands for this version in a first packet.
    #[must_use]
    pub const fn code(self) -> u32 {
        let ([a, b], [c, d]) = (self.major.to_be_bytes(), self.minor.to_be_bytes());
        u32::from_be_bytes([a, b, c, d])
    }

    /// The version to speak with a peer that asked for this one, when we speak up to `ours`: the older of both.
    #[must_use]
    pub fn agree(self, ours: Self) -> Self {
        self.min(ours)
    }

    /// Whether cancel keys may have a length other than four bytes in this version.
    #[must_use]
    pub fn has_long_cancel_keys(self) -> bool {
        self >= Self::V3_2
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        assert_eq!(ProtocolVersion::V3_0.code(), 196_608);
        assert_eq!(ProtocolVersion::from_code(196_610), ProtocolVersion::V3_2);
        assert_eq!(ProtocolVersion { major: 3, minor: 9999 }.agree(ProtocolVersion::V3_2), ProtocolVersion::V3_2);
        assert_eq!(ProtocolVersion::V3_0.agree(ProtocolVersion::V3_2), ProtocolVersion::V3_0);
    }
}
