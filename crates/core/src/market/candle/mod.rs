//! Candles of every interval: what a candle is, where intervals begin, and the levels that hold candles, each coarser one
//! made of what the finer one can hold no longer.
//!
//! What does not live here: which ticks are recorded, gaps, and what a candle looks like to a reader.
//!
//! # Invariants
//!
//! [`Levels::check`] asserts them.
//!
//! - L1 candles of a level begin where its unit does, ascending; L2 no level holds more than it keeps; L3 a level's count is
//!   that of its candles; L4 what a level holds is not earlier than its reach, and earlier than the reach of all finer
//!   ones, so that no time is held twice and levels follow each other in time; L5 a block's summary is its candles merged.

mod block;
#[expect(clippy::module_inception, reason = "the folder is about it")]
mod candle;
mod interval;
mod level;
mod levels;
mod traded;
mod unit;
mod window;

pub use candle::{Candle, QUOTE_SCALE, VOLUME_SCALE};
pub use interval::{Interval, MAX_ZONE_MINUTES, Span, Zone};
pub use level::Level;
pub use levels::{Keep, Levels, MAX_KEEP, Place};
pub use traded::{Remembered, Traded};
pub use unit::{UNITS, Unit};
pub use window::RememberedWindow;
