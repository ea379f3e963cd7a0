//! From events to Redis: batches under numbers, so that every event counts once, and the spool between their arrival and
//! their delivery.

pub mod backoff;
mod budget;
pub mod counts;
pub mod courier;
mod ending;
mod fleeting;
pub mod link;
pub mod live;
mod masters;
pub mod packed;
mod probe;
mod rows;
mod share;
pub mod spooler;
pub mod store;
mod thresholds;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::item::Item;
pub use liq_spool::SpoolError;

/// An item and when its frame came.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// The item.
    pub item: Item,
    /// When its frame was read, Unix microseconds.
    pub at_us: i64,
}

/// Unix microseconds.
pub fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_micros() as i64)
}
