//! The newest events, raw and in time order: a ring of columns, 21 bytes an event, with sums per block of 64.
//!
//! Blocks are aligned to the number of events that ever left at the front, which is saved with the events: so sums over
//! any stretch are added in the same order before and after a reload, and come out the same to the bit.
#![allow(
    clippy::indexing_slicing,
    reason = "every index is made from a place below `len`, which is at most the capacity"
)]

use std::collections::VecDeque;
use std::ops::Range;

use super::blocks::WholeBlocks;
use super::heap::{self, Measure};
use super::raw_event::{RawEvent, untag};
use super::sums::Weight;
use super::{Side, SidedSums};

/// Events per block of sums.
pub const BLOCK: usize = 64;

/// Events in time order; those of one millisecond in order of arrival.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// The moment that the timestamps of the column are relative to.
    base_ms: u64,
    ts: Vec<u32>,
    price: Vec<f64>,
    size: Vec<f64>,
    tag: Vec<u8>,
    /// Empty until an event has an id.
    id: Vec<u64>,
    head: usize,
    len: usize,
    /// How many events ever left at the front.
    left: u64,
    /// Sums of the blocks whose first event is still held; the newest grows.
    blocks: VecDeque<SidedSums>,
}

impl Tail {
    /// An empty tail that goes on where one left off after `left` events.
    pub fn starting_at(left: u64) -> Self {
        Self { left, ..Self::default() }
    }

    /// Events held.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// How many events ever left at the front: the number of the first one held.
    pub const fn left(&self) -> u64 {
        self.left
    }

    fn slot(&self, place: usize) -> usize {
        debug_assert!(place < self.len);
        let slot = self.head + place;
        if slot >= self.ts.len() { slot - self.ts.len() } else { slot }
    }

    /// Timestamp of the event at `place`, 0 being the oldest.
    pub fn ts_ms(&self, place: usize) -> u64 {
        self.base_ms + u64::from(self.ts[self.slot(place)])
    }

    /// Size of the event at `place`.
    pub fn size(&self, place: usize) -> f64 {
        self.size[self.slot(place)]
    }

    /// Side of the event at `place`.
    pub fn side(&self, place: usize) -> Side {
        untag(self.tag[self.slot(place)]).0
    }

    /// The event at `place`.
    pub fn event(&self, place: usize) -> RawEvent {
        let slot = self.slot(place);
        let (side, venue) = untag(self.tag[slot]);
        let id_hash = self.id.get(slot).copied().unwrap_or(0);
        RawEvent { ts_ms: self.ts_ms(place), side, price: self.price[slot], size: self.size[slot], venue, id_hash }
    }

    /// Timestamp of the oldest event.
    pub fn first_ms(&self) -> Option<u64> {
        (self.len > 0).then(|| self.ts_ms(0))
    }

    /// Timestamp of the newest event.
    pub fn last_ms(&self) -> Option<u64> {
        (self.len > 0).then(|| self.ts_ms(self.len - 1))
    }

