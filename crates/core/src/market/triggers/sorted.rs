//! A sorted list in chunks: what lies in it is found, put in and taken out in O(log n) and at most a chunk's moves. Unlike
//! the standard library's trees its buffers can be measured, moved and kept for the next item.

use crate::heap::{self, Measure};
use crate::relocation::Mover;
use crate::steps;

/// Items in a chunk at most: a kilobyte or two to move, and little to search.
const MOST: usize = 64;

/// Items in ascending order, by whatever order the caller keeps to.
#[derive(Debug, Clone)]
pub struct Sorted<T> {
    /// No chunk is empty.
    chunks: Vec<Vec<T>>,
    /// The buffer of a chunk that emptied last, for the next one: what moves back and forth allocates nothing.
    spare: Vec<T>,
    len: usize,
}

impl<T> Sorted<T> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), spare: Vec::new(), len: 0 }
    }
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A chunk and a place in it.
#[derive(Clone, Copy)]
struct Place {
    chunk: usize,
    at: usize,
}

impl<T: Copy> Sorted<T> {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The least.
    pub fn first(&self) -> Option<T> {
        self.chunks.first()?.first().copied()
    }

    /// The greatest.
    pub fn last(&self) -> Option<T> {
        self.chunks.last()?.last().copied()
    }

    /// Takes the greatest out.
    pub fn pop_last(&mut self) -> Option<T> {
        let chunk = self.chunks.last_mut()?;
        let item = chunk.pop()?;
        self.len -= 1;
        if chunk.is_empty() {
            self.drop_chunk(self.chunks.len() - 1);
        }
        Some(item)
    }

    /// All, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        self.chunks.iter().flatten().copied()
    }

    /// From the first one that is not `before`, ascending.
    pub fn iter_from(&self, before: impl Fn(&T) -> bool) -> impl Iterator<Item = T> + '_ {
        let Place { chunk, at } = self.place(before);
        let first = self.chunks.get(chunk).and_then(|items| items.get(at..)).unwrap_or_default();
        let rest = self.chunks.get(chunk + 1..).unwrap_or_default();
        first.iter().chain(rest.iter().flatten()).copied()
    }

    /// The first one that is not `before`.
    pub fn find(&self, before: impl Fn(&T) -> bool) -> Option<T> {
        let Place { chunk, at } = self.place(before);
        self.chunks.get(chunk)?.get(at).copied()
    }

    /// Puts `item` in front of the first one that is not `before`.
    pub fn insert_at(&mut self, item: T, before: impl Fn(&T) -> bool) {
        let mut place = self.place(before);
        self.len += 1;
        if place.chunk == self.chunks.len() {
            // Behind all: the last chunk takes it, or a new one where that is full. In ascending order chunks stay full.
            match self.chunks.last_mut() {
                Some(last) if last.len() < MOST => last.push(item),
                _ => self.add_chunk(item),
            }
            return;
        }
        if self.chunks.get(place.chunk).is_some_and(|chunk| chunk.len() >= MOST) {
            self.split(&mut place);
        }
        if let Some(chunk) = self.chunks.get_mut(place.chunk) {
            steps::note(chunk.len().saturating_sub(place.at));
            chunk.insert(place.at, item);
        }
    }

    /// Takes the first one that is not `before` out, if it is what was looked for.
    pub fn remove_at(&mut self, before: impl Fn(&T) -> bool, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let Place { chunk: number, at } = self.place(before);
        let chunk = self.chunks.get_mut(number)?;
        if !chunk.get(at).is_some_and(is_it) {
            return None;
        }
        steps::note(chunk.len() - at);
        let item = chunk.remove(at);
        self.len -= 1;
        match chunk.len() {
            0 => self.drop_chunk(number),
            few if few < MOST / 4 => self.join(number),
            _ => {}
        }
        Some(item)
    }

    /// Where the first one that is not `before` lies; behind the last chunk when there is none.
    fn place(&self, before: impl Fn(&T) -> bool) -> Place {
        let chunk = self.chunks.partition_point(|items| items.last().is_some_and(&before));
        let at = self.chunks.get(chunk).map_or(0, |items| items.partition_point(before));
        Place { chunk, at }
    }

    fn add_chunk(&mut self, item: T) {
        let mut chunk = std::mem::take(&mut self.spare);
        if !self.chunks.is_empty() {
            // The only chunk of a small list grows as it needs to; of several each will be filled.
            chunk.reserve_exact(MOST);
        }
        chunk.push(item);
        self.chunks.push(chunk);
    }

    fn split(&mut self, place: &mut Place) {
        let mut upper = std::mem::take(&mut self.spare);
        upper.reserve_exact(MOST);
        if let Some(chunk) = self.chunks.get_mut(place.chunk) {
            steps::note(MOST / 2);
            upper.extend(chunk.drain(MOST / 2..));
        }
        self.chunks.insert(place.chunk + 1, upper);
        if place.at > MOST / 2 {
            *place = Place { chunk: place.chunk + 1, at: place.at - MOST / 2 };
        }
    }

    fn drop_chunk(&mut self, number: usize) {
        let chunk = self.chunks.remove(number);
        if chunk.capacity() > self.spare.capacity() {
            self.spare = chunk;
        }
    }

    /// Joins a chunk of few with a neighbour, where both are less than half a chunk: what is left of many stays compact.
    fn join(&mut self, number: usize) {
        let len_of = |at: usize| self.chunks.get(at).map_or(MOST, Vec::len);
        let first = if len_of(number + 1) + len_of(number) <= MOST / 2 { number } else { number.wrapping_sub(1) };
        if len_of(first) + len_of(first.wrapping_add(1)) > MOST / 2 {
            return;
        }
        let Some(mut upper) = self.chunks.get_mut(first + 1).map(std::mem::take) else { return };
        if let Some(lower) = self.chunks.get_mut(first) {
            steps::note(upper.len());
            lower.append(&mut upper);
        }
        self.chunks.remove(first + 1);
        if upper.capacity() > self.spare.capacity() {
            self.spare = upper;
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.chunks, measure);
        heap::vec(&self.spare, measure);
        self.chunks.iter().for_each(|chunk| heap::vec(chunk, measure));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.chunks);
        mover.vec(&mut self.spare);
        self.chunks.iter_mut().for_each(|chunk| mover.vec(chunk));
    }
}

