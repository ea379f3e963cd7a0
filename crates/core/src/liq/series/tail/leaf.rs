//! A run of raw events, neighbours in time: packed to 21 bytes an event, ids beside them.
#![allow(clippy::indexing_slicing, reason = "places come from the tail and lie below the leaf's length")]

use std::ops::Range;

use crate::liq::series::heap::{self, Measure};
use crate::liq::series::raw_event::{RawEvent, untag};
use crate::liq::series::sums::Weight;
use crate::liq::series::{Side, SidedSums};
use crate::panes::Version;
use crate::relocation::Mover;
use crate::steps;

/// An event as it lies in memory. Packed, because a series lives by how little an event takes.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, packed)]
struct Slot {
    price: f64,
    size: f64,
    /// Behind the leaf's base, ms.
    behind_ms: u32,
    tag: u8,
}

/// The memory of a leaf, which goes to the next one when that one is no more.
#[derive(Debug, Clone)]
pub struct Buffers {
    slots: Vec<Slot>,
    /// As many as slots, or none at all where no event has an id.
    ids: Vec<u64>,
}

impl Buffers {
    /// Measures both.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.slots, measure);
        heap::vec(&self.ids, measure);
    }

    /// Moves both.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.slots);
        mover.vec(&mut self.ids);
    }
}

/// Events of one leaf; the tail decides how many.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// What the timestamps of the slots are relative to.
    base_ms: u64,
    held: Buffers,
    /// How many slots at the front hold nothing any more.
    gone: u32,
    /// Whether every event that the leaf was closed with is held: only then is it added up as one.
    whole: bool,
    sums: SidedSums,
    weight: Weight,
    /// Another one whenever events came that are not behind all others.
    version: Version,
}

