//! The reply of `LIQ.VWAP`.

use redis::Value;

use super::from_redis_value;
use crate::decode::{Decoded, Fields, count, double, optional};

from_redis_value!(Vwap);

/// The volume-weighted average price of a window, with its bands and entry levels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Vwap {
    /// The average. `None` when the window is empty.
    pub vwap: Option<f64>,
    /// Notional in the quote currency.
    pub volume: f64,
    /// Base quantity.
    pub quantity: f64,
    /// Events.
    pub count: u64,
    /// Volume-weighted standard deviation of the price.
    pub stddev: Option<f64>,
    /// vwap + k · stddev, when asked with bands.
    pub upper: Option<f64>,
    /// vwap − k · stddev, when asked with bands.
    pub lower: Option<f64>,
    /// (price − vwap) / vwap in percent, when asked with a price.
    pub deviation: Option<f64>,
    /// vwap less the long offset: the price at which a long entry is signalled.
    pub long_entry: Option<f64>,
    /// vwap plus the short offset: the price at which a short entry is signalled.
    pub short_entry: Option<f64>,
}

impl Vwap {
    fn read(value: Value) -> Decoded<Self> {
        let mut fields = Fields::read(value)?;
        Ok(Self {
            vwap: fields.get("vwap", optional(double))?,
            volume: fields.get("volume", double)?,
            quantity: fields.get("quantity", double)?,
            count: fields.get("count", count)?,
            stddev: fields.get("stddev", optional(double))?,
            upper: fields.get_if_present("upper", optional(double))?.flatten(),
            lower: fields.get_if_present("lower", optional(double))?.flatten(),
            deviation: fields.get_if_present("deviation", optional(double))?.flatten(),
            long_entry: fields.get("long_entry", optional(double))?,
            short_entry: fields.get("short_entry", optional(double))?,
        })
    }
}