impl<T: Copy + Ord> Sorted<T> {
    /// Puts `item` where it belongs.
    pub fn insert(&mut self, item: T) {
        self.insert_at(item, |other| *other < item);
    }

    /// Takes `item` out; whether it was there.
    pub fn remove(&mut self, item: T) -> bool {
        self.remove_at(|other| *other < item, |other| *other == item).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Sorted};

    #[test]
    fn it_holds_what_a_plain_sorted_vector_holds() {
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let (mut sorted, mut plain) = (Sorted::default(), Vec::new());
        for round in 0..20_000_u64 {
            let growing = (round / 4_000) % 2 == 0;
            let item = next(1_500);
            match next(10) {
                0 => assert_eq!(sorted.pop_last(), plain.pop()),
                chance if (chance < 7) == growing => {
                    sorted.insert(item);
                    plain.insert(plain.partition_point(|other| *other < item), item);
                }
                _ => {
                    let place = plain.iter().position(|other| *other == item);
                    assert_eq!(sorted.remove(item), place.is_some());
                    place.map(|at| plain.remove(at));
                }
            }
            assert_eq!((sorted.len(), sorted.last()), (plain.len(), plain.last().copied()));
            assert_eq!(sorted.find(|other| *other < item), plain.iter().copied().find(|other| *other >= item));
            if round % 97 == 0 {
                assert!(sorted.iter().eq(plain.iter().copied()));
                assert!(
                    sorted.iter_from(|other| *other < item).eq(plain.iter().copied().filter(|other| *other >= item))
                );
            }
        }
    }

    #[test]
    fn what_is_left_of_many_is_compact() {
        let mut sorted = Sorted::default();
        (0..6_400_u32).for_each(|item| sorted.insert(item));
        assert_eq!(sorted.chunks.len(), 100, "in ascending order chunks are full");
        (0..6_400).filter(|item| item % 64 != 0).for_each(|item| assert!(sorted.remove(item)));
        assert!(sorted.chunks.len() <= 2 * 100 / (MOST / 4) + 1, "{} chunks for 100", sorted.chunks.len());
    }
}
