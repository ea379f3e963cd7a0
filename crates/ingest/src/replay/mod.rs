//! Recorded liquidations: reading them and sending them on, at the pace they had or as fast as it goes.

pub mod lines;
pub mod records;
pub mod rows;
pub mod source;
