//! The newest events, raw and in time order: leaves of some 60 neighbours, 21 bytes an event, with sums per leaf.
//!
//! Where a leaf ends is part of the data and is saved with it, so that sums over any stretch are added in the same order
//! before and after a reload, and come out the same to the bit. An event in the middle moves no more than a leaf.
#![allow(clippy::indexing_slicing, reason = "every place is made from a position within the leaves")]

mod crowds;
mod leaf;
mod remembered;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

use crowds::{CROWD, Crowds};
use leaf::{Buffers, Leaf};
pub use remembered::Remembered;

use super::heap::{self, Measure};
use super::raw_event::RawEvent;
use super::sums::Weight;
use super::{Side, SidedSums};
use crate::panes::Version;
use crate::relocation::Mover;
use crate::steps;

/// Events of a leaf that was filled in time order: 1,260 bytes, which allocators with classes of size round to 1,280.
pub const FILL: usize = 60;
/// Events of a leaf that late ones came to, before it is split.
pub const MOST: usize = 128;

/// Where an event lies; good until the next change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    leaf: usize,
    place: usize,
}

/// Events in time order; those of one millisecond in order of arrival.
#[derive(Debug, Clone)]
pub struct Tail {
    /// None is empty; only the first may have lost events at its front.
    leaves: VecDeque<Leaf>,
    len: usize,
    /// Another one whenever a leaf other than the last has changed, but at the front.
    version: Version,
    crowds: Option<Box<Crowds>>,
    /// The memory of the leaf that went last, for the next one.
    spare: Option<Buffers>,
}

/// What a stretch of events is added up from: the leaf it begins in where not all of that counts, closed leaves as a
/// whole, and the leaf it ends in.
struct Parts {
    front: Option<(usize, Range<usize>)>,
    closed: Range<usize>,
    back: Option<(usize, Range<usize>)>,
}

impl Default for Tail {
    fn default() -> Self {
        Self { leaves: VecDeque::new(), len: 0, version: Version::fresh(), crowds: None, spare: None }
    }
}

impl Tail {
    /// Events held.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Where the oldest event lies.
    pub const fn start(&self) -> Position {
        Position { leaf: 0, place: 0 }
    }

    /// Behind the newest event.
    pub fn end(&self) -> Position {
        Position { leaf: self.leaves.len(), place: 0 }
    }

    /// Timestamp of the oldest event.
    pub fn first_ms(&self) -> Option<u64> {
        self.leaves.front().map(|leaf| leaf.ts_ms(0))
    }

    /// Timestamp of the newest event.
    pub fn last_ms(&self) -> Option<u64> {
        self.leaves.back().map(Leaf::last_ms)
    }

    /// Timestamp of the event at `position`; `None` behind the newest.
    pub fn ts_ms(&self, position: Position) -> Option<u64> {
        self.leaves.get(position.leaf).map(|leaf| leaf.ts_ms(position.place))
    }

    /// Where the first event lies that is later than `ts_ms`.
    pub fn until(&self, ts_ms: i64) -> Position {
        // Nearly always the answer is one of the ends.
        if self.last_ms().is_none_or(|last| last as i64 <= ts_ms) {
            return self.end();
        }
        if self.first_ms().is_some_and(|first| first as i64 > ts_ms) {
            return self.start();
        }
        let leaf = self.leaves.partition_point(|leaf| leaf.last_ms() as i64 <= ts_ms);
        Position { leaf, place: self.leaves[leaf].until(ts_ms) }
    }

