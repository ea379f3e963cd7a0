//! Ticks as they came: what a tick is, the newest of them raw, and where trades may be missing.
//!
//! What does not live here: candles, prices, and the judging of ticks.

mod chunk;
mod gaps;
mod tail;
mod tick;

pub use gaps::{Gap, Gaps, MAX_GAPS};
pub use tail::{Tail, Wanted};
pub use tick::{Held, Id, MAX_ID_BYTES, Moment, Order, PRICE_RANGE, QTY_RANGE, ShortText, Side, Tick};
