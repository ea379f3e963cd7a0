//! The reply of `LIQ.VWAP`.

use crate::wire::{Asked, map_reply};

map_reply! {
    /// The volume-weighted average price of a window, with its bands and entry levels.
    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    pub struct Vwap {
        /// Σ size / Σ quantity. `None` when the window is empty.
        vwap: Option<f64> = "vwap",
        /// Notional in the quote currency.
        volume: f64 = "volume",
        /// Base quantity.
        quantity: f64 = "quantity",
        /// Events.
        count: u64 = "count",
        /// Volume-weighted standard deviation of the price.
        stddev: Option<f64> = "stddev",
        /// vwap + k · stddev, when asked with bands.
        upper: Asked<Option<f64>> = "upper",
        /// vwap − k · stddev, when asked with bands.
        lower: Asked<Option<f64>> = "lower",
        /// (price − vwap) / vwap in percent, when asked with a price.
        deviation: Asked<Option<f64>> = "deviation",
        /// vwap less the long offset: the price at which a long entry is signalled.
        long_entry: Option<f64> = "long_entry",
        /// vwap plus the short offset: the price at which a short entry is signalled.
        short_entry: Option<f64> = "short_entry",
    }
}
