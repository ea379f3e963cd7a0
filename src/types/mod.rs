//! The data types: their names, versions and how their values are saved.

mod due;
pub mod liqseries;
pub mod ratelimit;
mod relocation;
pub mod tickstore;

pub use due::Due;
