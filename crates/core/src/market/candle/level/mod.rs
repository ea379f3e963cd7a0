//! One level: candles of one unit, the newest as they are, the others in blocks.

mod visit;

use std::collections::VecDeque;

use super::block::Block;
use super::candle::Candle;
use super::interval::{Span, Zone};
use super::unit::{KNOWN, Unit};
use crate::heap::{self, Measure};
use crate::market::tape::{Order, Tick};
use crate::relocation::Mover;
use crate::steps;

/// Newest candles that stay unpacked: the open one, and two behind it, where late ticks land.
const FRESH: usize = 3;

/// The candles of one unit.
#[derive(Debug, Clone)]
pub struct Level {
    unit: &'static Unit,
    zone: Zone,
    blocks: VecDeque<Block>,
    fresh: VecDeque<Candle>,
    len: usize,
    /// From here on the level holds everything that no finer one holds, Unix ms: what was before has left it.
    reach_ms: u64,
}

impl Level {
    /// An empty one that reaches back to `reach_ms`.
    pub fn new(unit: Unit, zone: Zone, reach_ms: u64) -> Self {
        let [.., coarsest] = &KNOWN;
        let unit = KNOWN.iter().find(|known| **known == unit).unwrap_or(coarsest);
        Self { unit, zone, blocks: VecDeque::new(), fresh: VecDeque::new(), len: 0, reach_ms }
    }

    /// What its candles are of.
    pub const fn unit(&self) -> Unit {
        *self.unit
    }

    /// How many candles it holds.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// From when on it holds everything that no finer level holds, Unix ms.
    pub const fn reach_ms(&self) -> u64 {
        self.reach_ms
    }

    /// What was before is elsewhere, or gone.
    pub fn reach_from(&mut self, ms: u64) {
        self.reach_ms = self.reach_ms.max(ms);
    }

    /// The span of the candle that `ts_ms` lies in.
    #[inline]
    pub fn span(&self, ts_ms: u64) -> Span {
        self.unit.interval().span(ts_ms, self.zone)
    }

    /// Where the oldest candle begins, Unix ms.
    pub fn first_start_ms(&self) -> Option<u64> {
        let packed = self.blocks.front().map(|block| block.first_start_ms);
        packed.or_else(|| self.fresh.front().map(|candle| candle.start_ms))
    }

    /// The newest candle, if `ts_ms` lies in it.
    #[inline]
    pub fn newest_at(&mut self, ts_ms: u64) -> Option<&mut Candle> {
        let (width_ms, of_ts) = (self.unit.width_ms, |start_ms: u64| self.span(ts_ms).start_ms == start_ms);
        let start_ms = self.fresh.back()?.start_ms;
        // The first candle of all may be cut off by the beginning of time.
        let is_in =
            if start_ms < width_ms { of_ts(start_ms) } else { (start_ms..start_ms + width_ms).contains(&ts_ms) };
        self.fresh.back_mut().filter(|_| is_in)
    }

    /// The newest candle.
    pub fn newest(&self) -> Option<&Candle> {
        self.fresh.back()
    }

    /// The candle that begins at `start_ms`.
    pub fn get(&self, start_ms: u64) -> Option<Candle> {
        if let Some(place) = self.place_in_fresh(start_ms) {
            return self.fresh.get(place?).copied();
        }
        let block = self.blocks.get(self.block_place(start_ms).ok()?)?;
        if !(block.first_start_ms..=block.last_start_ms).contains(&start_ms) {
            return None;
        }
        block.find(start_ms)
    }

    /// `None` where the candle would lie in a block; else where it is among the fresh ones, if it is there.
    fn place_in_fresh(&self, start_ms: u64) -> Option<Option<usize>> {
        let first = self.fresh.front()?;
        if start_ms < first.start_ms {
            return None;
        }
        Some(self.fresh.iter().rposition(|candle| candle.start_ms == start_ms))
    }

    /// Which block a candle belongs to.
    fn block_key(&self, start_ms: u64) -> i64 {
        let local_ms = start_ms.cast_signed() + i64::from(self.zone.minutes()) * 60_000;
        local_ms.div_euclid(self.unit.block_ms.cast_signed())
    }

    /// The place of the block that the candle belongs to, or where it would be.
    fn block_place(&self, start_ms: u64) -> Result<usize, usize> {
        let key = self.block_key(start_ms);
        self.blocks.binary_search_by_key(&key, |block| self.block_key(block.first_start_ms))
    }

