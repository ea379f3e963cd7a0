//! What is kept of the events that left the raw tail: per span of time their sums and their distribution.

use std::collections::VecDeque;

use thin_vec::ThinVec;

use super::heap::{self, Measure};
use super::packed::Packed;
use super::raw_event::RawEvent;
use super::{Side, SidedSums};

/// Codes that may wait to be packed before they are.
const MAX_WAITING: usize = 1024;

/// Counts and volumes of one exchange, buys first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VenueTotals {
    /// Number of the exchange in the series' list.
    pub venue: u8,
    /// Events per side.
    pub counts: [u32; 2],
    /// Notional per side, quote currency.
    pub volumes: [f64; 2],
}

/// The events of one span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Pane {
    /// Where the span begins, Unix ms, a multiple of the width.
    pub start_ms: u64,
    /// When each side's oldest and newest event was, ms behind the start; buys first, meaningless without events.
    pub extent_ms: [(u32, u32); 2],
    /// Sums of both sides.
    pub sums: SidedSums,
    /// Totals per named exchange, by number.
    pub venues: ThinVec<VenueTotals>,
    /// The distribution; the newest events of a tier may still wait beside it.
    pub packed: Packed,
}

impl Pane {
    fn new(start_ms: u64) -> Self {
        let (sums, venues, packed) = (SidedSums::default(), ThinVec::new(), Packed::default());
        Self { start_ms, extent_ms: [(u32::MAX, 0); 2], sums, venues, packed }
    }

    /// Timestamps of the oldest and the newest event of one side, or of both.
    pub fn extent(&self, side: Option<Side>) -> Option<(u64, u64)> {
        let [buy, sell] = self.extent_ms;
        let held = [(Side::Buy, buy), (Side::Sell, sell)]
            .into_iter()
            .filter(|(of, _)| side.is_none_or(|side| side == *of) && self.sums.side(*of).count > 0);
        let extent = held.map(|(_, extent)| extent).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        Some((self.start_ms + u64::from(extent.0), self.start_ms + u64::from(extent.1)))
    }

    /// Timestamp of the oldest event.
    pub fn first_ms(&self) -> u64 {
        self.extent(None).map_or(self.start_ms, |extent| extent.0)
    }

    /// Timestamp of the newest event.
    pub fn last_ms(&self) -> u64 {
        self.extent(None).map_or(self.start_ms, |extent| extent.1)
    }

    fn extend(&mut self, side: Side, first_ms: u64, last_ms: u64) {
        let [buy, sell] = &mut self.extent_ms;
        let extent = if side == Side::Buy { buy } else { sell };
        extent.0 = extent.0.min((first_ms - self.start_ms) as u32);
        extent.1 = extent.1.max((last_ms - self.start_ms) as u32);
    }

    /// Adds everything of an event but its code.
    fn add(&mut self, event: &RawEvent) {
        self.extend(event.side, event.ts_ms, event.ts_ms);
        self.sums.add(event.side, event.price, event.size);
        if event.venue != 0 {
            let mut totals = VenueTotals { venue: event.venue, counts: [0; 2], volumes: [0.0; 2] };
            totals.add(event.side, event.size);
            self.add_venue(&totals);
        }
    }

