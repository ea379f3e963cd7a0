//! The normal form of a liquidation, whatever venue or file it came from, and the names of what is no event.

use std::sync::Arc;

pub use liq_core::liq::series::Side;
use liq_core::liq::series::{MAX_ID_BYTES, PRICE_RANGE, SIZE_RANGE};

use crate::item::Item;
use crate::market::MarketItem;

/// Reads the side of an order.
pub fn side_of(text: &str) -> Result<Side, Reject> {
    Side::parse(text.as_bytes()).ok_or(Reject::BadSide)
}

/// The side of the order that closes a position of `side`, and the other way round.
pub const fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

/// One liquidation.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The exchange's name as the module records it, such as `binance`.
    pub exchange: Arc<str>,
    /// Canonical symbol: base and quote currency run together, such as `BTCUSDT`.
    pub symbol: Arc<str>,
    /// The exchange's time, Unix milliseconds.
    pub ts_ms: u64,
    /// Side of the forced order.
    pub side: Side,
    /// Average fill price where the venue tells one, else the bankruptcy price; quote per base.
    pub price: f64,
    /// Notional in the quote currency.
    pub size: f64,
    /// What tells equal events apart; empty where the venue gives nothing.
    pub id: Box<str>,
}

impl Event {
    /// Refuses what the module would refuse.
    pub fn checked(self) -> Result<Self, Reject> {
        let known_time = self.ts_ms > 0 && self.ts_ms <= liq_core::grammar::MAX_TIMESTAMP_MS;
        if !known_time {
            return Err(Reject::NoTime);
        }
        let fits =
            PRICE_RANGE.contains(&self.price) && SIZE_RANGE.contains(&self.size) && self.id.len() <= MAX_ID_BYTES;
        if fits { Ok(self) } else { Err(Reject::OutOfRange) }
    }
}

/// Why a frame, a row or an item of one gave no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reject {
    /// Not JSON, or JSON of a shape no venue sends.
    MalformedFrame,
    /// A line without the columns of its format.
    MalformedRow,
    /// A field that every event needs is missing.
    MissingField,
    /// A number that is none.
    BadNumber,
    /// A side that is neither buy nor sell.
    BadSide,
    /// A symbol that names no pair.
    BadSymbol,
    /// Neither the venue nor the recording tells the time.
    NoTime,
    /// No price at which the position was closed.
    NoPrice,
    /// Price, size or id outside what the module takes.
    OutOfRange,
    /// Sized in contracts whose value is not known: never taken as dollars.
    UnknownMultiplier,
    /// A venue that this program does not read.
    UnsupportedVenue,
    /// A topic that the venue has withdrawn.
    WithdrawnTopic,
    /// An option: its price is no price of the pair.
    OptionInstrument,
    /// A frame of another channel, or a trade that is no liquidation.
    NotLiquidation,
    /// An order that is not (wholly) filled yet.
    NotFilled,
    /// A change of a liquidation that was counted when it was inserted.
    TableChange,
    /// The execution of a liquidation that was counted when it was triggered.
    Execution,
    /// Sized in quote currency: what was traded of the base currency is no decimal.
    InverseContract,
    /// A candle of a length that markets hold none of.
    NoSuchLevel,
}

impl Reject {
    /// Every reason, in the order of their discriminants.
    pub const ALL: [Self; 19] = [
        Self::MalformedFrame,
        Self::MalformedRow,
        Self::MissingField,
        Self::BadNumber,
        Self::BadSide,
        Self::BadSymbol,
        Self::NoTime,
        Self::NoPrice,
        Self::OutOfRange,
        Self::UnknownMultiplier,
        Self::UnsupportedVenue,
        Self::WithdrawnTopic,
        Self::OptionInstrument,
        Self::NotLiquidation,
        Self::NotFilled,
        Self::TableChange,
        Self::Execution,
        Self::InverseContract,
        Self::NoSuchLevel,
    ];

    /// The name in reports, metrics and the rejects file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedFrame => "malformed_frame",
            Self::MalformedRow => "malformed_row",
            Self::MissingField => "missing_field",
            Self::BadNumber => "bad_number",
            Self::BadSide => "bad_side",
            Self::BadSymbol => "bad_symbol",
            Self::NoTime => "no_time",
            Self::NoPrice => "no_price",
            Self::OutOfRange => "out_of_range",
            Self::UnknownMultiplier => "unknown_multiplier",
            Self::UnsupportedVenue => "unsupported_venue",
            Self::WithdrawnTopic => "withdrawn_topic",
            Self::OptionInstrument => "option_instrument",
            Self::NotLiquidation => "not_liquidation",
            Self::NotFilled => "not_filled",
            Self::TableChange => "table_change",
            Self::Execution => "execution",
            Self::InverseContract => "inverse_contract",
            Self::NoSuchLevel => "no_such_level",
        }
    }

    /// Whether a healthy feed has it too, so that nobody need look into it.
    pub const fn is_expected(self) -> bool {
        matches!(
            self,
            Self::OptionInstrument
                | Self::NotLiquidation
                | Self::NotFilled
                | Self::TableChange
                | Self::Execution
                | Self::InverseContract
        )
    }
}

/// What came out of one frame or row; reused between them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The liquidations, in the order of the frame.
    pub events: Vec<Event>,
    /// What markets are told, in the order of the frame.
    pub market: Vec<MarketItem>,
    /// One entry for each item that gave no event.
    pub rejects: Vec<Reject>,
}

impl Batch {
    /// Takes something for a market.
    pub fn push_market(&mut self, item: Result<MarketItem, Reject>) {
        match item {
            Ok(item) => self.market.push(item),
            Err(reject) => self.rejects.push(reject),
        }
    }

    /// How many came of it: liquidations, what markets are told, and rejects.
    pub const fn len(&self) -> usize {
        self.events.len() + self.market.len() + self.rejects.len()
    }

    /// Whether nothing came of it.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out all that is to be fed.
    pub fn take_items(&mut self) -> impl Iterator<Item = Item> + '_ {
        self.events.drain(..).map(Item::Liquidation).chain(self.market.drain(..).map(Item::Market))
    }

    /// Takes one liquidation.
    pub fn push(&mut self, item: Result<Event, Reject>) {
        match item {
            Ok(event) => self.events.push(event),
            Err(reject) => self.rejects.push(reject),
        }
    }

    /// Empties it, keeping its room.
    pub fn clear(&mut self) {
        self.events.clear();
        self.market.clear();
        self.rejects.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_listed_in_order_with_names_of_their_own() {
        for (place, reason) in Reject::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
        let names: std::collections::BTreeSet<_> = Reject::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reject::ALL.len());
    }
}
