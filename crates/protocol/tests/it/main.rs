//! The integration tests of the crate, in one binary: real conversations replayed, and the fuzz targets.

#[cfg(test)]
mod captured;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod mysql;
#[cfg(test)]
mod tds;
