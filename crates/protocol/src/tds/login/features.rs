//! The features that a client asks for in its log-in (MS-TDS 2.2.6.4, `FeatureExt`), and what a server answers to them
//! (MS-TDS 2.2.7.11). Both have the same form: a number, four bytes of length, data; and a terminator.

use std::fmt;

use crate::tds::{DecodeError, EncodeError, read::Reader, write};

/// How many features there may be at most. The protocol has defined about a dozen.
pub const MAX_FEATURES: usize = 32;

/// What stands behind the last feature.
const TERMINATOR: u8 = 0xff;

/// The number of a feature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FeatureId(pub u8);

impl FeatureId {
    /// A connection that broke is taken up again with its state.
    pub const SESSION_RECOVERY: Self = Self(0x01);
    /// The client proves who it is with a token of somebody else.
    pub const FEDERATED: Self = Self(0x02);
    /// Columns that only the client can read.
    pub const COLUMN_ENCRYPTION: Self = Self(0x04);
    /// Transactions over several servers.
    pub const GLOBAL_TRANSACTIONS: Self = Self(0x05);
    /// Texts in UTF-8.
    pub const UTF8: Self = Self(0x0a);
}

impl fmt::Debug for FeatureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeatureId({:#04x})", self.0)
    }
}

/// One feature.
#[derive(Clone, PartialEq, Eq)]
pub struct Feature {
    /// Which.
    pub id: FeatureId,
    /// What it needs.
    pub data: Vec<u8>,
}

/// Without the data: that of a federated authentication is a secret.
impl fmt::Debug for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feature({:#04x}, {} bytes)", self.id.0, self.data.len())
    }
}

/// A list of features, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features(pub Vec<Feature>);

impl Features {
    /// The feature with this number.
    #[must_use]
    pub fn get(&self, id: FeatureId) -> Option<&Feature> {
        self.0.iter().find(|feature| feature.id == id)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a list up to its terminator.
    pub(in crate::tds) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut features = Vec::new();
        loop {
            let id = reader.u8()?;
            if id == TERMINATOR {
                return Ok(Self(features));
            }
            if features.len() == MAX_FEATURES {
                return Err(DecodeError::TooMany);
            }
            features.push(Feature { id: FeatureId(id), data: reader.long_bytes()?.to_vec() });
        }
    }

    /// Appends the list with its terminator.
    pub(in crate::tds) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.0.len() > MAX_FEATURES || self.get(FeatureId(TERMINATOR)).is_some() {
            return Err(EncodeError::TooLong);
        }
        for feature in &self.0 {
            out.push(feature.id.0);
            write::l_varbyte(out, &feature.data)?;
        }
        out.push(TERMINATOR);
        Ok(())
    }
}