    /// How many events are not later than `ts_ms`; what comes behind them is later.
    pub fn until(&self, ts_ms: i64) -> usize {
        // Nearly always the answer is one of the ends.
        if self.last_ms().is_none_or(|last| last as i64 <= ts_ms) {
            return self.len;
        }
        if self.first_ms().is_some_and(|first| first as i64 > ts_ms) {
            return 0;
        }
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low.midpoint(high);
            if self.ts_ms(middle) as i64 <= ts_ms {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether an event equal in every field is held.
    pub fn contains(&self, event: &RawEvent) -> bool {
        let ts_ms = event.ts_ms as i64;
        if self.last_ms().is_none_or(|last| (last as i64) < ts_ms) {
            return false;
        }
        let same_time = self.until(ts_ms - 1)..self.until(ts_ms);
        same_time.into_iter().any(|place| self.event(place) == *event)
    }

    /// Puts an event behind those not later than it. Answers its place.
    pub fn insert(&mut self, event: &RawEvent, capacity: usize) -> usize {
        self.make_room(capacity);
        self.reach(event.ts_ms);
        if event.id_hash != 0 && self.id.is_empty() {
            self.id = vec![0; self.ts.len()];
        }
        let place = self.until(event.ts_ms as i64);
        self.len += 1;
        for later in (place + 1..self.len).rev() {
            self.copy(self.slot(later - 1), self.slot(later));
        }
        self.write(self.slot(place), event);
        self.sum_from(place, event);
        place
    }

    /// Takes the oldest event out.
    pub fn pop_front(&mut self) -> Option<RawEvent> {
        let event = (self.len > 0).then(|| self.event(0))?;
        self.head = if self.head + 1 == self.ts.len() { 0 } else { self.head + 1 };
        self.len -= 1;
        self.left += 1;
        // The block that it was the first event of can no longer be used whole.
        if self.left % BLOCK as u64 == 1 {
            self.blocks.pop_front();
        }
        Some(event)
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.ts[to] = self.ts[from];
        self.price[to] = self.price[from];
        self.size[to] = self.size[from];
        self.tag[to] = self.tag[from];
        if !self.id.is_empty() {
            self.id[to] = self.id[from];
        }
    }

    fn write(&mut self, slot: usize, event: &RawEvent) {
        self.ts[slot] = (event.ts_ms - self.base_ms) as u32;
        self.price[slot] = event.price;
        self.size[slot] = event.size;
        self.tag[slot] = event.tag();
        if !self.id.is_empty() {
            self.id[slot] = event.id_hash;
        }
    }

    /// Moves the base so that `ts_ms` can be told from it in 32 bits; retentions reach 31 days, 32 bits 49.
    fn reach(&mut self, ts_ms: u64) {
        if ts_ms.checked_sub(self.base_ms).is_some_and(|offset| offset <= u64::from(u32::MAX)) {
            return;
        }
        let first_ms = self.first_ms().unwrap_or(ts_ms).min(ts_ms);
        for place in 0..self.len {
            let slot = self.slot(place);
            self.ts[slot] = (self.base_ms + u64::from(self.ts[slot]) - first_ms) as u32;
        }
        self.base_ms = first_ms;
    }

    /// Grows by steps that keep quiet series small: a quarter, at least one block, at first less.
    fn make_room(&mut self, capacity: usize) {
        let room = self.ts.len();
        if self.len < room {
            return;
        }
        let step = if room < BLOCK { room.max(4) } else { (room / 4).next_multiple_of(BLOCK) };
        let grown = (room + step).min(capacity.max(room + 1));
        self.ts.rotate_left(self.head);
        self.price.rotate_left(self.head);
        self.size.rotate_left(self.head);
        self.tag.rotate_left(self.head);
        resize(&mut self.ts, grown);
        resize(&mut self.price, grown);
        resize(&mut self.size, grown);
        resize(&mut self.tag, grown);
        if !self.id.is_empty() {
            self.id.rotate_left(self.head);
            resize(&mut self.id, grown);
        }
        self.head = 0;
    }

    /// The block that the event at `place` lies in; the first that is held is block 0.
    pub fn block_of(&self, place: usize) -> usize {
        ((self.left % BLOCK as u64) as usize + place) / BLOCK
    }

    /// Events of block `block` that are still held.
    pub fn places(&self, block: usize) -> Range<usize> {
        let phase = (self.left % BLOCK as u64) as usize;
        (block * BLOCK).saturating_sub(phase)..((block + 1) * BLOCK - phase).min(self.len)
    }

    /// Brings the block sums up to date after an insertion at `place`.
    fn sum_from(&mut self, place: usize, event: &RawEvent) {
        let block = self.block_of(place);
        if place + 1 < self.len {
            // An event in the middle moves all later ones by a place: their blocks are added anew.
            for late in block.max(self.first_whole())..=self.block_of(self.len - 1) {
                let sums = self.add_up(self.places(late));
                self.put_block(late, sums);
            }
        } else if block >= self.first_whole() {
            if block - self.first_whole() == self.blocks.len() {
                self.put_block(block, SidedSums::default());
            }
            if let Some(newest) = self.blocks.back_mut() {
                newest.add(event.side, event.price, event.size);
            }
        }
    }

    /// The first block that is held from its first event on.
    fn first_whole(&self) -> usize {
        usize::from(!self.left.is_multiple_of(BLOCK as u64))
    }

    fn put_block(&mut self, block: usize, sums: SidedSums) {
        match self.blocks.get_mut(block - self.first_whole()) {
            Some(slot) => *slot = sums,
            None => {
                if self.blocks.len() == self.blocks.capacity() {
                    // One at first, then up to a multiple of four: a full tail has 64, which an allocator serves whole.
                    let held = self.blocks.len();
                    self.blocks.reserve_exact(if held == 0 { 1 } else { (held + 1).next_multiple_of(4) - held });
                }
                self.blocks.push_back(sums);
            }
        }
    }

    /// Sums of the events at `places`, one by one.
    fn add_up(&self, places: Range<usize>) -> SidedSums {
        let mut sums = SidedSums::default();
        for place in places {
            let slot = self.slot(place);
            sums.add(untag(self.tag[slot]).0, self.price[slot], self.size[slot]);
        }
        sums
    }

    /// Sums of the events of a block that is held from its first event on.
    pub fn block(&self, block: usize) -> &SidedSums {
        &self.blocks[block - self.first_whole()]
    }

    /// How the events at `places` are added up: raw ones before the first whole block, whole blocks, raw ones behind.
    fn split(&self, places: &Range<usize>) -> (Range<usize>, Range<usize>, Range<usize>) {
        let phase = (self.left % BLOCK as u64) as usize;
        let first_whole = (places.start + phase).div_ceil(BLOCK);
        // The newest block is whole as far as there are events.
        let all = self.first_whole() + self.blocks.len();
        let end = if places.end == self.len { all } else { self.block_of(places.end) };
        if first_whole >= end {
            return (places.clone(), 0..0, 0..0);
        }
        let blocks_end = self.places(end - 1).end;
        (places.start..first_whole * BLOCK - phase, first_whole..end, blocks_end..places.end)
    }

    /// Sums of the events at `places`.
    pub fn sums(&self, places: Range<usize>, whole: &mut WholeBlocks) -> SidedSums {
        let (front, blocks, back) = self.split(&places);
        let mut sums = self.add_up(front);
        sums.merge(&whole.of(self, blocks));
        sums.merge(&self.add_up(back));
        sums
    }

    /// Quantity and VWAP of the events at `places`: the hot path's share of [`Tail::sums`].
    pub fn weight(&self, places: Range<usize>, whole: &mut WholeBlocks) -> Weight {
        let (front, blocks, back) = self.split(&places);
        let mut weight = if front.end == places.end { self.weigh(front) } else { whole.front(self, front) };
        if !blocks.is_empty() {
            weight.merge(whole.weight(self, blocks));
        }
        if !back.is_empty() {
            weight.merge(self.weigh(back));
        }
        weight
    }

    /// Quantity and VWAP of the events at `places`, one by one.
    pub fn weigh(&self, places: Range<usize>) -> Weight {
        let mut weight = Weight::default();
        for place in places {
            let slot = self.slot(place);
            weight.add(self.price[slot], self.size[slot]);
        }
        weight
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.ts, measure);
        heap::vec(&self.price, measure);
        heap::vec(&self.size, measure);
        heap::vec(&self.tag, measure);
        heap::vec(&self.id, measure);
        heap::deque(&self.blocks, measure);
    }
}

fn resize<T: Copy + Default>(column: &mut Vec<T>, len: usize) {
    column.reserve_exact(len - column.len());
    column.resize(len, T::default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(ts_ms: u64, size: f64) -> RawEvent {
        let side = if (size as u64).is_multiple_of(2) { Side::Buy } else { Side::Sell };
        RawEvent { ts_ms, side, price: 100.0 + size, size, venue: (size as u64 % 5) as u8, id_hash: size as u64 % 3 }
    }

    proptest! {
        #[test]
        fn a_tail_is_a_sorted_list(steps in prop::collection::vec((0_u64..2000, 1_u32..100, any::<bool>()), 1..400)) {
            let (mut tail, mut list, mut whole) = (Tail::default(), Vec::<RawEvent>::new(), WholeBlocks::default());
            for (ts_ms, size, pop) in steps {
                if pop && list.len() > 100 {
                    prop_assert_eq!(tail.pop_front(), Some(list.remove(0)));
                } else {
                    let new = event(ts_ms, f64::from(size));
                    let place = list.partition_point(|held| held.ts_ms <= ts_ms);
                    prop_assert_eq!(tail.contains(&new), list.contains(&new));
                    list.insert(place, new);
                    prop_assert_eq!(tail.insert(&new, 256), place);
                    if place + 1 < list.len() {
                        whole.forget();
                    }
                }
                let from = tail.until(500);
                let expected = tail.add_up(from..list.len());
                let sums = tail.sums(from..list.len(), &mut whole);
                prop_assert_eq!(sums.count(), expected.count());
                let (a, b) = (sums.of(None), expected.of(None));
                prop_assert!((a.quantity - b.quantity).abs() <= 1e-12 * b.quantity);
                prop_assert!((a.price_mean - b.price_mean).abs() <= 1e-12 * b.price_mean);
                let weight = tail.weight(from..list.len(), &mut whole);
                let vwap = b.vwap().unwrap_or(0.0);
                prop_assert!((weight.vwap().unwrap_or(0.0) - vwap).abs() <= 1e-12 * vwap);
                // A tail built anew from the same events adds up to the same bits.
                let mut again = Tail::starting_at(tail.left());
                list.iter().for_each(|held| { again.insert(held, 256); });
                prop_assert_eq!(again.sums(from..list.len(), &mut WholeBlocks::default()), sums);
            }
            let held: Vec<_> = (0..tail.len()).map(|place| tail.event(place)).collect();
            prop_assert_eq!(held, list);
        }
    }

    #[test]
    fn timestamps_may_lie_far_apart_over_time() {
        let mut tail = Tail::default();
        for ts_ms in [0, 31 * 86_400_000, 40 * 86_400_000, 1 << 53] {
            while tail.first_ms().is_some_and(|first| ts_ms - first > 31 * 86_400_000) {
                tail.pop_front();
            }
            tail.insert(&event(ts_ms, 5.0), 256);
            assert_eq!(tail.last_ms(), Some(ts_ms));
        }
    }
}
