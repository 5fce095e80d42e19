//! An object of any kind, and the pair of kind and name by which it is found.

use crate::objects::{DatabaseRecord, DirectoryRecord, MachineRecord, Person, Resource, UserRecord};
use mayfly_domain::{PersonName, RecordName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The kinds of objects that are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Somebody who signs in.
    Person,
    /// A credential.
    User,
    /// A database server.
    Database,
    /// A host.
    Machine,
    /// A directory service.
    Directory,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Person, Self::User, Self::Database, Self::Machine, Self::Directory];

    /// The kind as it is written in YAML and kept in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::User => "User",
            Self::Database => "Database",
            Self::Machine => "Machine",
            Self::Directory => "Directory",
        }
    }

    /// Reads a kind back; case matters.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The key of an object. Names are unique within persons and within records of all kinds together: a user record and a
/// database cannot share one, since `may_launch`, credentials and log-in names refer to records by name alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A person.
    Person(PersonName),
    /// A user record.
    User(RecordName),
    /// A database record.
    Database(RecordName),
    /// A machine record.
    Machine(RecordName),
    /// A directory record.
    Directory(RecordName),
}

impl ObjectId {
    /// The kind of the object.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Person(_) => Kind::Person,
            Self::User(_) => Kind::User,
            Self::Database(_) => Kind::Database,
            Self::Machine(_) => Kind::Machine,
            Self::Directory(_) => Kind::Directory,
        }
    }

    /// The name of the object.
    pub fn name(&self) -> &str {
        match self {
            Self::Person(name) => name.as_str(),
            Self::User(name) | Self::Database(name) | Self::Machine(name) | Self::Directory(name) => name.as_str(),
        }
    }

    /// The key from its two columns.
    ///
    /// # Errors
    /// [`mayfly_domain::NameError`] when the name is none of that kind.
    pub fn new(kind: Kind, name: &str) -> Result<Self, mayfly_domain::NameError> {
        Ok(match kind {
            Kind::Person => Self::Person(PersonName::parse(name)?),
            Kind::User => Self::User(RecordName::parse(name)?),
            Kind::Database => Self::Database(RecordName::parse(name)?),
            Kind::Machine => Self::Machine(RecordName::parse(name)?),
            Kind::Directory => Self::Directory(RecordName::parse(name)?),
        })
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind(), self.name())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An object of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// Somebody who signs in.
    Person(Person),
    /// A credential.
    User(UserRecord),
    /// A database server.
    Database(Box<DatabaseRecord>),
    /// A host.
    Machine(Box<MachineRecord>),
    /// A directory service.
    Directory(Box<DirectoryRecord>),
}

/// What people open: a resource of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A database server.
    Database(Box<DatabaseRecord>),
    /// A host.
    Machine(Box<MachineRecord>),
}

impl Record {
    /// What every resource has.
    pub fn resource(&self) -> &Resource {
        match self {
            Self::Database(database) => &database.resource,
            Self::Machine(machine) => &machine.resource,
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Database(_) => Kind::Database,
            Self::Machine(_) => Kind::Machine,
        }
    }
}

impl Object {
    /// The key of this object.
    pub fn id(&self) -> ObjectId {
        match self {
            Self::Person(person) => ObjectId::Person(person.name.clone()),
            Self::User(user) => ObjectId::User(user.name.clone()),
            Self::Database(database) => ObjectId::Database(database.resource.name.clone()),
            Self::Machine(machine) => ObjectId::Machine(machine.resource.name.clone()),
            Self::Directory(directory) => ObjectId::Directory(directory.name.clone()),
        }
    }

    /// Free words of the administrator, for finding and sorting.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Person(person) => &person.labels,
            Self::User(user) => &user.labels,
            Self::Database(database) => &database.resource.labels,
            Self::Machine(machine) => &machine.resource.labels,
            Self::Directory(directory) => &directory.labels,
        }
    }

    /// What every resource has that people connect to, if this is one.
    pub fn resource(&self) -> Option<&Resource> {
        match self {
            Self::Person(_) | Self::User(_) | Self::Directory(_) => None,
            Self::Database(database) => Some(&database.resource),
            Self::Machine(machine) => Some(&machine.resource),
        }
    }
}
