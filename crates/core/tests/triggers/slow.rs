//! What triggers mean, written without any cleverness: a list, and a loop over it at every price.

use liq_core::market::triggers::{
    Cause, Condition, Fixed, Give, Legs, MAX_ARMING, Order, Price, Prices, Side, Source, Terms, Tick, Trail,
};

/// What fired: arming, cause, level, price, and what the trailing leg had seen.
pub type Fired = (u64, Cause, Option<Price>, Option<Price>, Option<Price>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    pub id: Vec<u8>,
    pub arming: u64,
    pub armed_at_ms: u64,
    pub expires_ms: Option<u64>,
    /// The trailing leg with what it has seen.
    pub legs: Legs,
}

#[derive(Debug, Default)]
pub struct Slow {
    /// By arming.
    pub armed: Vec<Armed>,
    pub last_arming: u64,
}

fn is_short(legs: &Legs) -> bool {
    legs.side == Some(Side::Short)
}

/// Whether `price` ≤ highest − d, or highest · (1 − pct / 100), or the mirror of it; by multiplying, not by dividing.
fn is_trail_due(trail: &Trail, short: bool, price: Price) -> bool {
    let Some(extreme) = trail.extreme else { return false };
    match (trail.give, short) {
        (Give::Distance(distance), false) => price <= extreme - distance,
        (Give::Distance(distance), true) => price >= extreme + distance,
        (Give::Percent(millionths), false) => price * 100_000_000 <= extreme * (100_000_000 - Price::from(millionths)),
        (Give::Percent(millionths), true) => price * 100_000_000 >= extreme * (100_000_000 + Price::from(millionths)),
    }
}

/// The last whole price that is due.
fn trail_level(trail: &Trail, short: bool) -> Price {
    let extreme = trail.extreme.unwrap();
    match (trail.give, short) {
        (Give::Distance(distance), false) => extreme - distance,
        (Give::Distance(distance), true) => extreme + distance,
        (Give::Percent(millionths), false) => {
            (extreme * (100_000_000 - Price::from(millionths))).div_euclid(100_000_000)
        }
        (Give::Percent(millionths), true) => {
            -(-(extreme * (100_000_000 + Price::from(millionths)))).div_euclid(100_000_000)
        }
    }
}

/// The legs that are due at this price of this source, with their levels, in the order of causes.
fn due(legs: &Legs, source: Source, price: Price) -> Vec<(Cause, Price)> {
    let short = is_short(legs);
    let mut found = Vec::new();
    let mut fixed = |cause, leg: Option<Fixed>, due_below: bool| {
        if let Some(Fixed { at, by }) = leg
            && by == source
            && (if due_below { price <= at } else { price >= at })
        {
            found.push((cause, at));
        }
    };
    fixed(Cause::Sl, legs.sl, !short);
    fixed(Cause::Tp, legs.tp, short);
    fixed(Cause::Above, legs.above, false);
    fixed(Cause::Below, legs.below, true);
    if let Some(trail) = legs.trail.filter(|trail| trail.by == source && is_trail_due(trail, short, price)) {
        found.push((Cause::Trail, trail_level(&trail, short)));
    }
    found.sort();
    found
}

/// Lets a trailing leg see a price of its source, which one that starts does only where it was not stale when that was set.
fn see(legs: &mut Legs, source: Source, price: Price, may_start: bool) {
    let short = is_short(legs);
    let Some(trail) = legs.trail.as_mut().filter(|trail| trail.by == source) else { return };
    let is_further = |other: Price| if short { price <= other } else { price >= other };
    let starts = may_start && trail.extreme.is_none();
    if trail.extreme.is_some_and(is_further) || starts && trail.activate.is_none_or(is_further) {
        trail.extreme = Some(price);
    }
}

impl Slow {
    /// Judges by a price that is fresh until then.
    pub fn judge(&mut self, tick: &Tick<'_>, fresh_ms: u64) -> Vec<Fired> {
        self.follow(tick.source, tick.price, fresh_ms);
        let mut fired = Vec::new();
        self.armed.retain(|one| {
            let causes = due(&one.legs, tick.source, tick.price);
            let way = |level: Price| tick.before.map_or(0, |before| (level - before).abs());
            let Some((cause, level)) = causes.into_iter().min_by_key(|(_, level)| way(*level)) else { return true };
            let seen = one.legs.trail.and_then(|trail| trail.extreme);
            fired.push((one.arming, cause, Some(level), Some(tick.price), seen));
            false
        });
        fired
    }

    /// Heeds a price that is too old to judge by.
    pub fn follow(&mut self, source: Source, price: Price, fresh_ms: u64) {
        self.armed.iter_mut().for_each(|one| see(&mut one.legs, source, price, one.armed_at_ms <= fresh_ms));
    }

    pub fn expire(&mut self, now_ms: u64) -> Vec<Fired> {
        let mut fired = Vec::new();
        self.armed.retain(|one| {
            let over = one.expires_ms.is_some_and(|expires_ms| now_ms > expires_ms);
            if over {
                fired.push((one.arming, Cause::Expired, None, None, one.legs.trail.and_then(|trail| trail.extreme)));
            }
            !over
        });
        fired
    }

    pub fn delete(&mut self, is_meant: impl Fn(&[u8]) -> bool) -> Vec<u64> {
        let mut gone = Vec::new();
        self.armed.retain(|one| {
            let meant = is_meant(&one.id);
            gone.extend(meant.then_some(one.arming));
            !meant
        });
        gone
    }

    /// Sets a trigger; none when held back. Gives what fired at once.
    pub fn set(&mut self, order: &Order<'_>, now_ms: u64, prices: &Prices<'_>) -> Option<Option<Fired>> {
        let known = self.armed.iter().position(|one| one.id == order.id);
        match order.condition {
            Some(Condition::New) if known.is_some() => return None,
            Some(Condition::Known) if known.is_none() => return None,
            _ => {}
        }
        let old = known.map(|at| self.armed.remove(at));
        let mut legs = *order.terms.legs();
        let short = is_short(&legs);
        if let (Some(trail), Some(old)) = (&mut legs.trail, old)
            && let Some(before) = old.legs.trail
            && old.legs.side == legs.side
            && (before.by, before.give, before.activate) == (trail.by, trail.give, trail.activate)
        {
            let both = [before.extreme, trail.extreme].into_iter().flatten();
            trail.extreme = if short { both.min() } else { both.max() };
        }
        self.last_arming = (self.last_arming + 1).max(now_ms);
        assert!(self.last_arming <= MAX_ARMING);
        let arming = self.last_arming;
        let fresh = |source: Source| prices[source.number()].filter(|held| held.is_fresh).map(|held| held.price);
        for source in Source::ALL {
            fresh(source).into_iter().for_each(|price| see(&mut legs, source, price, true));
        }
        for source in Source::ALL {
            let Some(price) = fresh(source) else { continue };
            if let Some((cause, level)) = due(&legs, source, price).first() {
                let seen = legs.trail.and_then(|trail| trail.extreme);
                return Some(Some((arming, *cause, Some(*level), Some(price), seen)));
            }
        }
        Terms::new(legs).expect("what was checked stays so");
        let (id, expires_ms) = (order.id.to_vec(), order.expires_ms);
        self.armed.push(Armed { id, arming, armed_at_ms: now_ms, expires_ms, legs });
        Some(None)
    }
}
