//! What a command may say of a series' settings, and within which bounds.

use std::ops::RangeInclusive;

use super::{MAX_RETENTION_MS, MIN_RETENTION_MS, SIZE_RANGE};
use crate::grammar::Percentile;
use crate::settings::{ClockMode, StreamPatch};

/// Lengths a retention may have.
pub const RETENTION_RANGE_MS: RangeInclusive<u64> = MIN_RETENTION_MS..=MAX_RETENTION_MS;
/// How many events the filter may wait for.
pub const MIN_EVENTS_RANGE: RangeInclusive<i64> = 0..=1_000_000_000;
/// Smallest sizes a series may be told to ignore.
pub const MIN_SIZE_RANGE: RangeInclusive<f64> = 0.0..=*SIZE_RANGE.end();
/// Signal offsets, percent.
pub const OFFSET_RANGE: RangeInclusive<f64> = 0.0..=1000.0;
/// Precisions.
pub const PRECISION_RANGE: RangeInclusive<i64> = 5..=8;
/// Lengths of the raw tail.
pub const TAIL_RANGE: RangeInclusive<i64> = 256..=65_536;

/// The options a command named; `None` leaves an option as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptionsPatch {
    /// `RETENTION`, milliseconds.
    pub retention_ms: Option<u64>,
    /// `WINDOW`, milliseconds.
    pub window_ms: Option<u64>,
    /// `PERCENTILE`; 0 turns the filter off.
    pub percentile: Option<Percentile>,
    /// `MINEVENTS`.
    pub min_events: Option<u64>,
    /// `MINSIZE`, quote currency.
    pub min_size: Option<f64>,
    /// `VWAPWINDOW`, milliseconds.
    pub vwap_window_ms: Option<u64>,
    /// `LONGOFFSET`, percent.
    pub long_offset_pct: Option<f64>,
    /// `SHORTOFFSET`, percent.
    pub short_offset_pct: Option<f64>,
    /// `SIGNALS`.
    pub signals: Option<StreamPatch>,
    /// `ACCEPTED`.
    pub accepted: Option<StreamPatch>,
    /// `MARKET`, a key; empty turns it off.
    pub market: Option<Box<[u8]>>,
    /// `CLOCK`.
    pub clock: Option<ClockMode>,
    /// `PRECISION`.
    pub precision: Option<u8>,
    /// `TAIL`, events.
    pub tail: Option<u32>,
    /// `IDLE`, milliseconds.
    pub idle_ms: Option<u64>,
}
