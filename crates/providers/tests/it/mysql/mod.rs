//! The providers for MariaDB and MySQL against real servers, administered by root and by an account that has just the rights
//! that Mayfly needs.

mod accounts;
mod by_hand;
mod checks;
mod contract;
mod hostile;
mod late;
mod leftovers;
mod memberships;
mod rig;
