//! One candle: exact, mergeable, whatever it was made from.

use super::interval::Span;
use crate::grammar::{Decimal, MAX_SCALE};
use crate::market::tape::{Moment, Order, Side, Tick};

/// Volumes are in units of 10^-15.
pub const VOLUME_SCALE: u8 = MAX_SCALE;
/// Quote volumes are in units of 10^-18.
pub const QUOTE_SCALE: u8 = 18;

/// The trades of a stretch of time. Sums are integers, so that no order of adding changes them; beyond 128 bits they stay
/// at the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Where it begins, Unix ms.
    pub start_ms: u64,
    /// Price of the first trade.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Price of the last trade.
    pub close: Decimal,
    /// Base units traded, in 10^-15.
    pub volume: u128,
    /// Sum of price × qty, in 10^-18; `None` where a row did not tell, so below.
    pub quote: Option<u128>,
    /// How many trades.
    pub trades: Option<u64>,
    /// Base units that buyers took, in 10^-15; `None` also where the feed does not tell sides.
    pub taker_volume: Option<u128>,
    /// The same in quote units, in 10^-18.
    pub taker_quote: Option<u128>,
    /// Where the first trade stands; of a row where the time begins that it tells of. The number of a row's is its marks.
    pub first: Moment,
    /// Where the last trade stands; of a row the last moment that it tells of.
    pub last: Moment,
    /// Whether a row of CANDLE.PUT gave it, or rows every part of it.
    pub is_row: bool,
}

/// A mark of a row: trades came here too.
const TRADED: u64 = 1;
/// A mark of a row: it tells of parts of its time, and which is not known. It was made of rows with something between them,
/// or trades came into it since.
const PARTED: u64 = 2;

impl Candle {
    /// The candle of one tick.
    pub fn of(tick: &Tick<'_>, order: Order, start_ms: u64) -> Self {
        let moment = tick.moment(order);
        let price = tick.price;
        let mut candle = Self {
            start_ms,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            quote: Some(0),
            trades: Some(0),
            taker_volume: Some(0),
            taker_quote: Some(0),
            first: moment,
            last: moment,
            is_row: false,
        };
        candle.add(tick, order);
        candle
    }

    /// Adds a tick. It opens the candle only if it is earlier than the first, and closes it only if it is not earlier
    /// than the last.
    #[inline]
    pub fn add(&mut self, tick: &Tick<'_>, order: Order) {
        let moment = tick.moment(order);
        let (price, marks) = (tick.price, self.first.id);
        if moment < self.opening() {
            (self.first, self.open) = (moment, price);
        }
        if moment >= self.last {
            (self.last, self.close) = (moment, price);
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        let volume = tick.qty.units(VOLUME_SCALE);
        let quote = price.product(tick.qty);
        self.volume = self.volume.saturating_add(volume);
        self.quote = plus(self.quote, Some(quote));
        self.trades = self.trades.map(|trades| trades.saturating_add(tick.trades(order)));
        match tick.side {
            Side::Buy => {
                self.taker_volume = plus(self.taker_volume, Some(volume));
                self.taker_quote = plus(self.taker_quote, Some(quote));
            }
            Side::Sell => {}
            Side::Unknown => (self.taker_volume, self.taker_quote) = (None, None),
        }
        if self.is_row {
            self.first.id = marks | TRADED | PARTED;
        }
    }

    /// Where it opens: a row with the time that it tells of, before every trade of that millisecond. Marks are no place.
    #[inline]
    const fn opening(&self) -> Moment {
        let id = if self.is_row { 0 } else { self.first.id };
        Moment { ts_ms: self.first.ts_ms, id }
    }

    /// Whether a trade came into it, before a row took its place or else.
    #[inline]
    pub const fn is_traded(&self) -> bool {
        !self.is_row || self.first.id & TRADED > 0
    }

    /// Says of a row that trades came here too.
    pub const fn mark_traded(&mut self) {
        self.first.id |= TRADED;
    }

    /// The time of which rows tell: what comes late into it is in them. None without rows, and where it is not known.
    pub const fn told(&self) -> Option<Span> {
        let is_known = self.is_row && self.first.id & PARTED == 0;
        if is_known { Some(Span { start_ms: self.first.ts_ms, end_ms: self.last.ts_ms + 1 }) } else { None }
    }

    /// Whether rows tell of that time.
    #[inline]
    pub fn tells_of(&self, ts_ms: u64) -> bool {
        self.is_row && self.told().is_some_and(|told| told.holds(ts_ms))
    }

    /// Whether the one begins where the other ends.
    const fn adjoins(&self, other: &Self) -> bool {
        self.last.ts_ms + 1 == other.first.ts_ms || other.last.ts_ms + 1 == self.first.ts_ms
    }

    /// Adds everything of `other`, which may lie anywhere in time. What is null in one is null in both.
    pub fn merge(&mut self, other: &Self) {
        let marks = self.first.id | other.first.id | if self.adjoins(other) { 0 } else { PARTED };
        self.first = self.opening();
        if other.opening() < self.first {
            (self.first, self.open) = (other.opening(), other.open);
        }
        if other.last >= self.last {
            (self.last, self.close) = (other.last, other.close);
        }
        self.high = self.high.max(other.high);
        self.low = self.low.min(other.low);
        self.volume = self.volume.saturating_add(other.volume);
        self.quote = plus(self.quote, other.quote);
        self.trades = self.trades.zip(other.trades).map(|(a, b)| a.saturating_add(b));
        self.taker_volume = plus(self.taker_volume, other.taker_volume);
        self.taker_quote = plus(self.taker_quote, other.taker_quote);
        self.is_row &= other.is_row;
        if self.is_row {
            self.first.id = marks;
        }
    }

    /// Whether all columns that a reader sees are the same.
    pub fn reads_like(&self, other: &Self) -> bool {
        let blind =
            |candle: &Self| Self { first: Moment::default(), last: Moment::default(), is_row: false, ..*candle };
        blind(self) == blind(other)
    }
}

fn plus(a: Option<u128>, b: Option<u128>) -> Option<u128> {
    a.zip(b).map(|(a, b)| a.saturating_add(b))
}
