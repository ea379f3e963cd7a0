//! What can be asked of a market. Reads change nothing.

mod candles;
mod info;
mod last;
mod range;
mod vwap;

use std::fmt;

pub use info::format_keep;

/// Why a read is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// Candles of the interval are made of no level that is held.
    NeedsLevel {
        /// What was asked for.
        interval: crate::market::candle::Interval,
        /// The coarsest level that would do.
        level: &'static str,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsLevel { interval, level } => {
                write!(f, "interval: needs level {level}, which this market does not keep, got '{interval}'")
            }
        }
    }
}

impl std::error::Error for ReadError {}
