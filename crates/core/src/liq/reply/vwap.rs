//! The reply of `LIQ.VWAP`.

use crate::wire::{Encode, Sink};

/// A VWAP and what was derived from it; the doubly optional fields are left out when they were not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VwapReply {
    /// Σ size / Σ quantity.
    pub vwap: Option<f64>,
    /// Notional, quote currency.
    pub volume: f64,
    /// Base currency.
    pub quantity: f64,
    /// Events.
    pub count: u64,
    /// Volume-weighted standard deviation of the price.
    pub stddev: Option<f64>,
    /// VWAP plus k deviations.
    pub upper: Option<Option<f64>>,
    /// VWAP less k deviations.
    pub lower: Option<Option<f64>>,
    /// (price − vwap) / vwap, percent.
    pub deviation_pct: Option<Option<f64>>,
    /// VWAP less LONGOFFSET.
    pub long_entry: Option<f64>,
    /// VWAP plus SHORTOFFSET.
    pub short_entry: Option<f64>,
}

impl Encode for VwapReply {
    fn encode(&self, sink: &mut impl Sink) {
        let asked = [("upper", self.upper), ("lower", self.lower), ("deviation", self.deviation_pct)];
        let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
        sink.map(7 + asked.clone().count());
        sink.text("vwap");
        sink.optional_double(self.vwap);
        sink.text("volume");
        sink.double(self.volume);
        sink.text("quantity");
        sink.double(self.quantity);
        sink.text("count");
        sink.count(self.count);
        sink.text("stddev");
        sink.optional_double(self.stddev);
        for (name, value) in asked {
            sink.text(name);
            sink.optional_double(value);
        }
        sink.text("long_entry");
        sink.optional_double(self.long_entry);
        sink.text("short_entry");
        sink.optional_double(self.short_entry);
    }
}
