//! A market: what one key holds.
//!
//! [`Market`] is the door: ticks, quotes and rows come in through it and become candles and prices. What can be asked of it
//! is in `market/reading`. Everything that has to be decided is decided before anything changes: [`Market::judge_tick`] and
//! [`Market::judge_quote`] say what something is to become, and recording does what they said, here as on a replica.
//!
//! # Words
//!
//! - **market time**: the newest trade's time, or GRACE before that of a quote or heartbeat, whichever is later.
//! - **newest**: the trade that became the last price; **moment**: where a trade stands among all.
//! - **reach**: from when on a level holds everything; what is earlier is `late`.
//! - **announced**: of an interval that closes are told of.
//!
//! # Invariants
//!
//! [`Market::check`] asserts them, with those of the levels and the tail.
//!
//! - M1 market time is not before the newest trade; M2 no trade held is later than the newest; M3 the greatest number seen is
//!   not missing; M4 the tail holds at most TAIL; M5 gaps end no later than the newest that was seen; M6 minutes are kept as
//!   the resolution says; M7 before the time from which closes are looked for, no announced candle ends that is open; M8 every
//!   announced interval is so since a time that has come, or all from the beginning.

mod changes;
mod clock;
mod detail;
mod feeding;
mod market;
mod options;
mod prices;
mod putting;
mod quoting;
mod telling;
mod totals;
mod triggering;

pub use crate::memory::{Detail, Resolution};
pub use changes::{Change, Changes, Judging, Row, State};
pub use clock::Time;
pub use feeding::{Report, Status};
pub use market::{AlterError, Market};
pub use options::{DEFAULT_FIRES_MAXLEN, FIRES_MAXLEN_RANGE};
pub use options::{GRACE_RANGE_MS, STALE_RANGE_MS, TAIL_RANGE};
pub use options::{MAX_ANNOUNCED, Options, OptionsError, OptionsPatch};
pub use prices::{Jump, Price, Prices, Source};
pub use putting::{PutTally, VOLUME_RANGE, VenueRow, Whole};
pub use quoting::{Quote, QuoteVerdict};
pub use totals::{MAX_TOTAL, Tally, Totals};
