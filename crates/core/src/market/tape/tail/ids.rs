//! Which IDs a tail holds, where they are names: that of a tick which comes again is a duplicate.
//!
//! Most venues number their trades one by one, whatever they promise. Such numbers are held as where they begin and end;
//! all other IDs are hashes in a set.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use crate::heap::Measure;
use crate::market::tape::tick::Id;

/// The IDs of all ticks held, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    /// All of these numbers, if any.
    run: Range<u64>,
    /// The hashes of the others.
    others: HashSet<u64, BuildHasherDefault<Hashed>>,
}

impl Ids {
    /// Whether it is held.
    #[inline]
    pub(super) fn has(&self, id: Id<'_>) -> bool {
        self.is_in_run(id) || !self.others.is_empty() && id.hash().is_some_and(|hash| self.others.contains(&hash))
    }

    fn is_in_run(&self, id: Id<'_>) -> bool {
        matches!(id, Id::Numbers { first, last } if first == last && self.run.contains(&first))
    }

    /// Takes in one that is not held.
    #[inline]
    pub(super) fn insert(&mut self, id: Id<'_>) {
        match id {
            Id::Numbers { first, last } if first == last && last < u64::MAX => {
                if self.run.end == first && !self.run.is_empty() {
                    self.run.end = first + 1;
                } else if self.run.is_empty() {
                    self.run = first..first + 1;
                } else {
                    self.insert_other(id);
                }
            }
            _ => self.insert_other(id),
        }
    }

    fn insert_other(&mut self, id: Id<'_>) {
        self.others.extend(id.hash());
    }

    /// Lets one go.
    #[inline]
    pub(super) fn remove(&mut self, id: Id<'_>) {
        match id {
            Id::Numbers { first, .. } if self.is_in_run(id) => {
                if first == self.run.start {
                    self.run.start += 1;
                } else {
                    self.split(first);
                }
            }
            _ => {
                if let Some(hash) = id.hash() {
                    self.others.remove(&hash);
                }
            }
        }
    }

    /// Takes a number out of the run. The shorter side goes to the others: none goes twice.
    #[cold]
    fn split(&mut self, at: u64) {
        let (before, behind) = (self.run.start..at, at + 1..self.run.end);
        let (kept, others) =
            if before.end - before.start > behind.end - behind.start { (before, behind) } else { (behind, before) };
        self.run = kept;
        others.for_each(|number| self.insert_other(Id::Numbers { first: number, last: number }));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        (self.run.end - self.run.start) as usize + self.others.len()
    }

    /// Gives back the memory that holds none.
    pub(super) fn free_spare(&mut self) {
        self.others.shrink_to_fit();
    }

    /// Measures its buffer.
    pub(super) fn measure(&self, measure: &mut Measure<'_>) {
        if self.others.capacity() > 0 {
            // A slot and its control byte, at most seven eighths full.
            measure(std::ptr::null(), self.others.capacity() * 8 / 7 * 9);
        }
    }
}

/// What is put in is a hash already.
#[derive(Debug, Clone, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Numbers come and go in any order; a set of them says what is held.
        #[test]
        fn what_is_held_is_what_came_and_did_not_go(steps in proptest::collection::vec((any::<bool>(), 0_u64..40, 0_u64..3), 0..300)) {
            let (mut ids, mut held) = (Ids::default(), std::collections::BTreeSet::new());
            for (goes, first, more) in steps {
                let more = more.saturating_sub(1);
                let id = Id::Numbers { first, last: first + more };
                if held.contains(&(first, more)) && goes {
                    ids.remove(id);
                    held.remove(&(first, more));
                } else if held.insert((first, more)) {
                    ids.insert(id);
                }
                prop_assert_eq!(ids.len(), held.len());
                for number in 0..40 {
                    for more in 0..2 {
                        let id = Id::Numbers { first: number, last: number + more };
                        prop_assert_eq!(ids.has(id), held.contains(&(number, more)), "{} {}", number, more);
                    }
                }
            }
        }
    }
}
