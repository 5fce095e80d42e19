//! The providers for MariaDB and MySQL against real servers, administered by root and by an account that has just the rights
//! that Mayfly needs.

mod accounts;
mod checks;
mod contract;
mod leftovers;
mod memberships;
mod rig;
