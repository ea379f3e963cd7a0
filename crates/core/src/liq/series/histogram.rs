//! A dense histogram over buckets, with sums per group of 64, that answers ranks in two short scans.
#![allow(clippy::indexing_slicing, reason = "places are checked against the covered groups before they are used")]

use super::Scale;
use super::heap::{self, Measure};
use crate::relocation::Mover;

/// Buckets per group.
const GROUP: usize = 64;
/// How many buckets the finger walks before it leaps.
const NEAR: usize = 12;

/// Counts per bucket, covering only the groups between the smallest and the largest size seen.
#[derive(Debug, Clone)]
pub struct Histogram {
    scale: Scale,
    /// The first covered group.
    first_group: usize,
    counts: Vec<u32>,
    groups: Vec<u32>,
    total: u64,
    /// Where the last percentile was found, and how many events lie below: the next one is near.
    finger: u16,
    below_finger: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new(scale: Scale) -> Self {
        let (counts, groups) = (Vec::new(), Vec::new());
        Self { scale, first_group: 0, counts, groups, total: 0, finger: 0, below_finger: 0 }
    }

    /// A histogram of counts per bucket.
    pub fn from_counts(scale: Scale, counts: &[u32]) -> Self {
        let mut histogram = Self::new(scale);
        let occupied = |counts: &[u32]| counts.iter().any(|count| *count > 0);
        let groups = counts.chunks_exact(GROUP).enumerate().filter(|(_, group)| occupied(group));
        for (number, counts) in groups {
            histogram.cover(number);
            let place = number - histogram.first_group;
            histogram.counts[place * GROUP..][..GROUP].copy_from_slice(counts);
            let sum = add_up(counts);
            histogram.groups[place] = u32::try_from(sum).unwrap_or(u32::MAX);
            histogram.total += sum;
        }
        histogram
    }

    /// Whether another one counts the same, whatever it covers.
    pub fn is_equal(&self, other: &Self) -> bool {
        self.scale == other.scale
            && self.total == other.total
            && (0..self.scale.buckets()).all(|bucket| self.count(bucket) == other.count(bucket))
    }

    /// The scale of its buckets.
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    /// The bucket that an event of `size` is counted in.
    pub fn bucket(&self, size: f64) -> u16 {
        self.scale.bucket(size)
    }

    /// Events counted.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Counts `count` more events in `bucket`.
    pub fn add(&mut self, bucket: u16, count: u32) {
        self.cover(usize::from(bucket) / GROUP);
        let place = self.place(bucket);
        self.counts[place] = self.counts[place].saturating_add(count);
        self.groups[place / GROUP] = self.groups[place / GROUP].saturating_add(count);
        self.total += u64::from(count);
        if bucket < self.finger {
            self.below_finger += u64::from(count);
        }
    }

    /// Counts `count` events less in `bucket`; they were counted before.
    pub fn remove(&mut self, bucket: u16, count: u32) {
        self.cover(usize::from(bucket) / GROUP);
        let place = self.place(bucket);
        debug_assert!(self.counts[place] >= count);
        self.counts[place] = self.counts[place].saturating_sub(count);
        self.groups[place / GROUP] = self.groups[place / GROUP].saturating_sub(count);
        self.total = self.total.saturating_sub(count.into());
        if bucket < self.finger {
            self.below_finger = self.below_finger.saturating_sub(count.into());
        }
    }

    /// Events in `bucket`.
    pub fn count(&self, bucket: u16) -> u64 {
        let group = usize::from(bucket) / GROUP;
        if group < self.first_group || group >= self.first_group + self.groups.len() {
            return 0;
        }
        self.counts[self.place(bucket)].into()
    }

    /// Events in buckets below `bucket`.
    pub fn below(&self, bucket: u16) -> u64 {
        let group = usize::from(bucket) / GROUP;
        if group < self.first_group {
            return 0;
        }
        if group >= self.first_group + self.groups.len() {
            return self.total;
        }
        let place = self.place(bucket);
        add_up(&self.groups[..place / GROUP]) + add_up(&self.counts[place / GROUP * GROUP..place])
    }

    /// The bucket of `rank`, for a question asked again and again while events come and go: the answer lies near the last.
    pub fn bucket_of_steady_rank(&mut self, rank: u64) -> u16 {
        for _ in 0..NEAR {
            let count = self.count(self.finger);
            if self.below_finger >= rank && self.finger > 0 {
                self.finger -= 1;
                self.below_finger -= self.count(self.finger);
            } else if self.below_finger + count < rank && self.finger + 1 < self.scale.buckets() {
                self.finger += 1;
                self.below_finger += count;
            } else {
                return self.finger;
            }
        }
        (self.finger, self.below_finger) = self.locate(rank);
        self.finger
    }

    /// The bucket that holds the event of 1-based `rank`, which is at most the total, and how many events lie below it.
    pub fn locate(&self, rank: u64) -> (u16, u64) {
        self.locate_from(&mut (0, 0), rank)
    }

