//! The replies of `TRIG.SET` and `TRIG.LIST`, and what the feeding commands tell of what fired.

use super::words::Exact;
use crate::grammar::Decimal;
use crate::market::store::Market;
use crate::market::triggers::{
    Armed, Cause, Fire, Fixed, Give, Price, Row, Side, Source as PriceSource, Standing, State,
};
use crate::wire::{Bytes, Decode, Encode, Malformed, Sink, Source, map_reply};

/// What is a price of the triggers, as text tells it.
pub fn exact(price: Price) -> Exact {
    Exact { units: price.unsigned_abs(), scale: 15 }
}

/// A trigger that fired or expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// `id:arming`, which no other fire has.
    pub fire: Bytes,
    /// The leg that was due, or `expired`.
    pub cause: Cause,
    /// The level that was due; none of one that expired.
    pub level: Option<Exact>,
    /// The price that reached it; none of one that expired.
    pub price: Option<Exact>,
}

impl From<&Fire> for Fired {
    fn from(fire: &Fire) -> Self {
        Self { fire: Bytes(fire.name()), cause: fire.cause, level: fire.level.map(exact), price: fire.price.map(exact) }
    }
}

impl Encode for Fired {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(4);
        self.fire.encode(sink);
        self.cause.encode(sink);
        self.level.encode(sink);
        self.price.encode(sink);
    }
}

impl Decode for Fired {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [fire, cause, level, price] = source.tuple()?;
        Ok(Self {
            fire: Bytes::decode(fire)?,
            cause: Cause::decode(cause)?,
            level: Option::decode(level)?,
            price: Option::decode(price)?,
        })
    }
}

map_reply! {
    /// Where a trigger stands that was set.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SetReply {
        /// `armed`, `waiting` or `fired`.
        state: State = "state",
        /// The number of this setting: `id:arming` names its fire.
        arming: u64 = "arming",
        /// The price that its nearest leg looks at; none where there is none yet.
        price: Option<Decimal> = "price",
        /// How old that is, ms.
        age_ms: Option<u64> = "age",
    }
}

impl SetReply {
    /// Of a trigger that stands so in `market`.
    pub fn of(standing: &Standing, market: &Market, now_ms: u64) -> Self {
        let price = market.prices().of(standing.by);
        Self {
            state: standing.state,
            arming: standing.arming,
            price: price.map(|price| price.price),
            age_ms: price.map(|price| now_ms.saturating_sub(price.ts_ms)),
        }
    }
}

map_reply! {
    /// A trigger as it is listed. Of one that is pending only what it fired at is told.
    #[derive(Debug, Clone, PartialEq)]
    pub struct TriggerRow {
        /// Its id.
        id: Bytes = "id",
        /// The number of its setting.
        arming: u64 = "arming",
        /// `armed`, `waiting` or `pending`.
        state: State = "state",
        /// Whose position it protects.
        side: Option<Side> = "side",
        /// Stop-loss.
        sl: Option<Exact> = "sl",
        /// The price that looks at.
        sl_by: Option<PriceSource> = "sl_by",
        /// Take-profit.
        tp: Option<Exact> = "tp",
        /// The price that looks at.
        tp_by: Option<PriceSource> = "tp_by",
        /// Distance of the trailing stop.
        trail: Option<Exact> = "trail",
        /// Percentage of the trailing stop.
        trailpct: Option<Exact> = "trailpct",
        /// The price from which on it tracks.
        activate: Option<Exact> = "activate",
        /// The price it looks at.
        trail_by: Option<PriceSource> = "trail_by",
        /// Due at this price or above.
        above: Option<Exact> = "above",
        /// The price that looks at.
        above_by: Option<PriceSource> = "above_by",
        /// Due at this price or below.
        below: Option<Exact> = "below",
        /// The price that looks at.
        below_by: Option<PriceSource> = "below_by",
        /// The nearest level; of a pending one the level that was due.
        level: Option<Exact> = "level",
        /// The highest (long) or lowest (short) price that the trailing stop has seen.
        extreme: Option<Exact> = "extreme",
        /// When it was set, Unix ms.
        armed_at_ms: u64 = "armed_at",
        /// When it goes by itself, Unix ms.
        expires_ms: Option<u64> = "expires",
        /// What comes back with the fire.
        payload: Option<Bytes> = "payload",
    }
}

impl From<&Row<'_>> for TriggerRow {
    fn from(row: &Row<'_>) -> Self {
        match row {
            Row::Armed { armed, state, nearest } => {
                // A stop that trails by more than the price has none that a price could reach.
                Self::armed(armed, *state, nearest.filter(|level| *level > 0).map(exact))
            }
            Row::Pending(fire) => Self {
                side: fire.side,
                level: fire.level.map(exact),
                extreme: fire.extreme.map(exact),
                payload: fire.payload.as_deref().map(Bytes::from),
                ..Self::named(&fire.id, fire.arming, State::Pending, fire.armed_at_ms)
            },
        }
    }
}

impl TriggerRow {
    fn named(id: &[u8], arming: u64, state: State, armed_at_ms: u64) -> Self {
        Self {
            id: Bytes::from(id),
            arming,
            state,
            side: None,
            sl: None,
            sl_by: None,
            tp: None,
            tp_by: None,
            trail: None,
            trailpct: None,
            activate: None,
            trail_by: None,
            above: None,
            above_by: None,
            below: None,
            below_by: None,
            level: None,
            extreme: None,
            armed_at_ms,
            expires_ms: None,
            payload: None,
        }
    }

    fn armed(armed: &Armed<'_>, state: State, level: Option<Exact>) -> Self {
        let legs = armed.legs();
        let at = |leg: Option<Fixed>| leg.map(|leg| exact(leg.at));
        let by = |leg: Option<Fixed>| leg.map(|leg| leg.by);
        let (trail, trailpct) = match legs.trail.map(|trail| trail.give) {
            None => (None, None),
            Some(Give::Distance(distance)) => (Some(exact(distance)), None),
            Some(Give::Percent(millionths)) => (None, Some(Exact { units: millionths.into(), scale: 6 })),
        };
        Self {
            side: legs.side,
            sl: at(legs.sl),
            sl_by: by(legs.sl),
            tp: at(legs.tp),
            tp_by: by(legs.tp),
            trail,
            trailpct,
            activate: legs.trail.and_then(|trail| trail.activate).map(exact),
            trail_by: legs.trail.map(|trail| trail.by),
            above: at(legs.above),
            above_by: by(legs.above),
            below: at(legs.below),
            below_by: by(legs.below),
            level,
            extreme: legs.trail.and_then(|trail| trail.extreme).map(exact),
            expires_ms: armed.expires_ms,
            payload: armed.payload.map(Bytes::from),
            ..Self::named(armed.id, armed.arming, state, armed.armed_at_ms)
        }
    }
}
