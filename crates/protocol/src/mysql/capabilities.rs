//! Capability flags (MySQL source documentation, group "Capabilities Flags"; MariaDB documentation, page "Connection").

use std::{fmt, ops};

/// A set of capability flags, of the server or of the client. Bits that are not known here are kept.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u32);

/// Makes the constants, and the names for people.
macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal,)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every flag with its name.
            const NAMES: &'static [(&'static str, Self)] = &[$((stringify!($name), Self::$name),)*];
        }
    };
}

flags! {
    /// Always set by MySQL and its clients. Without it the peer is MariaDB's, and has flags of its own in what is filler
    /// otherwise; with it the two protocols are one.
    LONG_PASSWORD = 0,
    /// Counts of changed rows are those of found rows.
    FOUND_ROWS = 1,
    /// Column flags have two bytes.
    LONG_FLAG = 2,
    /// The log-in names a database.
    CONNECT_WITH_DB = 3,
    /// Packets are compressed with zlib after log-in.
    COMPRESS = 5,
    /// `LOAD DATA LOCAL`: the server may ask the client for a file.
    LOCAL_FILES = 7,
    /// Spaces are allowed in front of `(`.
    IGNORE_SPACE = 8,
    /// The protocol of MySQL 4.1.
    PROTOCOL_41 = 9,
    /// The client is used by a person, so that another time limit holds.
    INTERACTIVE = 10,
    /// TLS.
    SSL = 11,
    /// Responses tell the state of the transaction.
    TRANSACTIONS = 13,
    /// The authentication of MySQL 4.1: the answer to the nonce has its length in front.
    SECURE_CONNECTION = 15,
    /// One query may have several statements.
    MULTI_STATEMENTS = 16,
    /// One query may have several results.
    MULTI_RESULTS = 17,
    /// A prepared statement may have several results.
    PS_MULTI_RESULTS = 18,
    /// Authentication plugins have names, and can be switched.
    PLUGIN_AUTH = 19,
    /// The log-in says what the client is.
    CONNECT_ATTRS = 20,
    /// The answer to the nonce may be longer than 255 bytes.
    PLUGIN_AUTH_LENENC_CLIENT_DATA = 21,
    /// The client copes with an expired password.
    CAN_HANDLE_EXPIRED_PASSWORDS = 22,
    /// `OK` packets may tell of changes of the session's state.
    SESSION_TRACK = 23,
    /// Results end with `OK` instead of `EOF`.
    DEPRECATE_EOF = 24,
    /// Results may come without their columns' names (MySQL only).
    OPTIONAL_RESULTSET_METADATA = 25,
    /// Packets are compressed with zstd after log-in (MySQL only).
    ZSTD_COMPRESSION = 26,
    /// Queries may carry attributes (MySQL only).
    QUERY_ATTRIBUTES = 27,
    /// More than one factor can be asked for (MySQL only).
    MULTI_FACTOR_AUTHENTICATION = 28,
}

impl Capabilities {
    /// Everything that we ever offer to a client or ask of a server. All of it is spoken by MySQL 8.4 and later and by
    /// MariaDB 10.11 and later, so that it can be agreed with a client before the target is known. Compression is not
    /// part of it, nor what only one of the two speaks. Beside it stands [`Capabilities::LOCAL_FILES`] alone, for which a
    /// caller has to decide each time.
    pub const SPOKEN: Self = Self(
        Self::SESSION.0
            | Self::LONG_PASSWORD.0
            | Self::CONNECT_WITH_DB.0
            | Self::PROTOCOL_41.0
            | Self::SSL.0
            | Self::SECURE_CONNECTION.0
            | Self::PLUGIN_AUTH.0
            | Self::CONNECT_ATTRS.0
            | Self::PLUGIN_AUTH_LENENC_CLIENT_DATA.0,
    );

    /// What decides how packets look or what statements mean after log-in. A relay that does not parse them has to agree
    /// the same of these with the server as with the client.
    pub const SESSION: Self = Self(
        Self::FOUND_ROWS.0
            | Self::LONG_FLAG.0
            | Self::IGNORE_SPACE.0
            | Self::INTERACTIVE.0
            | Self::TRANSACTIONS.0
            | Self::MULTI_STATEMENTS.0
            | Self::MULTI_RESULTS.0
            | Self::PS_MULTI_RESULTS.0
            | Self::CAN_HANDLE_EXPIRED_PASSWORDS.0
            | Self::SESSION_TRACK.0
            | Self::DEPRECATE_EOF.0,
    );

    /// Whether nothing is in it beyond [`Capabilities::SPOKEN`] and [`Capabilities::LOCAL_FILES`].
    pub(super) const fn is_spoken(self) -> bool {
        self.without(Self::LOCAL_FILES).0 & !Self::SPOKEN.0 == 0
    }

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits of the set.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The set without `flags`.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

impl ops::BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl ops::BitAnd for Capabilities {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::NAMES.iter().filter(|(_, flag)| self.contains(*flag));
        let unnamed = Self::NAMES.iter().fold(*self, |rest, (_, flag)| rest.without(*flag));
        let mut set = f.debug_set();
        set.entries(named.map(|(name, _)| format_args!("{name}").to_string()));
        if unnamed != Self::default() {
            set.entry(&format_args!("{:#x}", unnamed.0));
        }
        set.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dangerous_is_spoken() {
        for never in [
            Capabilities::COMPRESS,
            Capabilities::ZSTD_COMPRESSION,
            Capabilities::LOCAL_FILES,
            Capabilities::QUERY_ATTRIBUTES,
            Capabilities::OPTIONAL_RESULTSET_METADATA,
            Capabilities::MULTI_FACTOR_AUTHENTICATION,
        ] {
            assert_eq!(Capabilities::SPOKEN & never, Capabilities::default(), "{never:?}");
        }
        assert!(Capabilities::SPOKEN.contains(Capabilities::SESSION));
        assert_eq!(Capabilities::SPOKEN.bits(), 0x01ff_af0f);
    }

    #[test]
    fn sets_are_shown_by_name() {
        let flags = Capabilities::SSL | Capabilities::from_bits(0x8000_0010);
        assert_eq!(format!("{flags:?}"), r#"{"SSL", 0x80000010}"#);
    }
}
