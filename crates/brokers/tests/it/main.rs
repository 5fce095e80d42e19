//! The broker between real clients and real servers.
