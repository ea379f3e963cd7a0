//! A series of liquidation events and what can be asked of it.

mod event;
mod options;

pub use event::{Event, MAX_EXCHANGE_BYTES, MAX_ID_BYTES, PRICE_RANGE, Percentile, SIZE_RANGE, Side, hash_id};
pub use options::{ClockMode, MAX_RETENTION_MS, MIN_RETENTION_MS, Options, OptionsError};
