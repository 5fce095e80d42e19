//! The vault from outside, as SECURITY-CASES §4 demands.
