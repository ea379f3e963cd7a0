//! The reply of `LIQ.INFO`: the options of a series and what it holds.

use std::time::Duration;

use liq_core::grammar::duration_ms;
use liq_core::liq::series::ClockMode;
use redis::{ParsingError, Value};

use super::from_redis_value;
use crate::decode::{self, Decoded, Fields, array_of, count, double, optional, text_if_any};

from_redis_value!(SeriesInfo);

/// A series: its options, what it holds and what it has seen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SeriesInfo {
    /// How far back windows may reach.
    pub retention: Duration,
    /// The window of the percentile filter, and of percentiles and ranks asked without one.
    pub window: Duration,
    /// The percentile of the filter; 0 is off.
    pub percentile: f64,
    /// The filter passes everything while its window holds fewer events.
    pub min_events: u64,
    /// Smaller events are only counted.
    pub min_size: f64,
    /// The window of the VWAP that signals use.
    pub vwap_window: Duration,
    /// Percent below the VWAP at which liquidated longs signal a buy; 0 is off.
    pub long_offset_pct: f64,
    /// Percent above the VWAP at which liquidated shorts signal a sell; 0 is off.
    pub short_offset_pct: f64,
    /// The stream signals are appended to.
    pub signals: Option<String>,
    /// About how many entries that stream keeps.
    pub signals_max_len: u64,
    /// What now is.
    pub clock: ClockMode,
    /// k of the relative error 2^-(k+1).
    pub precision: u64,
    /// Newest events kept raw.
    pub tail: u64,
    /// The key expires when nothing was stored for this long; zero is never.
    pub idle: Duration,
    /// Events held.
    pub events: u64,
    /// Events of them held raw.
    pub tail_events: u64,
    /// Time of the oldest event held raw, Unix milliseconds: what `LIQ.RANGE` reaches back to.
    pub tail_first_ms: Option<u64>,
    /// Panes held.
    pub panes: u64,
    /// Width of a pane.
    pub pane: Duration,
    /// Time of the oldest event held, Unix milliseconds.
    pub first_ms: Option<u64>,
    /// Time of the newest event held, Unix milliseconds.
    pub last_ms: Option<u64>,
    /// Memory the series takes.
    pub memory_bytes: u64,
    /// What became of all events ever added.
    pub totals: SeriesTotals,
    /// The venues seen.
    pub exchanges: Vec<String>,
}

/// What became of the events added since the series was created or reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeriesTotals {
    /// Stored, at or above the threshold.
    pub accepted: u64,
    /// Stored, below the threshold.
    pub filtered: u64,
    /// Below the smallest size.
    pub small: u64,
    /// Held already.
    pub duplicate: u64,
    /// Older than the retention.
    pub late: u64,
    /// Too far ahead of the clock.
    pub future: u64,
    /// Signals given.
    pub signals: u64,
    /// Signals withheld because the event was too old.
    pub stale_signals: u64,
}

impl SeriesInfo {
    fn read(value: Value) -> Decoded<Self> {
        let fields = &mut Fields::read(value)?;
        Ok(Self {
            retention: fields.get("retention", duration)?,
            window: fields.get("window", duration)?,
            percentile: fields.get("percentile", double)?,
            min_events: fields.get("minevents", count)?,
            min_size: fields.get("minsize", double)?,
            vwap_window: fields.get("vwapwindow", duration)?,
            long_offset_pct: fields.get("longoffset", double)?,
            short_offset_pct: fields.get("shortoffset", double)?,
            signals: fields.get("signals", text_if_any)?,
            signals_max_len: fields.get("maxlen", count)?,
            clock: fields.get("clock", clock)?,
            precision: fields.get("precision", count)?,
            tail: fields.get("tail", count)?,
            idle: fields.get("idle", duration)?,
            events: fields.get("events", count)?,
            tail_events: fields.get("tail_events", count)?,
            tail_first_ms: fields.get("tail_first", optional(count))?,
            panes: fields.get("panes", count)?,
            pane: Duration::from_millis(fields.get("pane_ms", count)?),
            first_ms: fields.get("first", optional(count))?,
            last_ms: fields.get("last", optional(count))?,
            memory_bytes: fields.get("memory", count)?,
            totals: SeriesTotals::take(fields)?,
            exchanges: fields.get("exchanges", |value| array_of(value, decode::text))?,
        })
    }
}

impl SeriesTotals {
    fn take(fields: &mut Fields) -> Decoded<Self> {
        Ok(Self {
            accepted: fields.get("total_accepted", count)?,
            filtered: fields.get("total_filtered", count)?,
            small: fields.get("total_small", count)?,
            duplicate: fields.get("total_duplicate", count)?,
            late: fields.get("total_late", count)?,
            future: fields.get("total_future", count)?,
            signals: fields.get("total_signals", count)?,
            stale_signals: fields.get("total_stale_signals", count)?,
        })
    }
}

/// A duration: milliseconds, or text with a unit as options are written.
fn duration(value: Value) -> Decoded<Duration> {
    let ms = match value {
        Value::Int(_) => count(value)?,
        value => {
            let text = decode::text(value)?;
            duration_ms("duration", text.as_bytes(), 0..=u64::MAX).map_err(|error| error.to_string())?
        }
    };
    Ok(Duration::from_millis(ms))
}

fn clock(value: Value) -> Decoded<ClockMode> {
    let text = decode::text(value)?;
    liq_core::liq::request::clock_mode("clock", text.as_bytes()).map_err(|error| ParsingError::from(error.to_string()))
}
