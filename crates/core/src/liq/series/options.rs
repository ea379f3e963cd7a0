//! The settings of one series, complete and consistent.

use crate::grammar::Percentile;
use crate::liq::series::OptionsPatch;
use crate::settings::{ClockMode, DEFAULT_MAXLEN, Stream, StreamPatch};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Shortest retention, ms.
pub const MIN_RETENTION_MS: u64 = MINUTE_MS;
/// Longest retention, ms.
pub const MAX_RETENTION_MS: u64 = 31 * 24 * HOUR_MS;

/// Widest pane, ms.
const MAX_PANE_MS: u64 = 3 * HOUR_MS;

/// The settings of a series; what they mean is said in the contract of `LIQ.CREATE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How far back windows may reach, ms.
    pub retention_ms: u64,
    /// Window of the filter, ms; `None` follows the retention.
    pub window_ms: Option<u64>,
    /// Filter threshold; 0 is off.
    pub percentile: Percentile,
    /// The filter passes everything while its window holds fewer events.
    pub min_events: u64,
    /// Smaller events are only counted, quote currency.
    pub min_size: f64,
    /// Window of the VWAP that signals use, ms.
    pub vwap_window_ms: u64,
    /// Percent below the VWAP at which liquidated longs signal `buy`; 0 is off.
    pub long_offset_pct: f64,
    /// Percent above the VWAP at which liquidated shorts signal `sell`; 0 is off.
    pub short_offset_pct: f64,
    /// Where signals are appended.
    pub signals: Option<Stream>,
    /// Where accepted events are appended.
    pub accepted: Option<Stream>,
    /// The market whose trades prices are judged by, instead of the events' own; a key, not empty.
    pub market: Option<Box<[u8]>>,
    /// What "now" is.
    pub clock: ClockMode,
    /// Mantissa bits of a bucket, 5 … 8: relative error 2^-(k+1).
    pub precision: u8,
    /// Newest events kept raw.
    pub tail: u32,
    /// The key expires after this long without a stored event, ms; 0 is never, `None` the rule of [`Options::idle_ms`].
    pub idle_ms: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention_ms: 24 * HOUR_MS,
            window_ms: None,
            percentile: Percentile::whole(80),
            min_events: 1,
            min_size: 0.0,
            vwap_window_ms: HOUR_MS,
            long_offset_pct: 2.0,
            short_offset_pct: 2.0,
            signals: None,
            accepted: None,
            market: None,
            clock: ClockMode::Server,
            precision: 7,
            tail: 4096,
            idle_ms: None,
        }
    }
}

/// Why options do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionsError {
    /// A window would reach behind the retention.
    WindowBeyondRetention {
        /// `WINDOW` or `VWAPWINDOW`.
        option: &'static str,
        /// Its length, ms.
        window_ms: u64,
        /// The retention, ms.
        retention_ms: u64,
    },
    /// The retention would no longer hold a window set before.
    RetentionBelowWindow {
        /// `WINDOW` or `VWAPWINDOW`.
        option: &'static str,
        /// Its length, ms.
        window_ms: u64,
        /// The retention asked for, ms.
        retention_ms: u64,
    },
}

impl Options {
    /// The options that result when `patch` is applied to these defaults at creation. A default window that would reach
    /// behind a named retention is cut to it; a named one is refused.
    pub fn created(&self, patch: &OptionsPatch) -> Result<Self, OptionsError> {
        let mut defaults = self.clone();
        if let Some(retention_ms) = patch.retention_ms {
            defaults.window_ms = defaults.window_ms.filter(|window_ms| *window_ms < retention_ms);
            defaults.vwap_window_ms = defaults.vwap_window_ms.min(retention_ms);
        }
        defaults.altered(patch)
    }

    /// The options that result when `patch` is applied to these.
    pub fn altered(&self, patch: &OptionsPatch) -> Result<Self, OptionsError> {
        let options = Self {
            retention_ms: patch.retention_ms.unwrap_or(self.retention_ms),
            window_ms: patch.window_ms.or(self.window_ms),
            percentile: patch.percentile.unwrap_or(self.percentile),
            min_events: patch.min_events.unwrap_or(self.min_events),
            min_size: patch.min_size.unwrap_or(self.min_size),
            vwap_window_ms: patch.vwap_window_ms.unwrap_or(self.vwap_window_ms),
            long_offset_pct: patch.long_offset_pct.unwrap_or(self.long_offset_pct),
            short_offset_pct: patch.short_offset_pct.unwrap_or(self.short_offset_pct),
            signals: StreamPatch::applied(patch.signals.as_ref(), self.signals.as_ref(), DEFAULT_MAXLEN),
            accepted: StreamPatch::applied(patch.accepted.as_ref(), self.accepted.as_ref(), DEFAULT_MAXLEN),
            market: patch.market.clone().or_else(|| self.market.clone()).filter(|market| !market.is_empty()),
            clock: patch.clock.unwrap_or(self.clock),
            precision: patch.precision.unwrap_or(self.precision),
            tail: patch.tail.unwrap_or(self.tail),
            idle_ms: patch.idle_ms.or(self.idle_ms),
        };
        options.check_windows(patch)?;
        Ok(options)
    }

