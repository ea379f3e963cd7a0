//! What can be asked of a series. Reads change nothing that is saved; they move cursors.

mod buckets;
mod distribution;
mod info;
mod query;
mod range;
mod stats;
mod venues;
mod vwap;

use std::fmt;

pub use query::Query;

use super::request::Scope;
use super::series::{OrderCursor, Series, Side, SidedSums, Span, SumCursor, Time};
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

/// The window of a read, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// The window is what is later than this, Unix ms …
    cutoff_ms: i64,
    /// … and not later than this, where events are held that are.
    until_ms: Option<i64>,
    /// The window's length, ms.
    window_ms: u64,
    /// Where it ends, Unix ms, inclusive.
    end_ms: i64,
    /// Where the series is now, if that is where the window ends and cursors may answer.
    live_ms: Option<u64>,
    /// Whether it ends where it was asked to end.
    is_in_place: bool,
}

impl Series {
    fn window(&self, time: Time, scope: &Scope, default_ms: u64) -> Result<Window, ReadError> {
        let retention_ms = self.options.retention_ms;
        if let Some(window_ms) = scope.window_ms.filter(|window_ms| *window_ms > retention_ms) {
            let got = format_duration(window_ms);
            return Err(ReadError::BeyondRetention { argument: "WINDOW", got, retention_ms });
        }
        let window_ms = scope.window_ms.unwrap_or(default_ms.min(retention_ms));
        Ok(self.window_before(time, scope.at_ms, window_ms))
    }

    /// The window of `window_ms` that ends at `at_ms`, or now. Among events of a pane that lie on both sides of that moment
    /// it cannot end: then the whole window moves back to where the pane begins.
    fn window_before(&self, time: Time, at_ms: Option<u64>, window_ms: u64) -> Window {
        let asked_ms = at_ms.unwrap_or_else(|| self.now_ms(time));
        let is_past = self.events.newest_ms().is_some_and(|newest_ms| newest_ms > asked_ms);
        let end_ms = if is_past { self.events.parting_before(asked_ms) } else { asked_ms as i64 };
        Window {
            cutoff_ms: end_ms - window_ms as i64,
            until_ms: is_past.then_some(end_ms),
            window_ms,
            end_ms,
            live_ms: Some(asked_ms).filter(|_| at_ms.is_none() && !is_past),
            is_in_place: end_ms == asked_ms as i64,
        }
    }

    fn span_of(&self, window: &Window) -> Span {
        let span = self.events.span(window.cutoff_ms, window.until_ms);
        Span { is_exact: span.is_exact && window.is_in_place, ..span }
    }

    fn with_order<R>(&mut self, window: &Window, side: Option<Side>, ask: impl FnOnce(&mut OrderCursor) -> R) -> R {
        if let Some(now_ms) = window.live_ms {
            return self.cursors.order(&mut self.events, (window.window_ms, side), now_ms, ask);
        }
        let span = self.span_of(window);
        ask(&mut OrderCursor::once(&mut self.events, &span, side))
    }

    /// Sums of the window, whose events lie in `span`.
    fn sums(&mut self, window: &Window, span: &Span) -> SidedSums {
        if window.live_ms.is_some() {
            return self.cursors.sums(&self.events, window.window_ms, span);
        }
        SumCursor::once(&self.events, span)
    }
}
