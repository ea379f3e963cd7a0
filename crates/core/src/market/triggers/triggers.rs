//! The triggers of one market: what is armed, by id, arming and expiry, and the ladders it waits on; how one is put there
//! and taken away. Setting, judging and listing are beside it.

use super::fire::{Facts, Fire, Outbox, Owed};
use super::ladder::{Ladder, start_key};
use super::legs::{Cause, Fixed, Legs, Side, Terms, Trail};
use super::names::Names;
use super::price::{Direction, Price, Source};
use super::record::{Leg, Record, Slab};
use super::sleeping::Sleeper;
use super::sorted::Sorted;
use super::terms::{Armed, Impossible};
use crate::heap::{self, Measure};
use crate::relocation::Mover;

/// What was counted over the life of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Triggers that fired.
    pub fires: u64,
    /// Triggers that expired.
    pub expired: u64,
    /// Prices that were too old to be judged while triggers were held.
    pub unjudged: u64,
}

/// Both directions of each source.
const LADDERS: usize = 2 * Source::ALL.len();

/// Scratch beyond this many items is given back after a mass of fires.
const SCRATCH: usize = 1024;

/// Standing orders on the prices of one market: each fires once, at the price that makes a leg of it due.
#[derive(Debug, Clone, Default)]
pub struct Triggers {
    pub(super) ladders: [Option<Box<Ladder>>; LADDERS],
    pub(super) slab: Slab,
    pub(super) ids: Names,
    /// Armings and slots.
    pub(super) armings: Sorted<(u64, u32)>,
    /// Times of expiry, armings and slots.
    pub(super) expiries: Sorted<(u64, u64, u32)>,
    /// Trailing stops that start with no price yet.
    pub(super) asleep: Sorted<Sleeper>,
    pub(super) waiting: usize,
    pub(super) last_arming: u64,
    pub(super) outbox: Outbox,
    pub(super) totals: Totals,
    /// Made when something is due for the first time: most markets never need it.
    pub(super) scratch: Option<Box<Scratch>>,
}

/// Kept from one price to the next, so that collecting what is due allocates nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    /// Slots of what is due, some perhaps twice.
    pub due: Vec<u32>,
    /// Heaps to be looked through.
    pub stack: Vec<u32>,
    /// What is due by arming.
    pub order: Vec<(u64, u32)>,
}

pub(super) const fn ladder_number(source: Source, direction: Direction) -> usize {
    2 * source.number() + matches!(direction, Direction::Rising) as usize
}

impl Triggers {
    /// None yet.
    pub const fn new() -> Self {
        Self {
            ladders: [const { None }; LADDERS],
            slab: Slab::new(),
            ids: Names::new(),
            armings: Sorted::new(),
            expiries: Sorted::new(),
            asleep: Sorted::new(),
            waiting: 0,
            last_arming: 0,
            outbox: Outbox::new(),
            totals: Totals { fires: 0, expired: 0, unjudged: 0 },
            scratch: None,
        }
    }

    /// How many are armed, those that wait left out.
    pub const fn armed(&self) -> usize {
        self.slab.len() - self.waiting
    }

    /// How many wait: their only leg trails and tracks nothing yet.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many have fired and are not told yet.
    pub fn pending(&self) -> usize {
        self.outbox.len()
    }

    /// Whether no price can change anything: nothing is armed or waits.
    pub const fn is_idle(&self) -> bool {
        self.slab.len() == 0
    }

    /// About how many allocations freeing takes.
    pub fn free_effort(&self) -> usize {
        3 * self.slab.len() + 3 * self.outbox.len() + self.ladders.iter().flatten().count()
    }

    /// Whether nothing is armed, waiting or pending.
    pub fn is_empty(&self) -> bool {
        self.slab.len() == 0 && self.outbox.len() == 0
    }

    /// Whether nothing was ever set here.
    pub fn is_untouched(&self) -> bool {
        self.is_empty() && self.last_arming == 0 && self.totals == Totals::default()
    }

