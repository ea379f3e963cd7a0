//! The last price of each source.

use crate::grammar::{Decimal, Percentile};
use crate::market::tape::Held;
pub use crate::market::triggers::Source;

/// A price and when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Quote per base.
    pub price: Decimal,
    /// Base units offered; 0 for what has none.
    pub qty: Decimal,
    /// Unix ms.
    pub ts_ms: u64,
}

/// The last price of each source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// The newest trade.
    pub last: Option<Held>,
    /// The best bid.
    pub bid: Option<Price>,
    /// The best ask.
    pub ask: Option<Price>,
    /// The mark price.
    pub mark: Option<Price>,
    /// The index.
    pub index: Option<Price>,
}

impl Prices {
    /// The last price of `source`.
    pub fn of(&self, source: Source) -> Option<Price> {
        match source {
            Source::Last => {
                self.last.as_ref().map(|last| Price { price: last.price, qty: last.qty, ts_ms: last.ts_ms })
            }
            Source::Bid => self.bid,
            Source::Ask => self.ask,
            Source::Mid => self.mid(),
            Source::Mark => self.mark,
            Source::Index => self.index,
        }
    }

    fn mid(&self) -> Option<Price> {
        let (bid, ask) = self.bid.zip(self.ask)?;
        // In units of 10^-16, so that the half is exact before it is rounded.
        let sum = bid.price.units(15) + ask.price.units(15);
        let price = Decimal::rounded(sum * 5, 16)?;
        Some(Price { price, qty: Decimal::ZERO, ts_ms: bid.ts_ms.min(ask.ts_ms) })
    }

    /// Takes over the price of a quoted source.
    pub fn set(&mut self, source: Source, price: Price) {
        match source {
            Source::Bid => self.bid = Some(price),
            Source::Ask => self.ask = Some(price),
            Source::Mark => self.mark = Some(price),
            Source::Index => self.index = Some(price),
            Source::Last | Source::Mid => {}
        }
    }

    /// When anything was last seen, Unix ms.
    pub fn newest_ms(&self) -> Option<u64> {
        let quotes = [self.bid, self.ask, self.mark, self.index];
        let quotes = quotes.into_iter().flatten().map(|price| price.ts_ms);
        quotes.chain(self.last.as_ref().map(|last| last.ts_ms)).max()
    }
}

/// The prices of one source that were too far from its last one, while they are not yet believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jump {
    /// The first of them, and how many there were within MAXJUMP of it.
    pub since: Option<(Decimal, u8)>,
}

/// So many in a row are believed.
const BELIEVED: u8 = 3;

impl Jump {
    /// So many are remembered at most: one more is believed.
    pub const MOST_DOUBTED: u8 = BELIEVED - 1;

    /// Whether `price` is to be believed after `last`.
    pub fn believes(&self, price: Decimal, last: Option<Decimal>, limit: Percentile) -> bool {
        let Some(last) = last.filter(|_| limit != Percentile::whole(0)) else { return true };
        let is_third = |(first, count): (Decimal, u8)| count + 1 >= BELIEVED && is_within(price, first, limit);
        is_within(price, last, limit) || self.since.is_some_and(is_third)
    }

    /// Remembers a price that was not believed.
    pub fn doubt(&mut self, price: Decimal, limit: Percentile) {
        self.since = match self.since {
            Some((first, count)) if is_within(price, first, limit) => {
                Some((first, (count + 1).min(Self::MOST_DOUBTED)))
            }
            _ => Some((price, 1)),
        };
    }
}

/// Whether `price` is at most `limit` percent away from `from`, exactly.
fn is_within(price: Decimal, from: Decimal, limit: Percentile) -> bool {
    let away = price.femto().abs_diff(from.femto());
    // Prices are at most 10^30 of these units, and a hundred percent is 10^8 millionths: 10^38 fits.
    away.saturating_mul(u128::from(Percentile::FULL)) <= from.units(15).saturating_mul(u128::from(limit.millionths()))
}
