//! Sizes in ascending order, in chunks: what an exact percentile is found in, at any number of events.
#![allow(clippy::indexing_slicing, reason = "places come from searches of the chunks themselves")]

use super::heap::{self, Measure};
use crate::relocation::Mover;
use crate::steps;

/// Sizes of a chunk before it is split.
const MOST: usize = 512;
/// Sizes of a chunk when many are put in at once.
const FILL: usize = 384;
/// A chunk that shrank to this many joins its neighbour when both together are small.
const FEW: usize = 96;

/// A sorted list that takes in and gives up one size at the cost of a short move.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sorted {
    /// Ascending within and from one to the next; none is empty.
    chunks: Vec<Vec<f64>>,
    len: usize,
}

impl Sorted {
    /// The list of `sizes`, which are positive and finite.
    pub fn of(mut sizes: Vec<f64>) -> Self {
        steps::note(sizes.len());
        if sizes.len() <= MOST {
            sizes.sort_unstable_by(f64::total_cmp);
        } else {
            // Least significant digits first: the same time whatever the order, some 10 ns a size.
            radsort::sort(&mut sizes);
        }
        let len = sizes.len();
        let chunks = match len {
            0 => Vec::new(),
            1..=MOST => vec![sizes],
            _ => sizes.chunks(FILL).map(with_room).collect(),
        };
        Self { chunks, len }
    }

    /// Sizes held.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Takes in a size.
    pub fn insert(&mut self, size: f64) {
        self.len += 1;
        let Some(last) = self.chunks.len().checked_sub(1) else {
            self.chunks.push(vec![size]);
            return;
        };
        let place = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|largest| *largest <= size)).min(last);
        let chunk = &mut self.chunks[place];
        if chunk.len() == chunk.capacity() && chunk.len() < MOST {
            chunk.reserve_exact((chunk.len() / 8).max(32).min(MOST - chunk.len()));
        }
        steps::note(chunk.len() / 8);
        if chunk.len() < MOST {
            chunk.insert(chunk.partition_point(|held| *held <= size), size);
            return;
        }
        let back = with_room(&chunk[MOST / 2..]);
        chunk.truncate(MOST / 2);
        let half = if back[0] <= size { place + 1 } else { place };
        self.chunks.insert(place + 1, back);
        let chunk = &mut self.chunks[half];
        chunk.insert(chunk.partition_point(|held| *held <= size), size);
    }

    /// Gives up one of the sizes that are equal to `size`, if there is one.
    pub fn remove(&mut self, size: f64) {
        let place = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|largest| *largest < size));
        let Some(chunk) = self.chunks.get_mut(place) else { return };
        let within = chunk.partition_point(|held| *held < size);
        if chunk[within] != size {
            return;
        }
        steps::note((chunk.len() - within) / 8);
        chunk.remove(within);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(place);
        } else if chunk.len() <= FEW {
            self.join_neighbours(place);
        }
    }

    fn join_neighbours(&mut self, place: usize) {
        let Some(before) = place.checked_sub(1) else { return };
        if self.chunks[before].len() + self.chunks[place].len() <= FILL {
            let chunk = self.chunks.remove(place);
            self.chunks[before].extend_from_slice(&chunk);
        }
    }

    /// How many are not larger than `size`.
    pub fn at_or_below(&self, size: f64) -> u64 {
        let place = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|largest| *largest <= size));
        let before: usize = self.chunks[..place].iter().map(Vec::len).sum();
        let within = self.chunks.get(place).map_or(0, |chunk| chunk.partition_point(|held| *held <= size));
        (before + within) as u64
    }

    /// The size of 1-based `rank`; `None` beyond the last.
    pub fn of_rank(&self, rank: u64) -> Option<f64> {
        let mut behind = usize::try_from(rank).ok()?.checked_sub(1)?;
        for chunk in &self.chunks {
            match chunk.get(behind) {
                Some(size) => return Some(*size),
                None => behind -= chunk.len(),
            }
        }
        None
    }

    /// All sizes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.chunks.iter().flatten().copied()
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.chunks, measure);
        self.chunks.iter().for_each(|chunk| heap::vec(chunk, measure));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.chunks);
        self.chunks.iter_mut().for_each(|chunk| mover.vec(chunk));
    }
}

/// A chunk that can grow to be split without moving house.
fn with_room(sizes: &[f64]) -> Vec<f64> {
    let mut chunk = Vec::with_capacity(MOST);
    chunk.extend_from_slice(sizes);
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_list(
            begin in prop::collection::vec(0_u32..50, 0..1500),
            steps in prop::collection::vec((any::<bool>(), prop_oneof![0_u32..50, 0_u32..100_000]), 0..1200),
        ) {
            let mut list: Vec<f64> = begin.into_iter().map(f64::from).collect();
            let mut sorted = Sorted::of(list.clone());
            list.sort_by(f64::total_cmp);
            for (number, (add, value)) in steps.into_iter().enumerate() {
                if add {
                    sorted.insert(f64::from(value));
                    list.insert(list.partition_point(|held| *held <= f64::from(value)), f64::from(value));
                } else if !list.is_empty() {
                    let gone = list.remove(value as usize % list.len());
                    sorted.remove(gone);
                }
                sorted.remove(-1.0);
                prop_assert_eq!(sorted.len(), list.len());
                let size = f64::from(value);
                prop_assert_eq!(sorted.at_or_below(size), list.partition_point(|held| *held <= size) as u64);
                let rank = number % (list.len() + 2);
                let expected = rank.checked_sub(1).and_then(|place| list.get(place)).copied();
                prop_assert_eq!(sorted.of_rank(rank as u64), expected);
                prop_assert!(sorted.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= MOST));
            }
            prop_assert_eq!(sorted.iter().collect::<Vec<_>>(), list);
        }
    }
}