impl Leaf {
    /// An empty leaf with room for `capacity` events.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::within(Buffers { slots: Vec::with_capacity(capacity), ids: Vec::new() })
    }

    /// An empty leaf in memory that held another one.
    pub fn within(held: Buffers) -> Self {
        Self {
            base_ms: 0,
            held,
            gone: 0,
            whole: true,
            sums: SidedSums::default(),
            weight: Weight::default(),
            version: Version::fresh(),
        }
    }

    /// What is left of it when all its events are gone: memory to be filled anew.
    pub fn emptied(mut self) -> Buffers {
        self.held.slots.clear();
        self.held.ids.clear();
        self.held
    }

    /// Gives back the memory that holds no event.
    pub fn free_spare(&mut self) {
        self.close_gap();
        self.held.slots.shrink_to_fit();
        self.held.ids.shrink_to_fit();
    }

    /// Events held.
    pub const fn len(&self) -> usize {
        self.held.slots.len() - self.gone()
    }

    const fn gone(&self) -> usize {
        self.gone as usize
    }

    /// Whether all events that it was closed with are held.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Says that some at the front are gone: for a leaf that is loaded so.
    pub const fn break_front(&mut self) {
        self.whole = false;
    }

    /// Identifies what it holds, but for events that came behind all others.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Sums of a whole leaf.
    pub const fn sums(&self) -> &SidedSums {
        &self.sums
    }

    /// Weight of a whole leaf.
    pub const fn weight(&self) -> Weight {
        self.weight
    }

    /// Timestamp of the event at `place`, 0 being the oldest held.
    pub fn ts_ms(&self, place: usize) -> u64 {
        self.base_ms + u64::from(self.held.slots[self.gone() + place].behind_ms)
    }

    /// Size of the event at `place`.
    pub fn size(&self, place: usize) -> f64 {
        self.held.slots[self.gone() + place].size
    }

    /// Side of the event at `place`.
    pub fn side(&self, place: usize) -> Side {
        untag(self.held.slots[self.gone() + place].tag).0
    }

    /// Timestamp of the newest event; there is one.
    pub fn last_ms(&self) -> u64 {
        self.ts_ms(self.len() - 1)
    }

    /// The event at `place`.
    pub fn event(&self, place: usize) -> RawEvent {
        let Slot { price, size, behind_ms, tag } = self.held.slots[self.gone() + place];
        let (side, venue) = untag(tag);
        let id_hash = self.held.ids.get(self.gone() + place).copied().unwrap_or(0);
        RawEvent { ts_ms: self.base_ms + u64::from(behind_ms), side, price, size, venue, id_hash }
    }

    /// How many events are not later than `ts_ms`.
    pub fn until(&self, ts_ms: i64) -> usize {
        let behind_ms = ts_ms.saturating_sub(self.base_ms as i64);
        self.held.slots[self.gone()..].partition_point(|slot| i64::from(slot.behind_ms) <= behind_ms)
    }

    /// Whether timestamps from `first_ms` to `last_ms` can be told apart in one leaf.
    const fn spans(first_ms: u64, last_ms: u64) -> bool {
        last_ms - first_ms <= u32::MAX as u64
    }

    /// Whether an event of `ts_ms` could lie in this leaf, as far as timestamps go.
    pub fn reaches(&self, ts_ms: u64) -> bool {
        self.len() == 0 || Self::spans(self.ts_ms(0).min(ts_ms), self.last_ms().max(ts_ms))
    }

    /// Puts an event behind all others, into a leaf that [reaches](Self::reaches) it; `room` is what the leaf grows to.
    pub fn push(&mut self, event: &RawEvent, room: usize) {
        if self.gone > 0 && self.held.slots.len() == self.held.slots.capacity() {
            self.close_gap();
        }
        self.reserve(room);
        self.rebase(event.ts_ms);
        self.put_id(self.held.slots.len(), event.id_hash);
        self.held.slots.push(self.slot_of(event));
        if self.whole {
            self.sums.add(event.side, event.price, event.size);
            self.weight.add(event.price, event.size);
        }
    }

    /// Puts an event at `place`, before others, into a leaf that reaches it. The leaf is whole afterwards.
    pub fn insert(&mut self, place: usize, event: &RawEvent, room: usize) {
        self.close_gap();
        self.reserve(room);
        self.rebase(event.ts_ms);
        self.put_id(place, event.id_hash);
        // 64 bytes at a time are three slots.
        steps::note((self.held.slots.len() - place) / 3);
        self.held.slots.insert(place, self.slot_of(event));
        self.add_up_anew();
    }

    /// Takes the oldest event out; there is one.
    pub fn pop_front(&mut self) -> RawEvent {
        let event = self.event(0);
        self.gone += 1;
        self.whole = false;
        event
    }

    /// Takes the second half of the events out, as a leaf of its own.
    pub fn split(&mut self) -> Self {
        self.close_gap();
        let middle = self.held.slots.len() / 2;
        let ids = if self.held.ids.is_empty() { Vec::new() } else { self.held.ids.split_off(middle) };
        let slots = self.held.slots.split_off(middle);
        let mut back = Self { base_ms: self.base_ms, ..Self::within(Buffers { slots, ids }) };
        self.held.slots.shrink_to(middle + GROWTH);
        self.held.ids.shrink_to(middle + GROWTH);
        self.add_up_anew();
        back.add_up_anew();
        back
    }

    fn slot_of(&self, event: &RawEvent) -> Slot {
        let behind_ms = (event.ts_ms - self.base_ms) as u32;
        Slot { price: event.price, size: event.size, behind_ms, tag: event.tag() }
    }

    /// Puts the id of an event that is about to come to `place`; events without ids before the first one have none.
    fn put_id(&mut self, place: usize, id_hash: u64) {
        if id_hash == 0 && self.held.ids.is_empty() {
            return;
        }
        if self.held.ids.len() < self.held.slots.len() {
            self.held.ids.resize(self.held.slots.len(), 0);
        }
        if self.held.ids.capacity() < self.held.slots.capacity() {
            self.held.ids.reserve_exact(self.held.slots.capacity() - self.held.ids.len());
        }
        self.held.ids.insert(place, id_hash);
    }

    fn reserve(&mut self, room: usize) {
        let len = self.held.slots.len();
        if len < self.held.slots.capacity() {
            return;
        }
        // Small series grow by doubling, full leaves by steps.
        let step = if len >= room { GROWTH } else { len.max(4).min(room - len) };
        self.held.slots.reserve_exact(step);
    }

    /// Moves the base so that an event of `ts_ms` can be told from it in 32 bits.
    fn rebase(&mut self, ts_ms: u64) {
        if self.len() == 0 {
            self.base_ms = ts_ms;
            return;
        }
        let fits = ts_ms.checked_sub(self.base_ms).is_some_and(|behind| behind <= u64::from(u32::MAX));
        if fits {
            return;
        }
        let first_ms = self.ts_ms(0).min(ts_ms);
        let old_base_ms = self.base_ms;
        let gone = self.gone();
        for slot in &mut self.held.slots[gone..] {
            slot.behind_ms = (old_base_ms + u64::from(slot.behind_ms) - first_ms) as u32;
        }
        self.base_ms = first_ms;
    }

    fn close_gap(&mut self) {
        let gone = self.gone();
        if gone > 0 {
            if !self.held.ids.is_empty() {
                self.held.ids.drain(..gone);
            }
            self.held.slots.drain(..gone);
            self.gone = 0;
        }
    }

    /// Makes a leaf that lost events at its front whole, with what is left.
    pub fn mend(&mut self) {
        if !self.whole {
            self.close_gap();
            self.add_up_anew();
        }
    }

    fn add_up_anew(&mut self) {
        self.sums = self.add_up(0..self.len());
        self.weight = self.weigh(0..self.len());
        self.whole = true;
        self.version = Version::fresh();
    }

    /// Sums of the events at `places`, one by one.
    pub fn add_up(&self, places: Range<usize>) -> SidedSums {
        let mut sums = SidedSums::default();
        steps::note(places.len());
        for slot in &self.held.slots[self.gone() + places.start..self.gone() + places.end] {
            sums.add(untag(slot.tag).0, slot.price, slot.size);
        }
        sums
    }

    /// Quantity and VWAP of the events at `places`, one by one.
    pub fn weigh(&self, places: Range<usize>) -> Weight {
        let mut weight = Weight::default();
        steps::note(places.len());
        for slot in &self.held.slots[self.gone() + places.start..self.gone() + places.end] {
            weight.add(slot.price, slot.size);
        }
        weight
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.held.measure(measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.held.relocate(mover);
    }
}

/// Slots that a full leaf grows by.
const GROWTH: usize = 16;