    /// Makes the candle at `start_ms` what `change` says of the one there, if there is one. Answers whether there was.
    pub fn edit(&mut self, start_ms: u64, change: impl FnOnce(Option<&mut Candle>) -> Option<Candle>) -> bool {
        if let Some(newest) = self.fresh.back()
            && newest.start_ms < start_ms
        {
            return self.insert_fresh(self.fresh.len(), change(None));
        }
        match self.place_in_fresh(start_ms) {
            Some(Some(place)) => {
                change(self.fresh.get_mut(place));
                true
            }
            Some(None) => {
                let place = self.fresh.partition_point(|candle| candle.start_ms < start_ms);
                self.insert_fresh(place, change(None))
            }
            None => {
                let is_behind_blocks = self.blocks.back().is_none_or(|block| block.last_start_ms < start_ms);
                if is_behind_blocks && self.fresh.len() < FRESH {
                    return self.insert_fresh(0, change(None));
                }
                self.edit_block(start_ms, change)
            }
        }
    }

    /// Adds a tick to its candle, which may be new.
    pub fn record(&mut self, tick: &Tick<'_>, order: Order) {
        let start_ms = self.span(tick.ts_ms).start_ms;
        if self.place_in_fresh(start_ms).is_none()
            && let Ok(place) = self.block_place(start_ms)
            && self.blocks.get_mut(place).is_some_and(|block| block.amend(start_ms, tick, order))
        {
            return;
        }
        self.edit(start_ms, |candle| match candle {
            Some(candle) => {
                candle.add(tick, order);
                None
            }
            None => Some(Candle::of(tick, order, start_ms)),
        });
    }

    fn insert_fresh(&mut self, place: usize, candle: Option<Candle>) -> bool {
        let Some(candle) = candle else { return false };
        // The room is for exactly those, and for one more while it comes.
        self.fresh.reserve_exact((FRESH + 1).saturating_sub(self.fresh.len()));
        self.fresh.insert(place, candle);
        self.len += 1;
        if self.fresh.len() > FRESH
            && let Some(sealed) = self.fresh.pop_front()
        {
            self.seal(&sealed);
        }
        false
    }

    /// Packs a candle behind all others that are packed.
    fn seal(&mut self, candle: &Candle) {
        let key = self.block_key(candle.start_ms);
        let is_same = self.blocks.back().is_some_and(|block| self.block_key(block.first_start_ms) == key);
        if is_same && let Some(block) = self.blocks.back_mut() {
            block.push(candle);
        } else if let Some(block) = Block::pack(&[*candle]) {
            // Nothing is added to the one before any more.
            if let Some(full) = self.blocks.back_mut() {
                full.fit();
            }
            self.make_room();
            self.blocks.push_back(block);
        }
    }

    /// Blocks come one at a time and far apart: room grows by an eighth, not by doubling.
    fn make_room(&mut self) {
        if self.blocks.len() == self.blocks.capacity() {
            self.blocks.reserve_exact(1 + self.blocks.len() / 8);
        }
    }

    fn edit_block(&mut self, start_ms: u64, change: impl FnOnce(Option<&mut Candle>) -> Option<Candle>) -> bool {
        let mut candles = Vec::new();
        let found = self.block_place(start_ms);
        if let Some(block) = found.ok().and_then(|place| self.blocks.get(place)) {
            candles.reserve_exact(block.len() + 1);
            block.unpack(&mut candles);
        }
        steps::note(candles.len());
        let place = candles.partition_point(|candle| candle.start_ms < start_ms);
        let is_there = candles.get(place).is_some_and(|candle| candle.start_ms == start_ms);
        if is_there {
            change(candles.get_mut(place));
        } else if let Some(candle) = change(None) {
            candles.insert(place, candle);
            self.len += 1;
        }
        match found {
            Ok(place) => {
                if let Some(block) = self.blocks.get_mut(place) {
                    block.repack(&candles);
                }
            }
            Err(place) => {
                if let Some(block) = Block::pack(&candles) {
                    self.make_room();
                    self.blocks.insert(place, block);
                }
            }
        }
        is_there
    }

