//! Dialling against real sockets and throw-away certificates.
