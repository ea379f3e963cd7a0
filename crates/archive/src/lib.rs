//! Copies Redis streams into Parquet files, each entry into exactly one, and then trims them.
//!
//! The greatest id on disk is how far the archive is: files are finished aside and then named, so whatever is killed at
//! whatever moment, the next round goes on behind the last whole file. What was trimmed before it could be read is told.

pub mod archiver;
pub mod cat;
mod error;
pub mod file;
pub mod folder;
pub mod gap;
pub mod id;
pub mod kind;
pub mod name;
pub mod report;
pub mod source;

pub use error::Error;
