//! A market as bytes.

pub mod triggers;
