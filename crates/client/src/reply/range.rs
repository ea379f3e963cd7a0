//! The rows of `LIQ.RANGE` and `LIQ.HIST`.

use liq_core::liq::series::Side;
use redis::Value;

use super::from_redis_value;
use crate::decode::{self, Decoded, count, double, text_if_any, tuple};

from_redis_value!(StoredEvent, HistogramRow);

/// An event of the raw tail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredEvent {
    /// Unix milliseconds.
    pub timestamp_ms: u64,
    /// The side of the forced order.
    pub side: Side,
    /// Quote per base.
    pub price: f64,
    /// Notional in the quote currency.
    pub size: f64,
    /// The venue, when it was given.
    pub exchange: Option<String>,
}

impl StoredEvent {
    fn read(value: Value) -> Decoded<Self> {
        let [timestamp, side, price, size, exchange] = tuple(value)?;
        Ok(Self {
            timestamp_ms: count(timestamp)?,
            side: decode::side(side)?,
            price: double(price)?,
            size: double(size)?,
            exchange: text_if_any(exchange)?,
        })
    }
}

/// One bucket of the distribution of sizes: `count` sizes in [`low`, `high`).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HistogramRow {
    /// The lower edge, inclusive.
    pub low: f64,
    /// The upper edge, exclusive.
    pub high: f64,
    /// Events in the bucket.
    pub count: u64,
}

impl HistogramRow {
    fn read(value: Value) -> Decoded<Self> {
        let [low, high, number] = tuple(value)?;
        let row = Self { low: double(low)?, high: double(high)?, count: count(number)? };
        if row.low > row.high {
            return Err(format!("a row of the histogram from {} down to {}", row.low, row.high).into());
        }
        Ok(row)
    }
}
