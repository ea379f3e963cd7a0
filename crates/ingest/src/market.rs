//! The normal form of what a market is told, whatever venue or file it came from: trades, quotes, candles. Prices and
//! quantities are exact decimals; quantities are of the base currency.

use std::sync::Arc;

use liq_core::grammar::{Decimal, MAX_TIMESTAMP_MS};
use liq_core::market::candle::{UNITS, Unit};
use liq_core::market::request::NewTick;
use liq_core::market::store::{Quote, VenueRow};
use liq_core::market::tape::{Id, MAX_ID_BYTES, PRICE_RANGE, QTY_RANGE};

pub use liq_core::market::tape::Side as Taker;

use crate::event::Reject;
use crate::venue::Venue;

/// Something that one market is told.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketItem {
    /// Whose market.
    pub venue: Venue,
    /// Its symbol: base and quote currency run together, or the instrument's own name where it is dated or spot beside a
    /// perpetual.
    pub symbol: Arc<str>,
    /// Whether its trades are numbered with consecutive integers, so that a market made for it orders by ID.
    pub is_numbered: bool,
    /// What it is told.
    pub told: Told,
}

/// What a market is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A trade.
    Trade(Trade),
    /// Prices without a trade, or that the feed lives.
    Quote(Quote),
    /// A closed candle, as the venue made it.
    Candle(Candle),
}

impl Told {
    /// When it was, Unix milliseconds.
    pub const fn ts_ms(&self) -> u64 {
        match self {
            Self::Trade(trade) => trade.ts_ms,
            Self::Quote(quote) => quote.ts_ms,
            Self::Candle(candle) => candle.row.start_ms,
        }
    }
}

/// What a venue calls a trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TradeId {
    /// A number, or as an aggregated trade the numbers from the first to the last.
    Numbers {
        /// The first.
        first: u64,
        /// The last, not less than the first.
        last: u64,
    },
    /// Anything else; empty where the venue tells nothing.
    Text(Box<str>),
}

impl TradeId {
    /// Numbers where it is spelled as they are written.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        match Id::parse(text.as_bytes()).ok_or(Reject::OutOfRange)? {
            Id::Numbers { first, last } => Ok(Self::Numbers { first, last }),
            Id::None | Id::Text(_) => Ok(Self::Text(text.into())),
        }
    }

    /// As it travels.
    pub fn wire(&self) -> Id<'_> {
        match self {
            Self::Numbers { first, last } => Id::Numbers { first: *first, last: *last },
            Self::Text(text) if text.is_empty() => Id::None,
            Self::Text(text) => Id::Text(text.as_bytes()),
        }
    }
}

/// A trade, or the number of something that was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// The exchange's time, Unix milliseconds.
    pub ts_ms: u64,
    /// Who took.
    pub taker: Taker,
    /// Quote per base; `None` when it was no trade of the market, such as one with the insurance fund.
    pub price: Option<Decimal>,
    /// Base units.
    pub qty: Decimal,
    /// What the venue calls it.
    pub id: TradeId,
    /// Trades may be missing before it.
    pub follows_gap: bool,
}

impl Trade {
    /// Refuses what the module would refuse.
    pub fn checked(self) -> Result<Self, Reject> {
        check_time(self.ts_ms)?;
        // The most that a trade may be worth, in the units of a product.
        let most = Decimal::ten_to(15).units(15) * 1_000;
        let fits = self.price.is_none_or(|price| PRICE_RANGE.contains(&price) && price.product(self.qty) <= most)
            && QTY_RANGE.contains(&self.qty);
        let is_named = match &self.id {
            TradeId::Numbers { first, last } => first <= last && i64::try_from(*last).is_ok(),
            TradeId::Text(text) => text.len() <= MAX_ID_BYTES,
        };
        if fits && is_named { Ok(self) } else { Err(Reject::OutOfRange) }
    }

    /// As it travels.
    pub fn wire(&self) -> NewTick<'_> {
        NewTick { ts_ms: Some(self.ts_ms), side: self.taker, price: self.price, qty: self.qty, id: self.id.wire() }
    }

    /// What it was worth, for those who have to choose between events.
    pub fn worth(&self) -> f64 {
        self.price.map_or(0.0, |price| price.to_f64() * self.qty.to_f64())
    }
}

/// A closed candle of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candle {
    /// Of which level.
    pub level: Unit,
    /// What the venue says.
    pub row: VenueRow,
}

impl Candle {
    /// When it ended, Unix milliseconds.
    pub const fn end_ms(&self) -> u64 {
        self.row.start_ms.saturating_add(self.level.width_ms)
    }

    /// Refuses what the module would refuse.
    pub fn checked(self) -> Result<Self, Reject> {
        check_time(self.row.start_ms)?;
        let fits = self.row.is_sound()
            && self.row.prices.iter().all(|price| PRICE_RANGE.contains(price))
            && self.row.start_ms.is_multiple_of(60_000.min(self.level.width_ms));
        if fits { Ok(self) } else { Err(Reject::OutOfRange) }
    }
}

/// The level whose candles last so long.
pub fn level_of(width_ms: u64) -> Option<Unit> {
    UNITS.into_iter().find(|unit| unit.width_ms == width_ms)
}

const fn check_time(ts_ms: u64) -> Result<(), Reject> {
    if ts_ms > 0 && ts_ms <= MAX_TIMESTAMP_MS { Ok(()) } else { Err(Reject::NoTime) }
}