    /// Takes the candle at `start_ms` out.
    pub fn remove(&mut self, start_ms: u64) -> Option<Candle> {
        let gone = match self.place_in_fresh(start_ms) {
            Some(place) => {
                let gone = self.fresh.remove(place?)?;
                self.refresh();
                gone
            }
            None => {
                let place = self.block_place(start_ms).ok()?;
                let mut candles = Vec::new();
                self.blocks.get(place)?.unpack(&mut candles);
                let at = candles.iter().position(|candle| candle.start_ms == start_ms)?;
                let gone = candles.remove(at);
                if candles.is_empty() {
                    self.blocks.remove(place);
                } else {
                    self.blocks.get_mut(place)?.repack(&candles);
                }
                gone
            }
        };
        self.len -= 1;
        Some(gone)
    }

    /// Unpacks the newest candle when none is unpacked any more.
    fn refresh(&mut self) {
        if !self.fresh.is_empty() {
            return;
        }
        let Some(mut block) = self.blocks.pop_back() else { return };
        let mut candles = Vec::new();
        block.unpack(&mut candles);
        self.fresh.extend(candles.pop());
        if !candles.is_empty() {
            block.repack(&candles);
            self.blocks.push_back(block);
        }
    }

    /// Takes the oldest candle out, which ends the level's reach behind it.
    pub fn pop_oldest(&mut self) -> Option<Candle> {
        let gone = match self.blocks.front_mut() {
            Some(block) => {
                let gone = block.pop_first()?;
                if block.len() == 0 {
                    self.blocks.pop_front();
                }
                gone
            }
            None => self.fresh.pop_front()?,
        };
        self.len -= 1;
        self.reach_from(self.span(gone.start_ms).end_ms);
        Some(gone)
    }

    /// Candles as they were saved, ascending.
    pub fn loaded(unit: Unit, zone: Zone, reach_ms: u64, candles: &[Candle]) -> Self {
        let mut level = Self::new(unit, zone, reach_ms);
        level.len = candles.len();
        let (packed, fresh) = candles.split_at(candles.len().saturating_sub(FRESH));
        let runs = packed.chunk_by(|a, b| level.block_key(a.start_ms) == level.block_key(b.start_ms));
        let blocks: VecDeque<Block> = runs.filter_map(Block::pack).collect();
        level.blocks = blocks;
        level.fresh.extend(fresh);
        level
    }

    /// Gives back the memory that holds no candle. The fresh ones keep their room: it is filled again at once.
    pub fn free_spare(&mut self) {
        self.blocks.shrink_to_fit();
        self.blocks.iter_mut().for_each(Block::free_spare);
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::deque(&self.blocks, measure);
        self.blocks.iter().for_each(|block| block.measure(measure));
        heap::deque(&self.fresh, measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.deque(&mut self.blocks);
        mover.deque(&mut self.fresh);
        for block in &mut self.blocks {
            let (bytes, summary) = block.buffers();
            mover.vec(bytes);
            mover.boxed(summary);
        }
    }

    /// About how many allocations freeing takes.
    pub fn free_effort(&self) -> usize {
        2 + 2 * self.blocks.len()
    }

    /// Asserts what must hold of one level.
    pub fn check(&self) {
        let mut candles = Vec::new();
        for block in &self.blocks {
            let begin = candles.len();
            block.unpack(&mut candles);
            let run = candles.get(begin..).unwrap_or_default();
            assert_eq!(run.len(), block.len(), "L3 of a block");
            assert_eq!(run.first().map(|candle| candle.start_ms), Some(block.first_start_ms));
            assert_eq!(run.last().map(|candle| candle.start_ms), Some(block.last_start_ms));
            if let (Some(summary), Some((first, rest))) = (block.summary(), run.split_first()) {
                let mut merged = *first;
                rest.iter().for_each(|candle| merged.merge(candle));
                assert_eq!(*summary, merged, "L5 a block's summary is its candles merged");
            }
        }
        candles.extend(&self.fresh);
        assert_eq!(candles.len(), self.len, "L3 the count is that of the candles");
        assert!(candles.is_sorted_by(|a, b| a.start_ms < b.start_ms), "L1 candles ascend");
        for candle in &candles {
            let span = self.span(candle.start_ms);
            assert_eq!(span.start_ms, candle.start_ms, "L1 candles begin where their unit does");
            assert!(candle.start_ms >= self.span(self.reach_ms).start_ms, "L4 nothing is held before the reach");
            assert!(
                candle.first <= candle.last && span.start_ms <= candle.first.ts_ms && candle.last.ts_ms < span.end_ms
            );
        }
    }
}
