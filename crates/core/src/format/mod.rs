//! Frozen layouts of what is saved and replicated. A layout, once released, only ever gets company by a newer one.
//!
//! Decoding treats bytes as hostile: it believes no length before the bytes are there, refuses what no encoder could
//! have written, and rebuilds values through their constructors; derived fields are never read.

mod bytes;
pub mod decided;
pub mod limiter;
mod limiter_v1;
pub mod series;
mod series_v1;

pub use bytes::DecodeError;
