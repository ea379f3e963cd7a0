//! What waits for one source in one direction: fixed levels, trailing stops, and trailing stops that track nothing yet.
//! All prices are folded: they fall towards a level.

use super::legs::Give;
use super::price::{Direction, Price};
use super::rung::Rung;
use super::sorted::Sorted;
use super::trails::Trails;
use crate::heap::Measure;
use crate::relocation::Mover;
use crate::steps;

/// Begins with the two prices that a tick is compared with: most ticks touch nothing else.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// The nearest level of all: at or below it something is due.
    due: Price,
    /// At or above it a stop begins to track, or an extreme moves.
    stirs: Price,
    pub levels: Sorted<Rung>,
    /// Stops that track nothing yet, by the price that lets them begin with its sign changed: the next is the last. Those
    /// that begin at any price are at [`AT_ONCE`].
    pub starts: Sorted<Rung>,
    pub trails: Trails,
}

/// The key of a start that any price reaches.
const AT_ONCE: Price = Price::MAX;

/// The key of the start of a stop that tracks from `activate` on, or at once when that is 0.
pub(super) const fn start_key(direction: Direction, activate: Price) -> Price {
    if activate == 0 { AT_ONCE } else { -direction.fold(activate) }
}

impl Ladder {
    pub fn new() -> Self {
        let (levels, starts, trails) = (Sorted::default(), Sorted::default(), Trails::default());
        Self { due: Price::MIN, stirs: Price::MAX, levels, starts, trails }
    }

    /// Whether this price makes something due.
    pub const fn is_due(&self, price: Price) -> bool {
        price <= self.due
    }

    /// Whether this price is news to a trailing stop.
    pub const fn stirs(&self, price: Price) -> bool {
        price >= self.stirs
    }

    /// Adds a fixed level.
    pub fn add_level(&mut self, slot: u32, level: Price) {
        self.levels.insert(Rung { level, slot });
        self.settle();
    }

    /// Removes a fixed level.
    pub fn remove_level(&mut self, slot: u32, level: Price) {
        self.levels.remove(Rung { level, slot });
        self.settle();
    }

    /// Adds a stop that has seen `extreme`, or begins at the price that `start` is the key of, or sleeps.
    pub fn add_trail(&mut self, slot: u32, give: Give, extreme: Option<Price>, start: Option<Price>) -> u32 {
        let node = self.trails.add(slot, give);
        match (extreme, start) {
            (Some(extreme), _) => self.trails.track(node, extreme),
            (None, Some(start)) => self.starts.insert(Rung { level: start, slot }),
            (None, None) => {}
        }
        self.settle();
        node
    }

    /// A stop that slept begins at the price that `start` is the key of.
    pub fn add_start(&mut self, slot: u32, start: Price) {
        self.starts.insert(Rung { level: start, slot });
        self.settle();
    }

    /// It sleeps again; whether it waited.
    pub fn remove_start(&mut self, slot: u32, start: Price) -> bool {
        let waited = self.starts.remove(Rung { level: start, slot });
        self.settle();
        waited
    }

    /// Removes a stop.
    pub fn remove_trail(&mut self, slot: u32, node: u32, start: Price) {
        if self.trails.extreme(node).is_none() {
            self.starts.remove(Rung { level: start, slot });
        }
        self.trails.remove(node);
        self.settle();
    }

    /// Takes note of a price. `begun` turns the slot of a stop that begins to track into its node.
    pub fn heed(&mut self, price: Price, mut begun: impl FnMut(u32) -> Option<u32>) {
        self.trails.raise(price);
        while let Some(next) = self.starts.last()
            && next.level >= -price
        {
            self.starts.pop_last();
            if let Some(node) = begun(next.slot) {
                self.trails.track(node, price);
            }
        }
        self.settle();
    }

    /// Collects the slots of what is due, some of them perhaps twice. They have to be removed.
    pub fn collect_due(&mut self, price: Price, stack: &mut Vec<u32>, due: &mut Vec<u32>) {
        let levels = self.levels.iter().rev().take_while(|rung| rung.level >= price);
        due.extend(levels.inspect(|_| steps::note(1)).map(|rung| rung.slot));
        self.trails.collect_due(price, stack, due);
    }

    /// Builds the trailing stops anew where most of what lies there is dead; tells the new node of each slot.
    pub fn tidy(&mut self, moved: impl FnMut(u32, u32)) {
        if self.trails.is_worn() {
            self.trails.compact(moved);
            self.settle();
        }
    }

    /// What a tick is compared with, from what is held.
    pub fn edges(&mut self) -> (Price, Price) {
        let level = self.levels.last().map_or(Price::MIN, |rung| rung.level);
        let start = self.starts.last().map_or(Price::MAX, |rung| -rung.level);
        let extreme = self.trails.lowest_extreme().map_or(Price::MAX, |extreme| extreme + 1);
        (level.max(self.trails.nearest_level()), start.min(extreme))
    }

    /// The edges that ticks are compared with.
    pub const fn known_edges(&self) -> (Price, Price) {
        (self.due, self.stirs)
    }

    fn settle(&mut self) {
        (self.due, self.stirs) = self.edges();
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.levels.measure(measure);
        self.starts.measure(measure);
        self.trails.measure(measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.levels.relocate(mover);
        self.starts.relocate(mover);
        self.trails.relocate(mover);
    }
}
