//! Trailing stops that sleep. One that was set when no fresh price of its source was held starts with the next that is not
//! older than those would have been: what comes late from before an outage starts nothing.

use std::ops::RangeInclusive;

use super::ladder::start_key;
use super::legs::Cause;
use super::price::{Direction, Price, Source};
use super::record::{Leg, Record};
use super::triggers::Triggers;

/// The number of the source, when it was set, the slot.
pub(super) type Sleeper = (usize, u64, u32);

impl Record {
    /// Who it is while it sleeps at this source.
    pub const fn sleeper(&self, by: Source, slot: u32) -> Sleeper {
        (by.number(), self.armed_at_ms, slot)
    }

    /// The source of its trailing leg, the direction and the key of its start.
    fn start(&self) -> Option<(Source, Direction, Price)> {
        let direction = Cause::Trail.direction(self.side);
        self.legs.iter().find_map(|leg| match *leg {
            Leg::Trail { by, activate, .. } => Some((by, direction, start_key(direction, activate))),
            Leg::Fixed { .. } => None,
        })
    }
}

impl Triggers {
    /// An accepted price of this source is to come: stops that were set at one of these times, Unix ms, may start with it,
    /// and with all that follow. Without this those start that were set before the price was.
    #[inline]
    pub fn wake(&mut self, source: Source, set_ms: RangeInclusive<u64>) {
        if self.are_asleep() {
            self.wake_sleeping(source.number(), &set_ms);
        }
    }

    /// Whether any stop sleeps.
    #[inline]
    pub const fn are_asleep(&self) -> bool {
        self.asleep.len() > 0
    }

    #[cold]
    fn wake_sleeping(&mut self, number: usize, set_ms: &RangeInclusive<u64>) {
        let is_before = |sleeper: &Sleeper| *sleeper < (number, *set_ms.start(), 0);
        let is_meant = |(of, at_ms, _): &Sleeper| *of == number && at_ms <= set_ms.end();
        while let Some(next) = self.asleep.find(is_before).filter(is_meant) {
            self.asleep.remove(next);
            let (.., slot) = next;
            let Some((by, direction, start)) = self.slab.get(slot).and_then(Record::start) else { continue };
            if let Some(ladder) = self.ladder_mut(by, direction) {
                ladder.add_start(slot, start);
            }
        }
    }

    /// What makes prices stale has changed: all that wait for a price sleep, until one comes that is fresh by that.
    pub fn doze(&mut self) {
        for slot in self.slab.slots().collect::<Vec<u32>>() {
            let Some(record) = self.slab.get(slot).filter(|record| self.seen(record).is_none()) else { continue };
            let Some((by, direction, start)) = record.start() else { continue };
            let sleeper = record.sleeper(by, slot);
            if let Some(ladder) = self.ladder_mut(by, direction)
                && ladder.remove_start(slot, start)
            {
                self.asleep.insert(sleeper);
            }
        }
    }
}
