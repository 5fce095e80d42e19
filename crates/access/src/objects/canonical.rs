//! The stored form of an object: JSON with a version, canonical, so that equal objects have equal texts.

use crate::objects::{
    DatabaseRecord, DirectoryRecord, Kind, MachineRecord, OBJECT_VERSION, Object, Person, UserRecord,
};
use serde::{Deserialize, Serialize};

/// A stored text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// A newer program wrote it.
    #[error("the stored object has version {found}, this program knows {OBJECT_VERSION}: use the newer program")]
    Version {
        /// The version found.
        found: u32,
    },
    /// It is not the JSON of an object of this kind.
    #[error("the stored {kind} cannot be read: {text}")]
    Malformed {
        /// The kind asked for.
        kind: Kind,
        /// What the parser says; a stored object holds no secret.
        text: String,
    },
}

/// The outer form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    version: u32,
    object: T,
}

/// Read first, so that the version is told even when the rest has another shape.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl Object {
    /// The canonical JSON for the store: fixed order of fields, sorted labels, no white space. Two objects are equal exactly
    /// when their texts are.
    pub fn to_json(&self) -> String {
        let text = match self {
            Self::Person(object) => serde_json::to_string(&Envelope { version: OBJECT_VERSION, object }),
            Self::User(object) => serde_json::to_string(&Envelope { version: OBJECT_VERSION, object }),
            Self::Database(object) => serde_json::to_string(&Envelope { version: OBJECT_VERSION, object }),
            Self::Machine(object) => serde_json::to_string(&Envelope { version: OBJECT_VERSION, object }),
            Self::Directory(object) => serde_json::to_string(&Envelope { version: OBJECT_VERSION, object }),
        };
        // Strings, numbers, lists and maps with string keys always have a JSON form.
        text.unwrap_or_default()
    }

    /// Reads the canonical JSON of an object of `kind` back.
    ///
    /// # Errors
    /// [`StoredError`] for an unknown version, an unknown field or anything else that this program did not write.
    pub fn from_json(kind: Kind, text: &str) -> Result<Self, StoredError> {
        let malformed = |error: serde_json::Error| StoredError::Malformed { kind, text: error.to_string() };
        let VersionOnly { version: found } = serde_json::from_str(text).map_err(malformed)?;
        if found != OBJECT_VERSION {
            return Err(StoredError::Version { found });
        }
        Ok(match kind {
            Kind::Person => Self::Person(serde_json::from_str::<Envelope<Person>>(text).map_err(malformed)?.object),
            Kind::User => Self::User(serde_json::from_str::<Envelope<UserRecord>>(text).map_err(malformed)?.object),
            Kind::Database => Self::Database(Box::new(
                serde_json::from_str::<Envelope<DatabaseRecord>>(text).map_err(malformed)?.object,
            )),
            Kind::Machine => Self::Machine(Box::new(
                serde_json::from_str::<Envelope<MachineRecord>>(text).map_err(malformed)?.object,
            )),
            Kind::Directory => Self::Directory(Box::new(
                serde_json::from_str::<Envelope<DirectoryRecord>>(text).map_err(malformed)?.object,
            )),
        })
    }
}
