//! What is remembered of sums over leaves between one answer and the next.
#![allow(clippy::indexing_slicing, reason = "places come from the tail, and chunks lie within their leaf")]

use std::ops::Range;

use super::leaf::Leaf;
use super::{MOST, Tail};
use crate::liq::series::SidedSums;
use crate::liq::series::heap::{self, Measure};
use crate::liq::series::sums::Weight;
use crate::panes::Version;
use crate::relocation::Mover;
use crate::steps;

/// Sums over runs of closed leaves, and over the ends of the leaf that a window begins in.
///
/// Whatever is remembered is a partial sum of the one order in which the tail adds: an answer from memory and one made
/// anew are the same to the bit.
#[derive(Debug, Clone)]
pub struct Remembered {
    sums: Closed<SidedSums>,
    weight: Closed<Weight>,
    front_sums: Option<Box<Front<SidedSums>>>,
    front_weight: Option<Box<Front<Weight>>>,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { sums: Closed::new(), weight: Closed::new(), front_sums: None, front_weight: None }
    }
}

/// The sum of a run of closed leaves; it grows cheaply at its end.
#[derive(Debug, Clone)]
struct Closed<S> {
    /// The tail's version, and that of the first leaf.
    of: (Version, Version),
    leaves: usize,
    sum: S,
}

impl<S: Default + Copy> Closed<S> {
    fn new() -> Self {
        Self { of: (Version::NONE, Version::NONE), leaves: 0, sum: S::default() }
    }

    fn of(&mut self, tail: &Tail, leaves: Range<usize>, mut add: impl FnMut(&mut S, usize)) -> S {
        if leaves.is_empty() {
            return S::default();
        }
        let of = (tail.version, tail.leaves[leaves.start].version());
        if self.of != of || self.leaves > leaves.len() {
            *self = Self { of, leaves: 0, sum: S::default() };
        }
        steps::note(leaves.len() - self.leaves);
        for leaf in leaves.start + self.leaves..leaves.end {
            add(&mut self.sum, leaf);
        }
        self.leaves = leaves.len();
        self.sum
    }
}

/// Events per chunk of a leaf's front.
const CHUNK: usize = 8;

/// The sums over the ends of one closed leaf: the last `n` chunks add up to `behind[n]`.
#[derive(Debug, Clone)]
struct Front<S> {
    version: Version,
    behind: [S; MOST / CHUNK + 1],
    chunks: usize,
}

impl<S: Default + Copy> Front<S> {
    /// The sum of the events of a closed leaf from `place` to its end: raw events up to the next chunk, then what is
    /// remembered of the chunks behind it.
    fn of(
        slot: &mut Option<Box<Self>>,
        leaf: &Leaf,
        place: usize,
        add_up: impl Fn(Range<usize>) -> S,
        merge: impl Fn(&mut S, &S),
    ) -> S {
        let chunks = (leaf.len() - place) / CHUNK;
        let known = slot.as_ref().is_some_and(|front| front.version == leaf.version() && front.chunks >= chunks);
        if !known {
            let all = leaf.len() / CHUNK;
            let mut behind = [S::default(); MOST / CHUNK + 1];
            for chunk in 1..=all {
                let begin = leaf.len() - chunk * CHUNK;
                let mut sum = add_up(begin..begin + CHUNK);
                merge(&mut sum, &behind[chunk - 1]);
                behind[chunk] = sum;
            }
            let front = Self { version: leaf.version(), behind, chunks: all };
            match slot {
                Some(held) => **held = front,
                None => *slot = Some(front.into()),
            }
        }
        let mut sum = add_up(place..leaf.len() - chunks * CHUNK);
        if let Some(front) = slot {
            merge(&mut sum, &front.behind[chunks]);
        }
        sum
    }
}

impl Remembered {
    /// Sums of the events of `leaves`, which are closed and whole.
    pub fn sums(&mut self, tail: &Tail, leaves: Range<usize>) -> SidedSums {
        self.sums.of(tail, leaves, |sum, leaf| sum.merge(tail.leaves[leaf].sums()))
    }

    /// Weight of the events of `leaves`, which are closed and whole.
    pub fn weight(&mut self, tail: &Tail, leaves: Range<usize>) -> Weight {
        self.weight.of(tail, leaves, |sum, leaf| sum.merge(tail.leaves[leaf].weight()))
    }

    /// Sums of the events of a closed leaf from `place` to its end.
    pub fn front_sums(&mut self, leaf: &Leaf, place: usize) -> SidedSums {
        Front::of(&mut self.front_sums, leaf, place, |places| leaf.add_up(places), SidedSums::merge)
    }

    /// Weight of the events of a closed leaf from `place` to its end.
    pub fn front_weight(&mut self, leaf: &Leaf, place: usize) -> Weight {
        Front::of(&mut self.front_weight, leaf, place, |places| leaf.weigh(places), |sum, more| sum.merge(*more))
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(front) = &self.front_sums {
            heap::boxed(&**front, measure);
        }
        if let Some(front) = &self.front_weight {
            heap::boxed(&**front, measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        if let Some(front) = &mut self.front_sums {
            mover.boxed(front);
        }
        if let Some(front) = &mut self.front_weight {
            mover.boxed(front);
        }
    }
}
