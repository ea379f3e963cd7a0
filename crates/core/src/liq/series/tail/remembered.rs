//! What is remembered of sums over leaves between one answer and the next.
#![allow(clippy::indexing_slicing, reason = "places come from the tail, and chunks lie within their leaf")]

use std::ops::Range;

use super::{MOST, Tail};
use crate::liq::series::SidedSums;
use crate::liq::series::heap::{self, Measure};
use crate::liq::series::sums::Weight;
use crate::panes::Version;
use crate::relocation::Mover;
use crate::steps;

/// Sums over runs of closed leaves, and what the leaf that a window begins in weighs from each of its events on, nearly.
///
/// Whatever is remembered is a partial sum of the one order in which the tail adds: an answer from memory and one made
/// anew are the same to the bit.
#[derive(Debug, Clone)]
pub struct Remembered {
    sums: Closed<SidedSums>,
    weight: Closed<Weight>,
    front: Option<Box<Front>>,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { sums: Closed::new(), weight: Closed::new(), front: None }
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

/// What a closed leaf weighs behind each of its chunks, counted from its end.
#[derive(Debug, Clone)]
struct Front {
    version: Version,
    /// The last `n` chunks weigh `behind[n]`.
    behind: [Weight; MOST / CHUNK + 1],
    chunks: usize,
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

    /// Weight of the events of a closed leaf from `place` to its end.
    pub fn front(&mut self, tail: &Tail, leaf: usize, place: usize) -> Weight {
        let leaf = &tail.leaves[leaf];
        let chunks = (leaf.len() - place) / CHUNK;
        let known = self.front.as_ref().is_some_and(|front| front.version == leaf.version() && front.chunks >= chunks);
        if !known {
            let all = leaf.len() / CHUNK;
            let mut front =
                Front { version: leaf.version(), behind: [Weight::default(); MOST / CHUNK + 1], chunks: all };
            for chunk in 1..=all {
                let begin = leaf.len() - chunk * CHUNK;
                let mut weight = leaf.weigh(begin..begin + CHUNK);
                weight.merge(front.behind[chunk - 1]);
                front.behind[chunk] = weight;
            }
            match &mut self.front {
                Some(slot) => **slot = front,
                None => self.front = Some(front.into()),
            }
        }
        // Raw events up to the next chunk, then what is remembered of the chunks behind it.
        let mut weight = leaf.weigh(place..leaf.len() - chunks * CHUNK);
        if let Some(front) = &self.front {
            weight.merge(front.behind[chunks]);
        }
        weight
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(front) = &self.front {
            heap::boxed(&**front, measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        if let Some(front) = &mut self.front {
            mover.boxed(front);
        }
    }
}