    /// What was counted.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// The greatest arming given so far; 0 before the first.
    pub const fn last_arming(&self) -> u64 {
        self.last_arming
    }

    /// Whether a trigger is armed or waiting under this id.
    pub fn holds(&self, id: &[u8]) -> bool {
        self.slot_of(id).is_some()
    }

    /// Fires not told yet, oldest first.
    pub fn owed(&self, owed: Owed) -> impl DoubleEndedIterator<Item = &Fire> + ExactSizeIterator {
        self.outbox.of(owed).iter()
    }

    /// The oldest `count` were told.
    pub fn told(&mut self, owed: Owed, count: usize) {
        let queue = self.outbox.of_mut(owed);
        queue.drain(..count.min(queue.len()));
        if queue.is_empty() {
            *queue = std::collections::VecDeque::new();
        }
    }

    pub(super) fn ladder(&self, source: Source, direction: Direction) -> Option<&Ladder> {
        self.ladders.get(ladder_number(source, direction))?.as_deref()
    }

    pub(super) fn ladder_mut(&mut self, source: Source, direction: Direction) -> Option<&mut Ladder> {
        self.ladders.get_mut(ladder_number(source, direction))?.as_deref_mut()
    }

    fn ladder_made(&mut self, source: Source, direction: Direction) -> Option<&mut Ladder> {
        let place = self.ladders.get_mut(ladder_number(source, direction))?;
        Some(place.get_or_insert_with(|| Box::new(Ladder::new())))
    }

    pub(super) fn slot_of(&self, id: &[u8]) -> Option<u32> {
        self.ids.find(id, &self.slab)
    }

    fn slot_of_arming(&self, arming: u64) -> Option<u32> {
        self.armings.find(|(other, _)| *other < arming).filter(|(other, _)| *other == arming).map(|(_, slot)| slot)
    }

    /// Arms a trigger as it was decided; what is armed under its id is gone.
    pub fn arm(&mut self, armed: &Armed<'_>) -> Result<(), Impossible> {
        self.arm_known(armed, self.slot_of(armed.id), false).map(|_| ())
    }

    /// The same, where it was looked up what is armed under the id, and whether a fresh price is held that its trailing leg
    /// looks at. Returns the slot.
    pub(super) fn arm_known(
        &mut self,
        armed: &Armed<'_>,
        known: Option<u32>,
        is_awake: bool,
    ) -> Result<u32, Impossible> {
        if !armed.is_possible(self.last_arming) {
            return Err(Impossible("arming of a trigger"));
        }
        if let Some(slot) = known {
            self.take(slot);
            self.tidy();
        }
        let slot = self.slab.next_slot();
        let Legs { side, sl, tp, trail, above, below } = *armed.legs();
        let mut legs: arrayvec::ArrayVec<Leg, 5> = arrayvec::ArrayVec::new();
        for (cause, leg) in [(Cause::Sl, sl), (Cause::Tp, tp), (Cause::Above, above), (Cause::Below, below)] {
            if let Some(Fixed { at, by }) = leg {
                let direction = cause.direction(side);
                if let Some(ladder) = self.ladder_made(by, direction) {
                    ladder.add_level(slot, direction.fold(at));
                }
                legs.push(Leg::Fixed { cause, by, at });
            }
        }
        if let Some(trail) = trail {
            legs.push(self.add_trail(slot, side, &trail, is_awake));
            self.waiting += usize::from(legs.len() == 1 && trail.extreme.is_none());
        }
        let Armed { id, arming, armed_at_ms, expires_ms, payload, .. } = *armed;
        let record = Record {
            id: id.into(),
            payload: payload.unwrap_or_default().into(),
            legs: legs.as_slice().into(),
            arming,
            armed_at_ms,
            expires_ms: expires_ms.unwrap_or(u64::MAX),
            side,
            has_payload: payload.is_some(),
        };
        if let Some(trail) = trail.filter(|trail| trail.extreme.is_none() && !is_awake) {
            self.asleep.insert(record.sleeper(trail.by, slot));
        }
        self.slab.put(record);
        self.ids.insert(id, slot, &self.slab);
        self.armings.insert((arming, slot));
        if let Some(expires_ms) = expires_ms {
            self.expiries.insert((expires_ms, arming, slot));
        }
        self.last_arming = arming;
        Ok(slot)
    }

