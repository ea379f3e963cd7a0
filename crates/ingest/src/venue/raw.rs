//! What venues report, as they word it: before symbols, sizes and quantities are made canonical.

use liq_core::grammar::Decimal;

use super::Venue;
use crate::event::Side;
use crate::market::{Taker, TradeId};

/// An event as the venue words it, before symbol and size are made canonical.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// The venue's own name of the instrument.
    pub instrument: &'a str,
    /// Exchange time, Unix milliseconds.
    pub ts_ms: u64,
    /// Side of the forced order.
    pub side: Side,
    /// Fill price, else bankruptcy price.
    pub price: f64,
    /// Quantity in the venue's unit.
    pub quantity: f64,
    /// The venue's id, or empty.
    pub id: &'a str,
}

/// A trade as the venue words it, before symbol and quantity are made canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTrade<'a> {
    /// The venue's own name of the instrument.
    pub instrument: &'a str,
    /// Whether the ids are consecutive integers.
    pub is_numbered: bool,
    /// Exchange time, Unix milliseconds.
    pub ts_ms: u64,
    /// Who took.
    pub taker: Taker,
    /// Nothing when it was no trade of the market.
    pub price: Option<Decimal>,
    /// Quantity in the venue's unit.
    pub qty: Decimal,
    /// The venue's id.
    pub id: TradeId,
}

/// An event whose contract's worth nobody knows yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Whose.
    pub venue: Venue,
    /// When its frame was read, Unix microseconds.
    pub at_us: i64,
    instrument: String,
    ts_ms: u64,
    side: Side,
    price: f64,
    quantity: f64,
    id: String,
}

impl Held {
    /// What a venue reported.
    pub fn new(venue: Venue, raw: Raw<'_>) -> Self {
        let Raw { instrument, ts_ms, side, price, quantity, id } = raw;
        let (instrument, id) = (instrument.to_owned(), id.to_owned());
        Self { venue, at_us: 0, instrument, ts_ms, side, price, quantity, id }
    }

    /// With the time at which its frame was read.
    pub fn at(self, at_us: i64) -> Self {
        Self { at_us, ..self }
    }

    /// As the venue worded it.
    pub fn raw(&self) -> Raw<'_> {
        let Self { instrument, ts_ms, side, price, quantity, id, .. } = self;
        Raw { instrument, ts_ms: *ts_ms, side: *side, price: *price, quantity: *quantity, id }
    }
}
