//! The units that there may be levels of.

use super::interval::Interval;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The units there may be levels of, finest first; each divides the next.
pub const UNITS: [Unit; 5] = [
    Unit { width_ms: 1_000, block_ms: MINUTE_MS, name: "1s" },
    Unit { width_ms: MINUTE_MS, block_ms: HOUR_MS, name: "1m" },
    Unit { width_ms: 5 * MINUTE_MS, block_ms: 4 * HOUR_MS, name: "5m" },
    Unit { width_ms: HOUR_MS, block_ms: DAY_MS, name: "1h" },
    Unit { width_ms: DAY_MS, block_ms: 64 * DAY_MS, name: "1d" },
];

/// Where levels point to: a market holds no copy of its units.
pub(super) static KNOWN: [Unit; 5] = UNITS;

/// What candles of a level are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// How long a candle is, ms.
    pub width_ms: u64,
    /// What a block spans, ms: a cell that coarser intervals are made of whole, where that fits.
    pub(super) block_ms: u64,
    /// As options and replies spell it.
    pub name: &'static str,
}

impl Unit {
    /// As an interval.
    pub const fn interval(self) -> Interval {
        Interval::Fixed(self.width_ms)
    }
}
