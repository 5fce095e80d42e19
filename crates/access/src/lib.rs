//! People, records and the proofs of who somebody is: the declarative objects and their checks, passwords, connect secrets,
//! tokens of the API and of people, the counting of failed sign-ins, and the ports through which all of it is stored.
//!
//! Invariants, stated as absences: no HTTP, no SQL, no clock and no randomness of its own, no key, and no secret in any
//! object.

pub mod api_token;
mod bearer;
pub mod connect_secret;
pub mod objects;
pub mod people;
pub mod person_token;
pub mod signin;
pub mod store;