    fn add_trail(&mut self, slot: u32, side: Option<Side>, trail: &Trail, is_awake: bool) -> Leg {
        let Trail { give, activate, extreme, by } = *trail;
        let direction = Cause::Trail.direction(side);
        let extreme = extreme.map(|extreme| direction.fold(extreme));
        let activate = activate.unwrap_or(0);
        let start = is_awake.then(|| start_key(direction, activate));
        let node = self.ladder_made(by, direction).map_or(0, |ladder| ladder.add_trail(slot, give, extreme, start));
        Leg::Trail { by, node, activate }
    }

    /// Takes a trigger out of everything it is in.
    pub(super) fn take(&mut self, slot: u32) -> Option<Record> {
        let waited = self.waits(self.slab.get(slot)?);
        self.ids.remove(slot, &self.slab);
        let record = self.slab.take(slot)?;
        self.waiting -= usize::from(waited);
        self.armings.remove((record.arming, slot));
        if record.expires_ms != u64::MAX {
            self.expiries.remove((record.expires_ms, record.arming, slot));
        }
        for leg in &record.legs {
            if leg.cause() == Cause::Trail && self.are_asleep() {
                self.asleep.remove(record.sleeper(leg.by(), slot));
            }
            let direction = leg.cause().direction(record.side);
            let Some(ladder) = self.ladder_mut(leg.by(), direction) else { continue };
            match *leg {
                Leg::Fixed { at, .. } => ladder.remove_level(slot, direction.fold(at)),
                Leg::Trail { node, activate, .. } => {
                    ladder.remove_trail(slot, node, start_key(direction, activate));
                }
            }
        }
        Some(record)
    }

    /// Gives back what many left behind: called when a command has taken triggers out.
    pub(super) fn tidy(&mut self) {
        if self.slab.len() == 0 {
            // No trigger is left, so nothing of what they were kept in is needed either.
            self.ladders = Default::default();
            (self.ids, self.armings, self.expiries, self.asleep) = Default::default();
            self.scratch = None;
            return;
        }
        let slab = &mut self.slab;
        for ladder in self.ladders.iter_mut().flatten() {
            ladder.tidy(|slot, to| {
                let legs = slab.get_mut(slot).map(|record| record.legs.iter_mut()).into_iter().flatten();
                legs.for_each(|leg| {
                    if let Leg::Trail { node, .. } = leg {
                        *node = to;
                    }
                });
            });
        }
        self.scratch = self.scratch.take().filter(|scratch| scratch.order.capacity() <= SCRATCH);
    }

    pub(super) fn waits(&self, record: &Record) -> bool {
        record.legs.len() == 1
            && self.seen(record).is_none()
            && record.legs.iter().any(|leg| leg.cause() == Cause::Trail)
    }

    /// What the trailing leg of a trigger has seen.
    pub(super) fn seen(&self, record: &Record) -> Option<Price> {
        record.legs.iter().find_map(|leg| match leg {
            Leg::Trail { by, node, .. } => {
                let direction = Cause::Trail.direction(record.side);
                self.ladder(*by, direction)?.trails.extreme(*node).map(|extreme| direction.fold(extreme))
            }
            Leg::Fixed { .. } => None,
        })
    }

    /// The level of a leg; none while it tracks nothing.
    pub(super) fn level(&self, record: &Record, leg: &Leg) -> Option<Price> {
        match leg {
            Leg::Fixed { at, .. } => Some(*at),
            Leg::Trail { by, node, .. } => {
                let direction = Cause::Trail.direction(record.side);
                self.ladder(*by, direction)?.trails.level(*node).map(|level| direction.fold(level))
            }
        }
    }