    /// The stretches of leaves that lie in `span`.
    fn stretches(
        &self,
        span: &Range<Position>,
    ) -> impl DoubleEndedIterator<Item = (&Leaf, Range<usize>)> + Clone + use<'_> {
        let (start, end) = (span.start, span.end);
        let leaves = start.leaf..self.leaves.len().min(end.leaf + 1);
        leaves.filter_map(move |number| {
            let leaf = &self.leaves[number];
            let from = if number == start.leaf { start.place } else { 0 };
            let to = if number == end.leaf { end.place } else { leaf.len() };
            (from < to).then_some((leaf, from..to))
        })
    }

    /// How many events lie in `span`.
    pub fn count(&self, span: &Range<Position>) -> usize {
        self.stretches(span).map(|(_, places)| places.len()).sum()
    }

    /// The events in `span`, oldest first.
    pub fn events(&self, span: &Range<Position>) -> impl DoubleEndedIterator<Item = RawEvent> + Clone + use<'_> {
        self.stretches(span).flat_map(|(leaf, places)| places.map(|place| leaf.event(place)))
    }

    /// Sizes and sides of the events in `span`.
    pub fn sizes(&self, span: &Range<Position>) -> impl Iterator<Item = (f64, Side)> + use<'_> {
        self.stretches(span).flat_map(|(leaf, places)| places.map(|place| (leaf.size(place), leaf.side(place))))
    }

    /// Everything held.
    pub fn all(&self) -> Range<Position> {
        self.start()..self.end()
    }

    /// Whether an event equal in every field is held.
    pub fn contains(&self, event: &RawEvent) -> bool {
        let ts_ms = event.ts_ms as i64;
        if self.last_ms().is_none_or(|last| (last as i64) < ts_ms) {
            return false;
        }
        if let Some(known) = self.crowds.as_ref().and_then(|crowds| crowds.contains(event)) {
            return known;
        }
        let later = self.until(ts_ms - 1)..self.end();
        let mut same_ms = self.events(&later).take_while(|held| held.ts_ms == event.ts_ms).inspect(|_| steps::note(1));
        same_ms.any(|held| held == *event)
    }

    /// Puts an event behind those not later than it.
    pub fn insert(&mut self, event: &RawEvent) {
        self.len += 1;
        if self.last_ms().is_none_or(|last| last <= event.ts_ms) {
            self.push(event);
        } else {
            self.insert_among(event);
        }
        self.watch_crowd(event);
    }

    /// Puts an event at the end.
    fn push(&mut self, event: &RawEvent) {
        let fits = self.leaves.back().is_some_and(|leaf| leaf.len() < FILL && leaf.reaches(event.ts_ms));
        if !fits {
            // The first leaf grows with the series; the others are sure to be filled.
            let room = if self.leaves.is_empty() { 0 } else { FILL };
            let spare = self.spare.take();
            self.put_leaf(self.leaves.len(), spare.map_or_else(|| Leaf::with_capacity(room), Leaf::within));
        }
        if let Some(leaf) = self.leaves.back_mut() {
            leaf.push(event, FILL);
        }
    }

    /// Puts a leaf at `place`. Leaves are large: room for them grows by a quarter, not by doubling.
    fn put_leaf(&mut self, place: usize, leaf: Leaf) {
        if self.leaves.len() == self.leaves.capacity() {
            self.leaves.reserve_exact((self.leaves.len() / 4).max(1));
        }
        self.leaves.insert(place, leaf);
    }

    /// Puts an event before others.
    fn insert_among(&mut self, event: &RawEvent) {
        let mut at = self.until(event.ts_ms as i64);
        if !self.leaves[at.leaf].reaches(event.ts_ms) {
            // Weeks lie between: it stays apart from the leaf that it comes before, which no longer is the first.
            self.leaves[at.leaf].mend();
            self.put_leaf(at.leaf, Leaf::with_capacity(0));
            at.place = 0;
        }
        if self.leaves[at.leaf].len() >= MOST {
            let back = self.leaves[at.leaf].split();
            let middle = self.leaves[at.leaf].len();
            self.put_leaf(at.leaf + 1, back);
            if at.place > middle {
                at = Position { leaf: at.leaf + 1, place: at.place - middle };
            }
            self.version = Version::fresh();
        }
        self.leaves[at.leaf].insert(at.place, event, FILL);
        if at.leaf + 1 < self.leaves.len() {
            self.version = Version::fresh();
        }
    }

    /// Takes the oldest event out.
    pub fn pop_front(&mut self) -> Option<RawEvent> {
        let leaf = self.leaves.front_mut()?;
        let event = leaf.pop_front();
        self.len -= 1;
        if leaf.len() == 0 {
            self.spare = self.leaves.pop_front().map(Leaf::emptied);
        }
        if let Some(crowds) = &mut self.crowds {
            crowds.remove(&event);
            if crowds.is_empty() {
                self.crowds = None;
            }
        }
        Some(event)
    }

    /// Keeps the index of crowded milliseconds up with an event that was put in.
    fn watch_crowd(&mut self, event: &RawEvent) {
        if self.crowds.as_mut().is_some_and(|crowds| crowds.add(event)) {
            return;
        }
        let behind = self.until(event.ts_ms as i64);
        if !self.is_crowded(behind, event.ts_ms) {
            return;
        }
        let crowd = self.until(event.ts_ms as i64 - 1)..behind;
        let mut crowds = self.crowds.take().unwrap_or_default();
        crowds.begin(event.ts_ms, self.events(&crowd).inspect(|_| steps::note(1)));
        self.crowds = Some(crowds);
    }

    /// Whether more than [`CROWD`] events of `ts_ms` lie before `behind`, where they end.
    fn is_crowded(&self, behind: Position, ts_ms: u64) -> bool {
        let mut back = CROWD + 1;
        let Position { mut leaf, mut place } = behind;
        while place < back {
            back -= place;
            let Some(before) = leaf.checked_sub(1) else { return false };
            // A leaf that begins earlier holds the last of them.
            (leaf, place) = (before, self.leaves[before].len());
        }
        self.leaves[leaf].ts_ms(place - back) == ts_ms
    }

    /// How the events in `span` are added up.
    fn parts(&self, span: &Range<Position>) -> Parts {
        let Range { start, end } = *span;
        if start >= end || start.leaf >= self.leaves.len() {
            return Parts { front: None, closed: 0..0, back: None };
        }
        let last = self.leaves.len() - 1;
        let whole_first = start.place == 0 && self.leaves[start.leaf].is_whole() && end.leaf > start.leaf;
        let front = (!whole_first).then(|| {
            let to = if end.leaf == start.leaf { end.place } else { self.leaves[start.leaf].len() };
            (start.leaf, start.place..to)
        });
        let from = if whole_first { start.leaf } else { start.leaf + 1 };
        // The last leaf may still grow, so it is never among the closed ones.
        if end.leaf > last {
            let back = (from <= last).then(|| (last, 0..self.leaves[last].len()));
            return Parts { front, closed: from..last.max(from), back };
        }
        let back = (end.leaf >= from && end.place > 0).then_some((end.leaf, 0..end.place));
        Parts { front, closed: from..end.leaf.max(from), back }
    }

    /// Whether `places` are all events of a leaf from some place on, and none will come to its end.
    fn is_closed_end(&self, leaf: usize, places: &Range<usize>) -> bool {
        places.end == self.leaves[leaf].len() && leaf + 1 < self.leaves.len()
    }

    /// Sums of the events in `span`.
    pub fn sums(&self, span: &Range<Position>, remembered: &mut Remembered) -> SidedSums {
        let Parts { front, closed, back } = self.parts(span);
        let mut sums = match front {
            // What a closed leaf adds up to behind a place does not change.
            Some((leaf, places)) if self.is_closed_end(leaf, &places) => {
                remembered.front_sums(&self.leaves[leaf], places.start)
            }
            Some((leaf, places)) => self.leaves[leaf].add_up(places),
            None => SidedSums::default(),
        };
        sums.merge(&remembered.sums(self, closed));
        if let Some((leaf, places)) = back {
            let leaf = &self.leaves[leaf];
            if leaf.is_whole() && places.len() == leaf.len() {
                sums.merge(leaf.sums());
            } else {
                sums.merge(&leaf.add_up(places));
            }
        }
        sums
    }

    /// Quantity and VWAP of the events in `span`: the hot path's share of [`Tail::sums`].
    pub fn weight(&self, span: &Range<Position>, remembered: &mut Remembered) -> Weight {
        let Parts { front, closed, back } = self.parts(span);
        let mut weight = match front {
            Some((leaf, places)) if self.is_closed_end(leaf, &places) => {
                remembered.front_weight(&self.leaves[leaf], places.start)
            }
            Some((leaf, places)) => self.leaves[leaf].weigh(places),
            None => Weight::default(),
        };
        weight.merge(remembered.weight(self, closed));
        if let Some((leaf, places)) = back {
            let leaf = &self.leaves[leaf];
            let is_all = leaf.is_whole() && places.len() == leaf.len();
            weight.merge(if is_all { leaf.weight() } else { leaf.weigh(places) });
        }
        weight
    }

    /// Whether events of the first leaf are gone, and how many events each leaf holds: what is saved beside the events.
    pub fn shape(&self) -> (bool, impl ExactSizeIterator<Item = usize> + use<'_>) {
        let broken = self.leaves.front().is_some_and(|leaf| !leaf.is_whole());
        (broken, self.leaves.iter().map(Leaf::len))
    }

    /// A tail of `events` in time order, in leaves of the lengths given, at most [`MOST`] each, none of them empty;
    /// `None` when the two do not fit together.
    pub fn loaded(events: &[RawEvent], broken: bool, lens: &[usize]) -> Option<Self> {
        let mut tail = Self { len: events.len(), ..Self::default() };
        let mut rest = events;
        for len in lens {
            let (own, behind) = rest.split_at_checked(*len).filter(|_| (1..=MOST).contains(len))?;
            rest = behind;
            let mut leaf = Leaf::with_capacity(*len);
            if broken && tail.leaves.is_empty() {
                leaf.break_front();
            }
            for event in own {
                leaf.reaches(event.ts_ms).then(|| leaf.push(event, FILL))?;
            }
            tail.leaves.push_back(leaf);
        }
        if !rest.is_empty() || broken && events.is_empty() {
            return None;
        }
        tail.find_crowds(events);
        Some(tail)
    }

    fn find_crowds(&mut self, events: &[RawEvent]) {
        let crowded = events.chunk_by(|a, b| a.ts_ms == b.ts_ms).filter(|run| run.len() > CROWD);
        for run in crowded {
            let crowds = self.crowds.get_or_insert_default();
            crowds.begin(run[0].ts_ms, run.iter().copied());
        }
    }

    /// What has to be true of every tail; see the invariants in `liq/series/mod.rs`.
    pub fn check(&self) {
        let events: Vec<RawEvent> = self.events(&self.all()).collect();
        assert!(events.is_sorted_by_key(|event| event.ts_ms), "T1: raw events are in time order");
        assert_eq!(events.len(), self.len, "T2: the length is that of all leaves");
        for (number, leaf) in self.leaves.iter().enumerate() {
            assert!((1..=MOST).contains(&leaf.len()), "T3: a leaf holds 1 to {MOST} events");
            assert!(leaf.is_whole() || number == 0, "T4: only the first leaf has lost events at its front");
            if leaf.is_whole() {
                assert_eq!(*leaf.sums(), leaf.add_up(0..leaf.len()), "T5: a leaf's sums are those of its events");
                assert_eq!(leaf.weight(), leaf.weigh(0..leaf.len()), "T5: a leaf's weight is that of its events");
            }
        }
        for run in events.chunk_by(|a, b| a.ts_ms == b.ts_ms).filter(|run| run.len() > CROWD) {
            let known = self.crowds.as_ref().is_some_and(|crowds| run.iter().all(|e| crowds.contains(e) == Some(true)));
            assert!(known, "T6: the events of a crowded millisecond are in its index");
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::deque(&self.leaves, measure);
        self.leaves.iter().for_each(|leaf| leaf.measure(measure));
        self.spare.iter().for_each(|spare| spare.measure(measure));
        if let Some(crowds) = &self.crowds {
            heap::boxed(&**crowds, measure);
            crowds.measure(measure);
        }
    }

    /// Gives back the memory that holds no event.
    pub fn free_spare(&mut self) {
        self.spare = None;
        self.leaves.shrink_to_fit();
        self.leaves.iter_mut().for_each(Leaf::free_spare);
    }

    /// In how many leaves the events lie.
    pub fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// Moves every buffer but those of crowds, which are few and pass.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.deque(&mut self.leaves);
        self.leaves.iter_mut().for_each(|leaf| leaf.relocate(mover));
        self.spare.iter_mut().for_each(|spare| spare.relocate(mover));
    }
}
