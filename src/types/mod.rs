//! The data types: their names, versions and how their values are saved.

pub mod liqseries;
pub mod ratelimit;
mod relocation;
pub mod tickstore;