    fn check_windows(&self, patch: &OptionsPatch) -> Result<(), OptionsError> {
        let windows = [
            ("WINDOW", self.filter_window_ms(), patch.window_ms.is_some()),
            ("VWAPWINDOW", self.vwap_window_ms, patch.vwap_window_ms.is_some()),
        ];
        let retention_ms = self.retention_ms;
        match windows.into_iter().find(|(_, window_ms, _)| *window_ms > retention_ms) {
            None => Ok(()),
            Some((option, window_ms, true)) => {
                Err(OptionsError::WindowBeyondRetention { option, window_ms, retention_ms })
            }
            Some((option, window_ms, false)) => {
                Err(OptionsError::RetentionBelowWindow { option, window_ms, retention_ms })
            }
        }
    }

    /// The window of the filter, ms.
    pub fn filter_window_ms(&self) -> u64 {
        self.window_ms.unwrap_or(self.retention_ms)
    }

    /// After how long without a stored event the key expires, ms; 0 is never. Without an own setting: twice the
    /// retention, or never where the clock is the events'.
    pub fn idle_ms(&self) -> u64 {
        self.idle_ms.unwrap_or(match self.clock {
            ClockMode::Server => 2 * self.retention_ms,
            ClockMode::Event => 0,
        })
    }

    /// Widths that coarse panes may have, ms; each divides the next.
    pub const PANE_WIDTHS_MS: [u64; 8] = [1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, MAX_PANE_MS];

    /// Width of a coarse pane: the smallest on the scale that is at least a 288th of the retention.
    pub fn pane_ms(&self) -> u64 {
        let wide_enough = |width_ms: &u64| width_ms * 288 >= self.retention_ms;
        Self::PANE_WIDTHS_MS.into_iter().find(wide_enough).unwrap_or(MAX_PANE_MS)
    }
}

impl std::fmt::Display for OptionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::grammar::format_duration;
        match self {
            Self::WindowBeyondRetention { option, window_ms, retention_ms } => {
                let (window, retention) = (format_duration(*window_ms), format_duration(*retention_ms));
                write!(f, "{option}: longer than the retention of {retention}, got '{window}'")
            }
            Self::RetentionBelowWindow { option, window_ms, retention_ms } => {
                let (window, retention) = (format_duration(*window_ms), format_duration(*retention_ms));
                write!(f, "RETENTION: shorter than {option} ({window}), got '{retention}'")
            }
        }
    }
}

impl std::error::Error for OptionsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Args;

    fn patch(text: &str) -> OptionsPatch {
        let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        OptionsPatch::parse(Args::new(&args)).unwrap()
    }

    #[test]
    fn another_stream_keeps_the_length_that_was_named_before() {
        let options = Options::default().created(&patch("SIGNALS a MAXLEN 5")).unwrap();
        let altered = options.altered(&patch("SIGNALS b")).unwrap();
        assert_eq!(altered.signals, Some(Stream { key: (*b"b").into(), max_len: 5 }));
    }

    #[test]
    fn an_empty_name_turns_a_stream_and_a_market_off_and_nothing_else_does() {
        let options = Options::default().created(&patch("ACCEPTED a MARKET m SIGNALS b")).unwrap();
        let kept = options.altered(&patch("TAIL 300")).unwrap();
        assert_eq!((&kept.accepted, &kept.market), (&options.accepted, &options.market));
        let off = |option: &[u8]| OptionsPatch::parse(Args::new(&[option, b""])).unwrap();
        let altered = options.altered(&off(b"ACCEPTED")).unwrap().altered(&off(b"MARKET")).unwrap();
        assert_eq!((altered.accepted, altered.market, altered.signals), (None, None, options.signals));
    }

    #[test]
    fn a_refused_retention_names_the_window_it_cannot_hold() {
        let error = Options::default().altered(&patch("RETENTION 30m")).unwrap_err();
        assert_eq!(error.to_string(), "RETENTION: shorter than VWAPWINDOW (1h), got '30m'");
        let error = Options::default().altered(&patch("RETENTION 30m VWAPWINDOW 45m")).unwrap_err();
        assert_eq!(error.to_string(), "VWAPWINDOW: longer than the retention of 30m, got '45m'");
    }
}
