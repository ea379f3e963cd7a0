//! What a trigger waits for: its side and legs, as they are asked for and as they are told.

use std::fmt;

use super::price::{Direction, PRICE_RANGE, Price, Source};

/// Whose position it protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It loses when the price falls.
    Long,
    /// It loses when the price rises.
    Short,
}

impl Side {
    /// Its name in commands and replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

/// Why a trigger is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The stop-loss was due.
    Sl,
    /// The take-profit was due.
    Tp,
    /// The trailing stop was due.
    Trail,
    /// The price was at ABOVE or over it.
    Above,
    /// The price was at BELOW or under it.
    Below,
    /// Its time was over.
    Expired,
}

impl Cause {
    /// All, in the order of legs.
    pub const ALL: [Self; 6] = [Self::Sl, Self::Tp, Self::Trail, Self::Above, Self::Below, Self::Expired];

    /// Its name in replies and streams.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sl => "sl",
            Self::Tp => "tp",
            Self::Trail => "trail",
            Self::Above => "above",
            Self::Below => "below",
            Self::Expired => "expired",
        }
    }

    /// Where the price goes when a leg of this cause becomes due.
    pub(super) const fn direction(self, side: Option<Side>) -> Direction {
        let is_short = matches!(side, Some(Side::Short));
        match self {
            Self::Below | Self::Expired => Direction::Falling,
            Self::Above => Direction::Rising,
            Self::Sl | Self::Trail if is_short => Direction::Rising,
            Self::Tp if !is_short => Direction::Rising,
            Self::Sl | Self::Trail | Self::Tp => Direction::Falling,
        }
    }
}

/// A leg with a fixed level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// Its level.
    pub at: Price,
    /// The price it looks at.
    pub by: Source,
}

/// How far a trailing stop lies behind the extreme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Give {
    /// So much in price.
    Distance(Price),
    /// So many millionths of a percent of the extreme.
    Percent(u32),
}

/// 100 %, in millionths of a percent.
pub(super) const WHOLE: u32 = 100_000_000;

/// A leg that follows the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trail {
    /// How far behind.
    pub give: Give,
    /// The price from which on it tracks; at once without.
    pub activate: Option<Price>,
    /// The highest (LONG) or lowest (SHORT) price so far; none while it tracks nothing.
    pub extreme: Option<Price>,
    /// The price it looks at.
    pub by: Source,
}

impl Trail {
    /// Whether both are spelled the same, whatever they have seen.
    pub(super) fn is_spelled_like(&self, other: &Self) -> bool {
        Self { extreme: None, ..*self } == Self { extreme: None, ..*other }
    }
}

/// The legs of a trigger, each at most once, and the side they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Legs {
    /// The side; `sl`, `tp` and `trail` need one.
    pub side: Option<Side>,
    /// Stop-loss.
    pub sl: Option<Fixed>,
    /// Take-profit.
    pub tp: Option<Fixed>,
    /// Trailing stop.
    pub trail: Option<Trail>,
    /// Due at this price or above.
    pub above: Option<Fixed>,
    /// Due at this price or below.
    pub below: Option<Fixed>,
}

/// Why legs are no trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegsError {
    /// There is none.
    NoLeg,
    /// A leg of a side, and no side.
    NoSide(Cause),
    /// A level, activation or extreme is no price there can be.
    Price(Cause),
    /// The trailing stop's distance or percentage is none.
    Give,
    /// The stop-loss is not on the losing side of the take-profit of the same source.
    Crossed(Side),
}

impl fmt::Display for LegsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLeg => f.write_str("one of SL, TP, TRAIL, TRAILPCT, ABOVE and BELOW is needed"),
            Self::NoSide(leg) => write!(f, "{} needs LONG or SHORT", leg.name().to_uppercase()),
            Self::Price(leg) => write!(f, "{}: out of range", leg.name().to_uppercase()),
            Self::Give => f.write_str("TRAIL: out of range"),
            Self::Crossed(Side::Long) => f.write_str("SL: must be below TP for LONG"),
            Self::Crossed(Side::Short) => f.write_str("SL: must be above TP for SHORT"),
        }
    }
}

impl std::error::Error for LegsError {}

/// Legs that a trigger can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms(Legs);

impl Terms {
    /// Refuses what is no trigger.
    pub fn new(legs: Legs) -> Result<Self, LegsError> {
        let fixed =
            [(Cause::Sl, legs.sl), (Cause::Tp, legs.tp), (Cause::Above, legs.above), (Cause::Below, legs.below)];
        let of_side =
            [(Cause::Sl, legs.sl.is_some()), (Cause::Tp, legs.tp.is_some()), (Cause::Trail, legs.trail.is_some())];
        if legs.trail.is_none() && fixed.iter().all(|(_, leg)| leg.is_none()) {
            return Err(LegsError::NoLeg);
        }
        if let Some((leg, _)) = of_side.iter().find(|(_, named)| *named)
            && legs.side.is_none()
        {
            return Err(LegsError::NoSide(*leg));
        }
        let is_price = |price: Price| PRICE_RANGE.contains(&price);
        if let Some((leg, _)) = fixed.iter().find(|(_, leg)| leg.is_some_and(|leg| !is_price(leg.at))) {
            return Err(LegsError::Price(*leg));
        }
        if let Some(trail) = legs.trail {
            if !trail.activate.is_none_or(is_price) || !trail.extreme.is_none_or(is_price) {
                return Err(LegsError::Price(Cause::Trail));
            }
            let gives = match trail.give {
                Give::Distance(distance) => (1..=*PRICE_RANGE.end()).contains(&distance),
                Give::Percent(percent) => (1..WHOLE).contains(&percent),
            };
            if !gives {
                return Err(LegsError::Give);
            }
        }
        if let (Some(side), Some(sl), Some(tp)) = (legs.side, legs.sl, legs.tp)
            && sl.by == tp.by
            && !(if side == Side::Long { sl.at < tp.at } else { sl.at > tp.at })
        {
            return Err(LegsError::Crossed(side));
        }
        Ok(Self(legs))
    }

    /// The legs.
    pub const fn legs(&self) -> &Legs {
        &self.0
    }

    /// The same, with another extreme seen; none stays none.
    #[must_use]
    pub fn with_extreme(mut self, extreme: Option<Price>) -> Self {
        if let Some(trail) = &mut self.0.trail {
            trail.extreme = extreme;
        }
        self
    }
}
