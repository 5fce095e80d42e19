//! The one place that makes the proof with which a receiver is dialled: for receivers that settings name.

use mayfly_domain::Outlet;

/// The proof for the receiver that settings call `name`.
pub(crate) fn named(name: &str) -> Outlet {
    Outlet::named(name)
}
