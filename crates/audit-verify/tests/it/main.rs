//! The verifier against a trail that is made from docs/audit-format.md, here and without the store's code: whole it passes,
//! and each kind of tampering is found and the first bad entry named.

mod maker;
mod sources;
mod tampering;
