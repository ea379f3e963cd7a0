//! Prices as triggers compare them: exact integers, whose they are, and the direction in which one becomes due.

use std::ops::RangeInclusive;

/// A price in units of 10^-15 quote per base: what 15 decimals can say, exactly.
pub type Price = i128;

/// One, as a [`Price`].
pub const ONE: Price = 1_000_000_000_000_000;

/// Prices there are: 1e-12 … 1e15. The largest still fits 128 bits when multiplied by 10^8, as percentages need.
pub const PRICE_RANGE: RangeInclusive<Price> = 1_000..=1_000_000_000_000_000 * ONE;

/// What a price is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Trades.
    Last,
    /// The best bid.
    Bid,
    /// The best ask.
    Ask,
    /// The mean of bid and ask.
    Mid,
    /// The venue's mark price.
    Mark,
    /// The venue's index.
    Index,
}

impl Source {
    /// All, in the order in which one command's are judged.
    pub const ALL: [Self; 6] = [Self::Last, Self::Bid, Self::Ask, Self::Mid, Self::Mark, Self::Index];

    /// Its name in commands and replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Mid => "mid",
            Self::Mark => "mark",
            Self::Index => "index",
        }
    }

    /// Its place among [`Self::ALL`].
    pub const fn number(self) -> usize {
        self as usize
    }
}

/// Where a price goes when something becomes due. Everything is thought of as falling: what becomes due by a rise is
/// kept with the signs of its prices changed, and so there is one way to hold levels and extremes and not two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Due when the price is at the level or below.
    Falling,
    /// Due when the price is at the level or above.
    Rising,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Self::Falling, Self::Rising];

    /// The price as if it fell; and back.
    pub const fn fold(self, price: Price) -> Price {
        match self {
            Self::Falling => price,
            Self::Rising => -price,
        }
    }
}
