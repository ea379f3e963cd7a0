//! What is asked of a market and what it answers: ticks, candles, last prices, triggers, with exact decimals.
//!
//! They are the structs that the module itself reads and writes. A [`Decimal`] is an integer and a scale, a sum of them an
//! [`Exact`]; both are shown and parsed as the shortest plain text, and with the feature `rust_decimal` they turn into that
//! crate's decimals, to calculate with, and back:
//!
#![cfg_attr(feature = "rust_decimal", doc = "```")]
#![cfg_attr(not(feature = "rust_decimal"), doc = "```ignore")]
//! use redis_liq::ticks::Decimal;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let entry: Decimal = "93509.1".parse()?;
//! let stop = rust_decimal::Decimal::from(entry) * rust_decimal::Decimal::new(98, 2);
//! assert_eq!(Decimal::try_from(stop)?, "91638.918".parse()?);
//! # Ok(())
//! # }
//! ```

pub use liq_core::batches::BatchId;
pub use liq_core::grammar::Decimal;
pub use liq_core::market::candle::{Interval, Keep, UNITS, Unit, Zone};
pub use liq_core::market::reply::{
    AddReply, CandleRow, ClosedCandle, Exact, Fired, GapRow, LastReply, LevelHeld, LevelsHeld, MaddReply, MarketInfo,
    PutReply, SetReply, TickRow, TriggerRow,
};
pub use liq_core::market::request::{
    Add, Candles, DeleteTriggers, Form, Last, ListTriggers, Madd, NewTick, Put, QuoteRequest, Range,
};
pub use liq_core::market::store::{OptionsPatch, Quote, Source, State, Status, VenueRow};
pub use liq_core::market::studies::{Kind, Study};
pub use liq_core::market::tape::{Id, Order, Side};
pub use liq_core::market::triggers::{Cause, Side as Position, State as TriggerState, Which};
pub use liq_core::settings::{ClockMode, StreamPatch};
