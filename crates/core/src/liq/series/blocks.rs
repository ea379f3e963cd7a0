//! What is remembered of the tail's block sums between one answer and the next.
#![allow(
    clippy::indexing_slicing,
    reason = "places come from the tail, and there are at most eight eighths in a block"
)]

use std::ops::Range;

use super::SidedSums;
use super::heap::{self, Measure};
use super::sums::Weight;
use super::tail::{BLOCK, Tail};

/// The sum of a run of whole blocks, remembered: it grows cheaply at its end.
#[derive(Debug, Clone, Default)]
pub struct WholeBlocks {
    sums: ClosedBlocks<SidedSums>,
    weight: ClosedBlocks<Weight>,
    /// The block that the window begins in, and the weights of its events from each eighth on.
    front_number: Option<u64>,
    front: Option<Box<[Weight; EIGHTHS]>>,
}

/// Blocks added up, by their numbers counted from the first event ever; the newest asked for, which may still grow, is
/// not among them.
#[derive(Debug, Clone, Default)]
struct ClosedBlocks<S> {
    numbers: Range<u64>,
    sum: S,
}

impl<S: Default + Copy> ClosedBlocks<S> {
    /// The sum of all of `blocks` but the last.
    fn of(&mut self, tail: &Tail, blocks: &Range<usize>, mut add: impl FnMut(&mut S, &SidedSums)) -> S {
        let first_number = tail.left() / BLOCK as u64;
        let wanted = first_number + blocks.start as u64..first_number + blocks.end as u64 - 1;
        if self.numbers.start != wanted.start || self.numbers.end > wanted.end {
            (self.numbers, self.sum) = (wanted.start..wanted.start, S::default());
        }
        for number in self.numbers.end..wanted.end {
            add(&mut self.sum, tail.block((number - first_number) as usize));
        }
        self.numbers.end = wanted.end;
        self.sum
    }
}

/// A block's front is remembered in this many steps.
const EIGHTHS: usize = 8;
const EIGHTH: usize = BLOCK / EIGHTHS;

impl WholeBlocks {
    /// Forgets everything: blocks were added anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Sums of the events of `blocks`.
    pub fn of(&mut self, tail: &Tail, blocks: Range<usize>) -> SidedSums {
        if blocks.is_empty() {
            return SidedSums::default();
        }
        let mut sums = self.sums.of(tail, &blocks, SidedSums::merge);
        sums.merge(tail.block(blocks.end - 1));
        sums
    }

    /// Weight of the events of `blocks`, at least one.
    pub fn weight(&mut self, tail: &Tail, blocks: Range<usize>) -> Weight {
        let mut weight = self.weight.of(tail, &blocks, |sum, block| sum.merge(block.weight()));
        weight.merge(tail.block(blocks.end - 1).weight());
        weight
    }

    /// Weight of the events at `places`, which reach to the end of their block.
    pub fn front(&mut self, tail: &Tail, places: Range<usize>) -> Weight {
        if places.is_empty() {
            return Weight::default();
        }
        let block = tail.block_of(places.start);
        let number = tail.left() / BLOCK as u64 + block as u64;
        if self.front_number != Some(number) {
            self.remember_front(tail, tail.places(block));
            self.front_number = Some(number);
        }
        // Raw events up to the next eighth, then what is remembered of the eighths behind it.
        let eighths = (places.end - places.start) / EIGHTH;
        let mut weight = tail.weigh(places.start..places.end - eighths * EIGHTH);
        if eighths > 0 {
            weight.merge(self.front.as_ref().map_or_else(Weight::default, |front| front[EIGHTHS - eighths]));
        }
        weight
    }

    /// Remembers the eighths of the block of `places` that are held whole.
    fn remember_front(&mut self, tail: &Tail, places: Range<usize>) {
        let front = self.front.get_or_insert_default();
        let mut behind = Weight::default();
        for back in 1..=places.len() / EIGHTH {
            let begin = places.end - back * EIGHTH;
            let mut weight = tail.weigh(begin..begin + EIGHTH);
            weight.merge(behind);
            behind = weight;
            front[EIGHTHS - back] = weight;
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(front) = &self.front {
            heap::boxed(&**front, measure);
        }
    }
}
