//! What can be asked of a series. Reads change nothing that is saved; they move cursors.

mod distribution;
mod info;
mod range;
mod stats;
mod vwap;

use std::fmt;

use super::request::Scope;
use super::series::{OrderCursor, Series, Side, SidedSums, SumCursor};
use crate::grammar::format_duration;

/// Why a read is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The window reaches behind what is kept.
    BeyondRetention {
        /// The argument that asked for it.
        argument: &'static str,
        /// What came: a duration, or a timestamp for `SINCE`.
        got: String,
        /// The retention, ms.
        retention_ms: u64,
    },
    /// A `BUCKET` that does not consist of whole panes.
    BucketOfPartPanes {
        /// Its length, ms.
        bucket_ms: u64,
        /// The width of a pane, ms.
        pane_ms: u64,
    },
    /// A `BUCKET` so short that there would be too many.
    TooManyBuckets {
        /// Its length, ms.
        bucket_ms: u64,
    },
}

/// Most rows of a `BUCKET` answer.
pub const MAX_BUCKETS: u64 = 1500;

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeyondRetention { argument, got, retention_ms } => {
                let retention = format_duration(*retention_ms);
                write!(f, "{argument}: reaches behind the retention of {retention}, got '{got}'")
            }
            Self::BucketOfPartPanes { bucket_ms, pane_ms } => {
                let (bucket, pane) = (format_duration(*bucket_ms), format_duration(*pane_ms));
                write!(f, "BUCKET: must be a multiple of {pane}, the width of the panes in the window, got '{bucket}'")
            }
            Self::TooManyBuckets { bucket_ms } => {
                let bucket = format_duration(*bucket_ms);
                write!(f, "BUCKET: would give more than {MAX_BUCKETS} rows, got '{bucket}'")
            }
        }
    }
}

impl std::error::Error for ReadError {}

/// A moment and the window before it, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// The end, inclusive, Unix ms.
    now_ms: u64,
    /// The window's length, ms.
    window_ms: u64,
    /// Whether the end is where the series is now, so that cursors may answer.
    live: bool,
}

impl Window {
    /// The window is what is later than this, Unix ms.
    const fn cutoff_ms(&self) -> i64 {
        self.now_ms as i64 - self.window_ms as i64
    }
}

impl Series {
    /// The moment a read is about.
    fn reading_ms(&self, server_ms: u64, at_ms: Option<u64>) -> u64 {
        at_ms.unwrap_or_else(|| self.now_ms(server_ms))
    }

    fn window(&self, server_ms: u64, scope: &Scope, default_ms: u64) -> Result<Window, ReadError> {
        let retention_ms = self.options.retention_ms;
        if let Some(window_ms) = scope.window_ms.filter(|window_ms| *window_ms > retention_ms) {
            let got = format_duration(window_ms);
            return Err(ReadError::BeyondRetention { argument: "WINDOW", got, retention_ms });
        }
        let window_ms = scope.window_ms.unwrap_or(default_ms.min(retention_ms));
        Ok(Window { now_ms: self.reading_ms(server_ms, scope.at_ms), window_ms, live: scope.at_ms.is_none() })
    }

    /// Where events are cut off that are later than the window's end.
    fn until_ms(&self, window: &Window) -> Option<u64> {
        self.newest_ms.filter(|newest| *newest > window.now_ms).map(|_| window.now_ms)
    }

    fn with_order<R>(&mut self, window: &Window, side: Option<Side>, ask: impl FnOnce(&mut OrderCursor) -> R) -> R {
        if window.live {
            return self.cursors.order(&mut self.events, (window.window_ms, side), window.now_ms, ask);
        }
        let until_ms = self.until_ms(window);
        ask(&mut OrderCursor::once(&mut self.events, window.cutoff_ms(), until_ms, side))
    }

    fn sums(&mut self, window: &Window) -> SidedSums {
        if window.live {
            return self.cursors.sums(&self.events, window.window_ms, window.now_ms);
        }
        let span = self.events.span(window.cutoff_ms(), self.until_ms(window));
        SumCursor::once(&self.events, &span)
    }
}