    /// The same for ranks that ascend from call to call: `passed` says which groups the search is past, and how many
    /// events lie in them; it begins with none.
    pub fn locate_from(&self, passed: &mut (usize, u64), rank: u64) -> (u16, u64) {
        let (from, below) = *passed;
        let (ahead, below) = descend(self.groups.get(from..).unwrap_or_default(), below, rank);
        let group = from + ahead;
        *passed = (group, below);
        let counts = self.counts.get(group * GROUP..).and_then(|counts| counts.get(..GROUP)).unwrap_or_default();
        let (place, below) = descend(counts, below, rank);
        ((self.first_group * GROUP + group * GROUP + place) as u16, below)
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.counts, measure);
        heap::vec(&self.groups, measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.counts);
        mover.vec(&mut self.groups);
    }

    fn place(&self, bucket: u16) -> usize {
        usize::from(bucket) - self.first_group * GROUP
    }

    /// Covers `group`; new groups hold nothing.
    fn cover(&mut self, group: usize) {
        if self.groups.is_empty() {
            self.first_group = group;
        }
        if group < self.first_group {
            let more = self.first_group - group;
            self.groups = with_zeros_before(&self.groups, more);
            self.counts = with_zeros_before(&self.counts, more * GROUP);
            self.first_group = group;
        }
        let wanted = group + 1 - self.first_group;
        if wanted > self.groups.len() {
            self.groups.reserve_exact(wanted - self.groups.len());
            self.groups.resize(wanted, 0);
            self.counts.reserve_exact(wanted * GROUP - self.counts.len());
            self.counts.resize(wanted * GROUP, 0);
        }
    }
}

/// Counts that are added up at once, as wide registers do, before they are looked at one by one.
const STRIDE: usize = 8;

/// The place among `counts` where `rank` is reached, coming from `below`; the last one if none does.
fn descend(counts: &[u32], mut below: u64, rank: u64) -> (usize, u64) {
    let mut place = 0;
    while let Some(stride) = counts.get(place..place + STRIDE).filter(|_| place + STRIDE < counts.len()) {
        let through = below + add_up(stride);
        if through >= rank {
            break;
        }
        (place, below) = (place + STRIDE, through);
    }
    for count in counts.get(place..).unwrap_or_default() {
        let through = below + u64::from(*count);
        if through >= rank || place + 1 == counts.len() {
            return (place, below);
        }
        (place, below) = (place + 1, through);
    }
    (0, below)
}

/// Exactly as much room as is needed: a histogram covers what there is to cover after its first hours.
fn with_zeros_before(counts: &[u32], zeros: usize) -> Vec<u32> {
    let mut wider = Vec::with_capacity(zeros + counts.len());
    wider.resize(zeros, 0);
    wider.extend_from_slice(counts);
    wider
}

/// The sum of counts of events that are all held, of which there are fewer than 2^32.
fn add_up(counts: &[u32]) -> u64 {
    counts.iter().fold(0_u32, |sum, count| sum.wrapping_add(*count)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_equal_those_of_the_sorted_list(
            steps in prop::collection::vec((prop_oneof![0_u16..5120, 2000_u16..2020], any::<bool>(), 0_u64..1000), 1..300),
        ) {
            let (mut histogram, mut list) = (Histogram::new(Scale::new(7)), Vec::new());
            for (bucket, remove, question) in steps {
                if remove && !list.is_empty() {
                    let gone = list.swap_remove(question as usize % list.len());
                    histogram.remove(gone, 1);
                } else {
                    histogram.add(bucket, 1);
                    list.push(bucket);
                }
                let mut dense = vec![0; 5120];
                list.iter().for_each(|bucket| dense[usize::from(*bucket)] += 1);
                let again = Histogram::from_counts(Scale::new(7), &dense);
                prop_assert_eq!((again.total(), again.below(bucket)), (histogram.total(), histogram.below(bucket)));
                let mut sorted = list.clone();
                sorted.sort_unstable();
                prop_assert_eq!(histogram.total(), sorted.len() as u64);
                prop_assert_eq!(histogram.below(bucket), sorted.iter().filter(|held| **held < bucket).count() as u64);
                if !sorted.is_empty() {
                    let rank = question % sorted.len() as u64;
                    let (found, below) = histogram.locate(rank + 1);
                    prop_assert_eq!((found, below), (sorted[rank as usize], histogram.below(found)));
                    prop_assert_eq!(histogram.bucket_of_steady_rank(rank + 1), sorted[rank as usize]);
                    let mut passed = (0, 0);
                    for later in [rank, rank.midpoint(sorted.len() as u64 - 1), sorted.len() as u64 - 1] {
                        let found = histogram.locate_from(&mut passed, later + 1);
                        prop_assert_eq!(found, histogram.locate(later + 1));
                    }
                }
            }
        }
    }
}
