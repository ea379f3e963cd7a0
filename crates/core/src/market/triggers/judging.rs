//! Prices come in: what is due fires, and extremes move. And time passes: what expires goes.

use super::fire::{Facts, Owed};
use super::ladder::Ladder;
use super::legs::Cause;
use super::price::{Direction, Price, Source};
use super::record::{Leg, Slab};
use super::triggers::{Scratch, Triggers, ladder_number};

/// A price that the market has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick<'a> {
    /// What it is of.
    pub source: Source,
    /// The price.
    pub price: Price,
    /// The price of the source before it; none if it is the first. It decides which of several legs due at once is told.
    pub before: Option<Price>,
    /// When it was, Unix milliseconds.
    pub ts_ms: u64,
    /// The ID of the trade, at most 64 bytes; empty without one.
    pub id: &'a [u8],
}

impl Triggers {
    /// Judges by a price: all triggers with a leg that is due fire, in order of arming, and are owed to whom it says.
    /// Returns how many did. Costs a few comparisons where nothing is due and no extreme moves.
    pub fn judge(&mut self, tick: &Tick<'_>, owed: Owed) -> usize {
        self.wake(tick.source, 0..=tick.ts_ms);
        for direction in Direction::BOTH {
            let price = direction.fold(tick.price);
            let place = self.ladders.get_mut(ladder_number(tick.source, direction));
            let Some(ladder) = place.and_then(|place| place.as_deref_mut()) else { continue };
            if ladder.stirs(price) {
                heed(ladder, price, &mut self.slab, &mut self.waiting);
            }
            if ladder.is_due(price) {
                let scratch = self.scratch.get_or_insert_default();
                ladder.collect_due(price, &mut scratch.stack, &mut scratch.due);
            }
        }
        let is_calm = self.scratch.as_ref().is_none_or(|scratch| scratch.due.is_empty());
        if is_calm { 0 } else { self.fire_due(tick, owed) }
    }

    /// Whether a price of this source would make something due.
    pub fn is_due(&self, source: Source, price: Price) -> bool {
        let is_due = |direction: &Direction| {
            self.ladder(source, *direction).is_some_and(|ladder| ladder.is_due(direction.fold(price)))
        };
        Direction::BOTH.iter().any(is_due)
    }

    /// Takes note of an accepted price without judging by it: extremes move, stops begin to track. What a replica does
    /// with every price, since it is told what fired.
    pub fn follow(&mut self, source: Source, price: Price) {
        for direction in Direction::BOTH {
            let price = direction.fold(price);
            let place = self.ladders.get_mut(ladder_number(source, direction));
            let Some(ladder) = place.and_then(|place| place.as_deref_mut()) else { continue };
            if ladder.stirs(price) {
                heed(ladder, price, &mut self.slab, &mut self.waiting);
            }
        }
    }

    /// The same with a price that is too old to judge by, which is counted where somebody may have waited for it.
    pub fn leave_unjudged(&mut self, source: Source, price: Price) {
        self.follow(source, price);
        if self.slab.len() > 0 {
            self.count_unjudged(1);
        }
    }

    /// Counts prices that were not judged by, as it was decided.
    pub const fn count_unjudged(&mut self, count: u64) {
        self.totals.unjudged = self.totals.unjudged.saturating_add(count);
    }

    /// Lets all go whose time is over by `now_ms`, in order of arming, as if they fired. Returns how many did.
    pub fn expire(&mut self, now_ms: u64, owed: Owed) -> usize {
        if self.next_expiry_ms().is_none_or(|next_ms| next_ms >= now_ms) {
            return 0;
        }
        let mut scratch = self.scratch.take().unwrap_or_default();
        let order = &mut scratch.order;
        let over = self.expiries.iter().take_while(|(expires_ms, ..)| *expires_ms < now_ms);
        order.extend(over.map(|(_, arming, slot)| (arming, slot)));
        order.sort_unstable();
        let count = order.len();
        for (_, slot) in order.drain(..) {
            let Some(record) = self.slab.get(slot) else { continue };
            let (ts_ms, extreme) = (record.expires_ms, self.seen(record));
            let facts = Facts { cause: Cause::Expired, by: None, level: None, price: None, ts_ms, tick: &[], extreme };
            self.move_to_outbox(slot, &facts, owed);
        }
        self.scratch = Some(scratch);
        self.tidy();
        count
    }

    /// When the next trigger expires, Unix milliseconds: at the first write whose now is past that.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.expiries.first().map(|(expires_ms, ..)| expires_ms)
    }

    #[cold]
    fn fire_due(&mut self, tick: &Tick<'_>, owed: Owed) -> usize {
        let mut scratch = self.scratch.take().unwrap_or_default();
        let Scratch { due, order, .. } = &mut *scratch;
        let arming = |slot: u32| self.slab.get(slot).map(|record| (record.arming, slot));
        order.extend(due.drain(..).filter_map(arming));
        order.sort_unstable();
        order.dedup();
        let count = order.len();
        for (_, slot) in order.drain(..) {
            if let Some(facts) = self.facts(slot, tick) {
                self.move_to_outbox(slot, &facts, owed);
            }
        }
        self.scratch = Some(scratch);
        self.tidy();
        count
    }

    /// What is due of a trigger at this price: of several legs the one nearest to the price before, which the way from
    /// there met first; the first leg where none was before.
    pub(super) fn facts<'a>(&self, slot: u32, tick: &Tick<'a>) -> Option<Facts<'a>> {
        let record = self.slab.get(slot)?;
        let due = |leg: &Leg| {
            let direction = leg.cause().direction(record.side);
            let level = self.level(record, leg).filter(|_| leg.by() == tick.source)?;
            (direction.fold(tick.price) <= direction.fold(level)).then_some((leg.cause(), level))
        };
        let way = |level: Price| tick.before.map_or(0, |before| (level - before).abs());
        let first = record.legs.iter().filter_map(due).min_by_key(|(cause, level)| (way(*level), *cause));
        let (cause, level) = first?;
        let Tick { source, price, ts_ms, id, .. } = *tick;
        let extreme = self.seen(record);
        Some(Facts { cause, by: Some(source), level: Some(level), price: Some(price), ts_ms, tick: id, extreme })
    }
}

fn heed(ladder: &mut Ladder, price: Price, slab: &mut Slab, waiting: &mut usize) {
    ladder.heed(price, |slot| {
        let record = slab.get(slot)?;
        *waiting -= usize::from(record.legs.len() == 1);
        record.legs.iter().find_map(|leg| match leg {
            Leg::Trail { node, .. } => Some(*node),
            Leg::Fixed { .. } => None,
        })
    });
}
