//! Setting and deleting triggers.

use super::fire::Owed;
use super::heap::Node;
use super::judging::Tick;
use super::legs::{Cause, Legs, Terms, Trail};
use super::price::{Price, Source};
use super::record::{Leg, Record};
use super::terms::{
    Armed, Condition, Held, MAX_ARMING, MAX_ID_BYTES, MAX_PAYLOAD_BYTES, Order, Prices, SetError, Standing, State,
};
use super::triggers::Triggers;

impl Triggers {
    /// Sets a trigger and judges it by the fresh prices held: one that comes too late fires at once. What is armed under
    /// its id is replaced, and the extreme of a trailing leg spelled the same is kept. None when its condition holds it
    /// back; a refusal changes nothing. At most `most` are armed, waiting and pending together.
    pub fn set(
        &mut self,
        order: &Order<'_>,
        most: usize,
        now_ms: u64,
        prices: &Prices<'_>,
        owed: Owed,
    ) -> Result<Option<Standing>, SetError> {
        let known = self.look(order, most, now_ms)?;
        let Order { id, terms, expires_ms, payload, condition } = *order;
        match condition {
            Some(Condition::New) if known.is_some() => return Ok(None),
            Some(Condition::Known) if known.is_none() => return Ok(None),
            _ => {}
        }
        // Never given twice, as long as the clock does not run back over a loss of the key.
        let arming = self.last_arming.saturating_add(1).max(now_ms);
        let kept = known.and_then(|slot| self.kept_extreme(slot, terms.legs()));
        let terms = terms.with_extreme(extreme_now(terms.legs(), kept, prices));
        let armed = Armed { id, arming, armed_at_ms: now_ms, expires_ms, payload, terms };
        let by = terms.legs().trail.map_or(0, |trail| trail.by.number());
        let is_awake = prices.get(by).copied().flatten().is_some_and(|held| held.is_fresh);
        let slot = self.arm_known(&armed, known, is_awake).map_err(|_| SetError::NoArming)?;
        let Some(record) = self.slab.get(slot) else { return Err(SetError::NoArming) };
        let (by, _) = self.nearest(record, prices);
        let state = if self.waits(record) { State::Waiting } else { State::Armed };
        let state = if self.fires_at_once(slot, prices, owed) { State::Fired } else { state };
        self.tidy();
        Ok(Some(Standing { state, arming, by, extreme: terms.legs().trail.and_then(|trail| trail.extreme) }))
    }

    /// Whether a trigger can be set, so that a refusal is known before anything changes. What is over by now counts as gone.
    pub fn may_set(&self, order: &Order<'_>, most: usize, now_ms: u64) -> Result<(), SetError> {
        self.look(order, most, now_ms).map(|_| ())
    }

    /// The same, and what is held under the id.
    fn look(&self, order: &Order<'_>, most: usize, now_ms: u64) -> Result<Option<u32>, SetError> {
        if !(1..=MAX_ID_BYTES).contains(&order.id.len()) {
            return Err(SetError::Id);
        }
        if order.payload.is_some_and(|payload| payload.len() > MAX_PAYLOAD_BYTES) {
            return Err(SetError::Payload);
        }
        if order.expires_ms.is_some_and(|expires_ms| expires_ms < now_ms) {
            return Err(SetError::Expired);
        }
        if self.last_arming.saturating_add(1).max(now_ms) > MAX_ARMING {
            return Err(SetError::NoArming);
        }
        let stays = |slot: u32| self.slab.get(slot).is_some_and(|record| record.expires_ms >= now_ms);
        let known = self.slot_of(order.id);
        let is_made = !known.is_some_and(stays) && order.condition != Some(Condition::Known);
        if is_made && self.slab.len() + self.outbox.len() >= most { Err(SetError::TooMany(most)) } else { Ok(known) }
    }

    /// What the trailing leg has seen that stands there spelled the same.
    fn kept_extreme(&self, slot: u32, legs: &Legs) -> Option<Price> {
        let record = self.slab.get(slot).filter(|record| record.side == legs.side)?;
        let old = self.view(record)?.legs().trail?;
        legs.trail.filter(|trail| trail.is_spelled_like(&old))?;
        old.extreme
    }

    /// Judges a trigger by the fresh prices, in the order of sources.
    fn fires_at_once(&mut self, slot: u32, prices: &Prices<'_>, owed: Owed) -> bool {
        for (source, held) in Source::ALL.into_iter().zip(prices) {
            let Some(Held { price, ts_ms, tick, is_fresh: true }) = *held else { continue };
            let tick = Tick { source, price, before: None, ts_ms, id: tick };
            if let Some(facts) = self.facts(slot, &tick) {
                return self.move_to_outbox(slot, &facts, owed);
            }
        }
        false
    }

    /// The source and the level of the leg that is nearest to the price it looks at; of those without a price the first.
    pub(super) fn nearest(&self, record: &Record, prices: &Prices<'_>) -> (Source, Option<Price>) {
        let way = |leg: &Leg| {
            let level = self.level(record, leg);
            let held = prices.get(leg.by().number()).copied().flatten();
            let way = level.zip(held).map_or(Price::MAX, |(level, held)| (level - held.price).abs());
            (way, level.is_none(), leg.cause(), leg.by(), level)
        };
        let nearest = record.legs.iter().map(way).min_by_key(|(way, has_none, cause, ..)| (*way, *has_none, *cause));
        nearest.map_or((Source::Last, None), |(.., by, level)| (by, level))
    }

    /// Deletes a trigger; its arming, if one was armed under the id. A pending fire of the id stays to be told.
    pub fn delete(&mut self, id: &[u8]) -> Option<u64> {
        let slot = self.slot_of(id)?;
        let record = self.take(slot)?;
        self.tidy();
        Some(record.arming)
    }

    /// Deletes all whose id begins so, and tells their armings.
    pub fn delete_prefix(&mut self, prefix: &[u8]) -> Vec<u64> {
        let slots: Vec<u32> = self.slots_of(prefix).collect();
        let armings = slots.into_iter().filter_map(|slot| self.take(slot)).map(|record| record.arming).collect();
        self.tidy();
        armings
    }

    /// The slots of all whose id begins so, by id.
    pub(super) fn slots_of<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        self.ids.beginning(prefix, &self.slab)
    }
}

/// What a trailing leg has seen when it is set: what was kept, what it is told, and the fresh price, from which on it
/// tracks unless it waits for its activation. A stale price would begin with a high that is long gone.
fn extreme_now(legs: &Legs, kept: Option<Price>, prices: &Prices<'_>) -> Option<Price> {
    let Trail { extreme, activate, by, .. } = legs.trail?;
    let direction = Cause::Trail.direction(legs.side);
    let highest = |one: Price, other: Price| if direction.fold(one) > direction.fold(other) { one } else { other };
    let known = [kept, extreme].into_iter().flatten().reduce(highest);
    let held = prices.get(by.number()).copied().flatten().filter(|held| held.is_fresh).map(|held| held.price);
    let begins = |price: &Price| {
        known.is_some() || activate.is_none_or(|activate| direction.fold(*price) >= direction.fold(activate))
    };
    [known, held.filter(begins)].into_iter().flatten().reduce(highest)
}

impl Terms {
    /// The level at which the trailing leg is due, if it has seen anything.
    pub fn trail_level(&self) -> Option<Price> {
        let trail = self.legs().trail?;
        let direction = Cause::Trail.direction(self.legs().side);
        let extreme = direction.fold(trail.extreme?);
        Some(direction.fold(Node::new(0, trail.give).level(extreme)))
    }
}
