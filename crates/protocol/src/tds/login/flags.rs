//! The four bytes of flags in a log-in (MS-TDS 2.2.6.4: `OptionFlags1`, `OptionFlags2`, `TypeFlags`, `OptionFlags3`).

/// What the client is and wants. Bits that nothing here speaks of are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoginFlags {
    /// How the client writes numbers and texts, and what it wants to hear of at the log-in.
    pub options_1: u8,
    /// What kind of client it is, and how it proves who it is.
    pub options_2: u8,
    /// What statements it sends and what for.
    pub kind: u8,
    /// What else is in the message.
    pub options_3: u8,
}

/// Bits of the bytes.
const BIG_ENDIAN: u8 = 0x01;
const EBCDIC: u8 = 0x02;
const FLOATS: u8 = 0x0c;
const INTEGRATED: u8 = 0x80;
const READ_ONLY: u8 = 0x20;
const CHANGE_PASSWORD: u8 = 0x01;
const USER_INSTANCE: u8 = 0x04;
const EXTENSION: u8 = 0x10;

impl LoginFlags {
    /// Whether the client writes numbers and texts as everybody does: lowest byte first, ASCII, IEEE 754. What a server
    /// sends to others looks different.
    #[must_use]
    pub const fn is_usual(self) -> bool {
        self.options_1 & (BIG_ENDIAN | EBCDIC | FLOATS) == 0
    }

    /// Whether the client proves who it is by Windows (`fIntSecurity`), and not by name and password.
    #[must_use]
    pub const fn is_integrated(self) -> bool {
        self.options_2 & INTEGRATED != 0
    }

    /// Whether the client only wants to read (`fReadOnlyIntent`), so that a replica will do.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.kind & READ_ONLY != 0
    }

    /// The flags with the client's wish to read only, or without it.
    #[must_use]
    pub const fn read_only(self, wished: bool) -> Self {
        let kind = if wished { self.kind | READ_ONLY } else { self.kind & !READ_ONLY };
        Self { kind, ..self }
    }

    /// Whether the log-in has a new password (`fChangePassword`).
    #[must_use]
    pub const fn changes_password(self) -> bool {
        self.options_3 & CHANGE_PASSWORD != 0
    }

    /// Whether the client wants a process of its own (`fUserInstance`).
    #[must_use]
    pub const fn wants_user_instance(self) -> bool {
        self.options_3 & USER_INSTANCE != 0
    }

    /// Whether the log-in asks for features (`fExtension`).
    #[must_use]
    pub const fn has_features(self) -> bool {
        self.options_3 & EXTENSION != 0
    }

    /// The flags with a list of features announced, or without.
    #[must_use]
    pub const fn features(self, there: bool) -> Self {
        let options_3 = if there { self.options_3 | EXTENSION } else { self.options_3 & !EXTENSION };
        Self { options_3, ..self }
    }
}
