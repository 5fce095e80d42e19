//! Versions of the protocol (MS-TDS 2.2.6.4 and 2.2.7.14, `TDSVersion`).

use std::fmt;

/// A version, as a client asks for it in its log-in and a server answers it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TdsVersion(u32);

impl TdsVersion {
    /// SQL Server 2000 with its first service pack.
    pub const V7_1: Self = Self(0x7100_0001);
    /// SQL Server 2005.
    pub const V7_2: Self = Self(0x7209_0002);
    /// SQL Server 2008 R2.
    pub const V7_3: Self = Self(0x730b_0003);
    /// SQL Server 2012 to 2019, and later ones without the strict form.
    pub const V7_4: Self = Self(0x7400_0004);
    /// SQL Server 2022 and later: TLS comes before anything else.
    pub const V8_0: Self = Self(0x0800_0000);

    /// The version with this number, if it is 7.1 or later. Numbers between those that are known are kept as they are.
    ///
    /// ```
    /// use mayfly_protocol::tds::TdsVersion;
    ///
    /// assert_eq!(TdsVersion::from_u32(0x7400_0004), Some(TdsVersion::V7_4));
    /// assert_eq!(TdsVersion::from_u32(0x7000_0000), None);
    /// ```
    #[must_use]
    pub const fn from_u32(number: u32) -> Option<Self> {
        match number {
            0x7100_0000..0x8000_0000 | 0x0800_0000..0x0900_0000 => Some(Self(number)),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// Whether it is 7.2 or later: requests have headers, and counts and line numbers are wider.
    #[must_use]
    pub const fn is_7_2(self) -> bool {
        self.0 >= 0x7200_0000 || self.is_strict()
    }

    /// Whether it is 7.4 or later: log-ins may ask for features.
    #[must_use]
    pub const fn is_7_4(self) -> bool {
        self.0 >= 0x7400_0000 || self.is_strict()
    }

    /// Whether it is 8.0 or later, which is only spoken within TLS.
    #[must_use]
    pub const fn is_strict(self) -> bool {
        self.0 < 0x7000_0000
    }
}

impl fmt::Debug for TdsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TdsVersion({:#010x})", self.0)
    }
}

/// As people write it, like `7.4`.
impl fmt::Display for TdsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_strict() {
            write!(f, "{}.{}", self.0 >> 24, self.0 >> 16 & 0xff)
        } else {
            write!(f, "{}.{}", self.0 >> 28, self.0 >> 24 & 0x0f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_known_by_their_numbers() {
        let names = [TdsVersion::V7_1, TdsVersion::V7_2, TdsVersion::V7_3, TdsVersion::V7_4, TdsVersion::V8_0];
        assert_eq!(names.map(|version| version.to_string()), ["7.1", "7.2", "7.3", "7.4", "8.0"]);
        assert_eq!(names.map(TdsVersion::is_7_2), [false, true, true, true, true]);
        assert_eq!(names.map(TdsVersion::is_7_4), [false, false, false, true, true]);
        assert_eq!(names.map(TdsVersion::is_strict), [false, false, false, false, true]);
        assert!(names.iter().all(|version| TdsVersion::from_u32(version.as_u32()) == Some(*version)));
        assert!(
            [0, 0x0402_0000, 0x0700_0000, 0x7000_0000, u32::MAX].iter().all(|n| TdsVersion::from_u32(*n).is_none())
        );
    }
}
