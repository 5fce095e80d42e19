//! Webhooks: events posted to receivers, signed, from an outbox that is kept in the store until they are taken or three days are over.

mod address;
mod serve;
mod sign;

pub use address::is_public;
pub use serve::{Couriers, Settings};
pub use sign::Key;