    fn add_venue(&mut self, more: &VenueTotals) {
        match self.venues.binary_search_by_key(&more.venue, |held| held.venue) {
            Ok(place) => {
                if let Some(held) = self.venues.get_mut(place) {
                    held.merge(more);
                }
            }
            Err(place) => {
                self.venues.reserve_exact(1);
                self.venues.insert(place, *more);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        for side in Side::BOTH {
            if let Some((first_ms, last_ms)) = other.extent(Some(side)) {
                self.extend(side, first_ms, last_ms);
            }
        }
        self.sums.merge(&other.sums);
        other.venues.iter().for_each(|totals| self.add_venue(totals));
        self.packed = if self.packed.is_empty() { other.packed.clone() } else { self.packed.merged(&other.packed) };
    }
}

impl VenueTotals {
    fn sides(&mut self) -> [(&mut u32, &mut f64); 2] {
        let ([buys, sells], [bought, sold]) = (&mut self.counts, &mut self.volumes);
        [(buys, bought), (sells, sold)]
    }

    /// Adds an event.
    pub fn add(&mut self, side: Side, size: f64) {
        let [buys, sells] = self.sides();
        let (count, volume) = if side == Side::Buy { buys } else { sells };
        *count = count.saturating_add(1);
        *volume += size;
    }

    /// Adds the events behind `other`, of the same exchange.
    pub fn merge(&mut self, other: &Self) {
        let mut other = *other;
        for ((count, volume), (more, bigger)) in self.sides().into_iter().zip(other.sides()) {
            *count = count.saturating_add(*more);
            *volume += *bigger;
        }
    }
}

/// Panes of one width, oldest first; only those that hold events.
#[derive(Debug, Clone)]
pub struct Tier {
    width_ms: u64,
    panes: VecDeque<Pane>,
    /// Codes of the newest pane that are not packed yet.
    waiting: Vec<u16>,
    /// Codes of older panes that are not packed yet, with the pane's start.
    late: Vec<(u64, u16)>,
    /// Grows whenever the sums of any but the newest pane may have changed.
    version: u64,
}

impl Tier {
    /// An empty tier of panes `width_ms` wide.
    pub fn new(width_ms: u64) -> Self {
        Self { width_ms, panes: VecDeque::new(), waiting: Vec::new(), late: Vec::new(), version: 0 }
    }

    /// A tier of panes in ascending order, as they were saved.
    pub fn loaded(width_ms: u64, panes: Vec<Pane>) -> Self {
        Self { panes: panes.into(), ..Self::new(width_ms) }
    }

    /// Width of a pane, ms.
    pub const fn width_ms(&self) -> u64 {
        self.width_ms
    }

    /// Where the span that `ts_ms` lies in begins.
    pub const fn start_of(&self, ts_ms: u64) -> u64 {
        ts_ms - ts_ms % self.width_ms
    }

    /// The panes, oldest first.
    pub const fn panes(&self) -> &VecDeque<Pane> {
        &self.panes
    }

    /// Grows whenever the sums of any but the newest pane may have changed.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Adds an event of distribution code `code`.
    pub fn add(&mut self, event: &RawEvent, code: u16) {
        let start_ms = self.start_of(event.ts_ms);
        match self.panes.back_mut() {
            Some(newest) if newest.start_ms == start_ms => {
                newest.add(event);
                self.wait(code);
            }
            Some(newest) if newest.start_ms > start_ms => self.add_late(start_ms, event, code),
            _ => {
                self.open(Pane::new(start_ms));
                if let Some(newest) = self.panes.back_mut() {
                    newest.add(event);
                }
                self.wait(code);
            }
        }
    }

    fn wait(&mut self, code: u16) {
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.reserve_exact((self.waiting.len() / 2).max(16));
        }
        self.waiting.push(code);
        if self.waiting.len() >= MAX_WAITING {
            self.pack_newest();
        }
    }

    fn add_late(&mut self, start_ms: u64, event: &RawEvent, code: u16) {
        let place = self.place_of(start_ms);
        if self.panes.get(place).is_none_or(|pane| pane.start_ms != start_ms) {
            self.make_room();
            self.panes.insert(place, Pane::new(start_ms));
        }
        if let Some(pane) = self.panes.get_mut(place) {
            pane.add(event);
        }
        self.version += 1;
        self.late.push((start_ms, code));
        if self.late.len() >= MAX_WAITING {
            self.pack_late();
        }
    }

    /// Place of the first pane that does not begin before `start_ms`.
    pub fn place_of(&self, start_ms: u64) -> usize {
        // Windows begin at the oldest pane, or behind the newest, more often than in between.
        match (self.panes.front(), self.panes.back()) {
            (Some(oldest), _) if oldest.start_ms >= start_ms => 0,
            (_, Some(newest)) if newest.start_ms < start_ms => self.panes.len(),
            _ => self.panes.partition_point(|pane| pane.start_ms < start_ms),
        }
    }

    fn open(&mut self, pane: Pane) {
        self.pack_newest();
        self.make_room();
        self.panes.push_back(pane);
        self.version += 1;
    }

    /// Panes are large and come one at a time, minutes apart: room grows by one, not by doubling.
    fn make_room(&mut self) {
        if self.panes.len() == self.panes.capacity() {
            self.panes.reserve_exact(1);
        }
    }

    /// Takes in a pane of another tier, whose span lies within one of this one's.
    pub fn absorb(&mut self, pane: &Pane) {
        self.pack();
        self.version += 1;
        let start_ms = self.start_of(pane.start_ms);
        let place = self.place_of(start_ms);
        if self.panes.get(place).is_none_or(|held| held.start_ms != start_ms) {
            self.make_room();
            self.panes.insert(place, Pane::new(start_ms));
        }
        if let Some(held) = self.panes.get_mut(place) {
            held.merge(pane);
        }
    }

    /// Takes the oldest pane out, whole.
    pub fn pop_oldest(&mut self) -> Option<Pane> {
        if self.panes.len() == 1 {
            self.pack_newest();
        }
        if !self.late.is_empty() {
            self.pack_late();
        }
        self.version += 1;
        self.panes.pop_front()
    }

    /// Takes all panes out, whole.
    pub fn take_panes(&mut self) -> impl Iterator<Item = Pane> + use<> {
        self.pack();
        std::mem::take(&mut self.panes).into_iter()
    }

    /// Packs all that waits.
    pub fn pack(&mut self) {
        self.pack_newest();
        self.pack_late();
    }

    fn pack_newest(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.sort_unstable();
        if let Some(newest) = self.panes.back_mut() {
            newest.packed = newest.packed.with_codes(&self.waiting);
        }
        self.waiting.clear();
    }

    /// Packs the late codes: each pane once, however many came for it.
    pub fn pack_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let mut late = std::mem::take(&mut self.late);
        late.sort_unstable();
        for run in late.chunk_by(|a, b| a.0 == b.0) {
            let codes: Vec<u16> = run.iter().map(|(_, code)| *code).collect();
            let place = run.first().map_or(0, |(start_ms, _)| self.place_of(*start_ms));
            if let Some(pane) = self.panes.get_mut(place) {
                pane.packed = pane.packed.with_codes(&codes);
            }
        }
    }

