//! The declarative objects: what an administrator writes down of people, credentials and resources, as typed values. They
//! come from YAML ([`parse`]) and go to it ([`export`]), are checked together ([`check`]), and have a stored form ([`Object::to_json`]).
//!
//! An absent field means its default, never "leave alone". What is not understood, or not built yet, is refused by name.

mod canonical;
mod check;
mod database;
mod directory;
mod error;
mod export;
mod import;
mod machine;
mod object;
mod person;
mod resource;
mod user;

pub use canonical::StoredError;
pub use check::check;
pub use database::{DatabaseRecord, DatabaseType, MssqlRules};
pub use directory::{DirectoryRecord, DirectoryType};
pub use error::ObjectError;
pub use export::export;
pub use import::{CaReader, INPUT_MOST, no_files, parse, resolve};
pub use machine::{AccountRules, MachineRecord, OperatingSystem, SshRules};
pub use object::{Kind, Object, ObjectId, Record};
pub use person::Person;
pub use resource::{Grant, Jit, Launch, Leftovers, Resource, SESSION_LONGEST, SessionRules};
pub use user::UserRecord;

/// The version of the stored form of every kind of object.
pub const OBJECT_VERSION: u32 = 1;

/// The most objects of all kinds together that one input, and one store, holds.
pub const OBJECTS_MOST: usize = 10_000;
