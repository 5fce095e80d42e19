//! The provider for SQL Server against `testbed`'s stand-in, which is not the product: administered by `sa` and by a log-in that
//! has just the rights that Mayfly needs, with log-ins and with users of a contained database.

mod accounts;
mod checks;
mod contract;
mod hostile;
mod leftovers;
mod manual;
mod memberships;
mod rig;