    /// Adds the counts of the panes at `places` to `counts`, one per code; late codes are packed by then.
    pub fn add_to(&self, places: std::ops::Range<usize>, counts: &mut [u32]) {
        debug_assert!(self.late.is_empty());
        let with_newest = places.end == self.panes.len() && !places.is_empty();
        for pane in self.panes.range(places) {
            pane.packed.add_to(counts);
        }
        if with_newest {
            for code in &self.waiting {
                if let Some(slot) = counts.get_mut(usize::from(*code)) {
                    *slot = slot.saturating_add(1);
                }
            }
        }
    }

    /// Moves every pane to a scale of one mantissa bit less.
    pub fn halve_precision(&mut self) {
        self.pack();
        self.panes.iter_mut().for_each(|pane| pane.packed = pane.packed.halved());
    }

    /// The panes as they are saved: everything packed.
    pub fn packed_panes(&self) -> impl Iterator<Item = std::borrow::Cow<'_, Pane>> {
        let newest = self.panes.len().wrapping_sub(1);
        self.panes.iter().enumerate().map(move |(place, pane)| {
            let mut waiting = if place == newest { self.waiting.clone() } else { Vec::new() };
            waiting.extend(self.late.iter().filter(|(start_ms, _)| *start_ms == pane.start_ms).map(|(_, code)| code));
            if waiting.is_empty() {
                return std::borrow::Cow::Borrowed(pane);
            }
            waiting.sort_unstable();
            std::borrow::Cow::Owned(Pane { packed: pane.packed.with_codes(&waiting), ..pane.clone() })
        })
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::deque(&self.panes, measure);
        heap::vec(&self.waiting, measure);
        heap::vec(&self.late, measure);
        for pane in &self.panes {
            if pane.venues.capacity() > 0 {
                // The length lies before the elements, so where the buffer begins is not known.
                measure(std::ptr::null(), size_of::<[usize; 2]>() + pane.venues.capacity() * size_of::<VenueTotals>());
            }
            pane.packed.measure(measure);
        }
    }
}
