//! Logging in to MySQL and MariaDB as a client, on a connection that [`Dialer`](crate::Dialer) has opened: encryption as the
//! destination's trust demands and never less, whatever the server says, and a password that leaves this machine only inside
//! verified TLS. What stands on the stream afterwards is the caller's: a provider asks, a broker relays.

mod error;
mod log_in;
mod stream;

pub use error::LogInError;
pub use log_in::{LogIn, LoggedIn, log_in};
pub use stream::Stream;
