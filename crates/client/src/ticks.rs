//! What is asked of a market and what it answers: ticks, candles, last prices, with exact decimals.
//!
//! They are the structs that the module itself reads and writes. A [`Decimal`] is an integer and a scale, a sum of them an
//! [`Exact`]; both are shown and parsed as the shortest plain text.

pub use liq_core::batches::BatchId;
pub use liq_core::grammar::Decimal;
pub use liq_core::market::candle::{Interval, Keep, Unit, Zone};
pub use liq_core::market::reply::{
    AddReply, CandleRow, ClosedCandle, Exact, GapRow, LastReply, LevelHeld, LevelsHeld, MaddReply, MarketInfo,
    PutReply, TickRow,
};
pub use liq_core::market::request::{Add, Candles, Form, Last, Madd, NewTick, Put, QuoteRequest, Range};
pub use liq_core::market::store::{ClockMode, OptionsPatch, Quote, Source, State, Status, StreamPatch, VenueRow};
pub use liq_core::market::studies::{Kind, Study};
pub use liq_core::market::tape::{Id, Order, Side};
