//! Objects from outside: YAML in, typed values or named faults out.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test by panicking"
)]

mod bounds;
mod cross_checks;
mod directory;
mod export;
mod faults;
mod machine;
mod typed;

use mayfly_access::objects::{Object, ObjectError, parse};

/// A certificate in form only; what is in it is dial's business.
pub(crate) const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/// Reads every file as [`PEM`].
pub(crate) fn reader(_path: &str) -> Result<String, String> {
    Ok(PEM.to_owned())
}

/// The objects of an input that has to be right.
pub(crate) fn good(text: &str) -> Vec<Object> {
    parse(text, &reader).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The faults of an input that has to be wrong, as people read them.
pub(crate) fn bad(text: &str) -> Vec<String> {
    parse(text, &reader).expect_err(text).iter().map(ObjectError::to_string).collect()
}

/// The smallest database that is right.
pub(crate) const DATABASE: &str = "kind: Database
name: orders
spec:
  database_type: postgresql
  host: db1.example.com
  tls: {ca: {file: ca.pem}}
  rotation: {administrative: orders-admin}
  jit: {create_ephemeral: true}
";
