//! What a client that is logged in asks for, as far as a server of tests has to understand it: statements, and calls of the
//! procedures with which statements that have parameters are run. A broker looks at none of it.

mod batch;
mod headers;
mod rpc;

pub use batch::Batch;
pub use rpc::{MAX_CALLS, MAX_PARAMETERS, Parameter, Procedure, Rpc};