    /// A trigger as it is told.
    pub(super) fn view<'a>(&'a self, record: &'a Record) -> Option<Armed<'a>> {
        let mut legs = Legs { side: record.side, ..Legs::default() };
        for leg in &record.legs {
            match *leg {
                Leg::Fixed { cause, by, at } => {
                    let place = match cause {
                        Cause::Sl => &mut legs.sl,
                        Cause::Tp => &mut legs.tp,
                        Cause::Above => &mut legs.above,
                        _ => &mut legs.below,
                    };
                    *place = Some(Fixed { at, by });
                }
                Leg::Trail { by, node, activate } => {
                    let trails = &self.ladder(by, Cause::Trail.direction(record.side))?.trails;
                    let (give, extreme) = (trails.arena.node(node).give(), self.seen(record));
                    legs.trail = Some(Trail { give, activate: (activate != 0).then_some(activate), extreme, by });
                }
            }
        }
        Some(Armed {
            id: &record.id,
            arming: record.arming,
            armed_at_ms: record.armed_at_ms,
            expires_ms: (record.expires_ms != u64::MAX).then_some(record.expires_ms),
            payload: record.has_payload.then_some(&*record.payload),
            terms: Terms::new(legs).ok()?,
        })
    }

    /// Takes a trigger out that is no longer armed, as it was decided. Returns whether it was armed.
    pub fn disarm(&mut self, arming: u64) -> bool {
        let gone = self.slot_of_arming(arming).and_then(|slot| self.take(slot)).is_some();
        self.tidy();
        gone
    }

    /// Lets an armed trigger fire or expire, as it was decided. Returns whether it was armed.
    pub fn fire(&mut self, arming: u64, facts: &Facts<'_>, owed: Owed) -> Result<bool, Impossible> {
        if !facts.are_possible() {
            return Err(Impossible("fire of a trigger"));
        }
        let fired = self.slot_of_arming(arming).is_some_and(|slot| self.move_to_outbox(slot, facts, owed));
        self.tidy();
        Ok(fired)
    }

    pub(super) fn move_to_outbox(&mut self, slot: u32, facts: &Facts<'_>, owed: Owed) -> bool {
        let Some(record) = self.take(slot) else { return false };
        let total = if facts.cause == Cause::Expired { &mut self.totals.expired } else { &mut self.totals.fires };
        *total = total.saturating_add(1);
        self.outbox.of_mut(owed).push_back(Fire::new(record, facts));
        true
    }

    /// Gives back the memory that holds no trigger.
    pub fn free_spare(&mut self) {
        self.scratch = None;
    }

    /// Tells where each allocation behind the triggers starts, and its bytes.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        for ladder in self.ladders.iter().flatten() {
            heap::boxed(&**ladder, measure);
            ladder.measure(measure);
        }
        self.slab.measure(measure);
        self.ids.measure(measure);
        self.armings.measure(measure);
        self.expiries.measure(measure);
        self.asleep.measure(measure);
        self.outbox.measure(measure);
        if let Some(scratch) = &self.scratch {
            heap::boxed(&**scratch, measure);
            heap::vec(&scratch.due, measure);
            heap::vec(&scratch.stack, measure);
            heap::vec(&scratch.order, measure);
        }
    }

    /// Moves each allocation behind the triggers.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        for ladder in self.ladders.iter_mut().flatten() {
            mover.boxed(ladder);
            ladder.relocate(mover);
        }
        self.slab.relocate(mover);
        self.ids.relocate(mover);
        self.armings.relocate(mover);
        self.expiries.relocate(mover);
        self.asleep.relocate(mover);
        self.outbox.relocate(mover);
        if let Some(scratch) = &mut self.scratch {
            mover.boxed(scratch);
            mover.vec(&mut scratch.due);
            mover.vec(&mut scratch.stack);
            mover.vec(&mut scratch.order);
        }
    }
}
