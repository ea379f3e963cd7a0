//! The reply of `LIQ.INFO`.

use std::time::Duration;

use crate::settings::ClockMode;
use crate::wire::{Bytes, map_reply};

map_reply! {
    /// A series: its options, what it holds and what it has seen.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SeriesInfo {
        /// How far back windows may reach.
        retention: Duration = "retention",
        /// The window of the percentile filter, and of percentiles and ranks asked without one.
        window: Duration = "window",
        /// The percentile of the filter; 0 is off.
        percentile: f64 = "percentile",
        /// The filter passes everything while its window holds fewer events.
        min_events: u64 = "minevents",
        /// Smaller events are only counted.
        min_size: f64 = "minsize",
        /// The window of the VWAP that signals use.
        vwap_window: Duration = "vwapwindow",
        /// Percent below the VWAP at which liquidated longs signal a buy; 0 is off.
        long_offset_pct: f64 = "longoffset",
        /// Percent above the VWAP at which liquidated shorts signal a sell; 0 is off.
        short_offset_pct: f64 = "shortoffset",
        /// The stream signals are appended to; empty for none.
        signals: Bytes = "signals",
        /// About how many entries that stream keeps.
        signals_max_len: u64 = "maxlen",
        /// The stream accepted events are appended to; empty for none.
        accepted: Bytes = "accepted",
        /// About how many entries that stream keeps.
        accepted_max_len: u64 = "accepted_maxlen",
        /// The market whose trades give VWAP and signals of adding; empty for none.
        market: Bytes = "market",
        /// What now is.
        clock: ClockMode = "clock",
        /// k of the relative error 2^-(k+1).
        precision: u64 = "precision",
        /// The same at present: less while memory is short.
        precision_now: u64 = "precision_now",
        /// Newest events kept raw.
        tail: u64 = "tail",
        /// The same at present: fewer while memory is short.
        tail_now: u64 = "tail_now",
        /// The key expires when nothing was stored for this long; zero is never.
        idle: Duration = "idle",
        /// Events held.
        events: u64 = "events",
        /// Events of them held raw.
        tail_events: u64 = "tail_events",
        /// Time of the oldest event held raw, Unix milliseconds: what `LIQ.RANGE` reaches back to.
        tail_first_ms: Option<u64> = "tail_first",
        /// Panes held.
        panes: u64 = "panes",
        /// Width of a pane.
        pane: Duration = "pane_ms",
        /// Time of the oldest event held, Unix milliseconds.
        first_ms: Option<u64> = "first",
        /// Time of the newest event held, Unix milliseconds.
        last_ms: Option<u64> = "last",
        /// Memory the series takes.
        memory_bytes: u64 = "memory",
        /// Events stored at or above the threshold, since the series was created or reset; so the other totals.
        total_accepted: u64 = "total_accepted",
        /// Stored, below the threshold.
        total_filtered: u64 = "total_filtered",
        /// Below the smallest size.
        total_small: u64 = "total_small",
        /// Held already.
        total_duplicate: u64 = "total_duplicate",
        /// Older than the retention.
        total_late: u64 = "total_late",
        /// Too far ahead of the clock.
        total_future: u64 = "total_future",
        /// Signals given.
        total_signals: u64 = "total_signals",
        /// Signals withheld because the event was too old.
        total_stale_signals: u64 = "total_stale_signals",
        /// The venues seen.
        exchanges: Vec<Bytes> = "exchanges",
    }
}
