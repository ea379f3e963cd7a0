//! Batches that count once however often they are delivered: the producers whose batches a value has seen.

use crate::heap::{self, Measure};
use crate::relocation::Mover;

/// Producers remembered.
pub const MAX_PRODUCERS: usize = 64;

/// Longest name of a producer, in bytes.
pub const MAX_PRODUCER_BYTES: usize = 64;

/// Names a batch so that a repeated delivery counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchId<'a> {
    /// Who sends; at most 64 bytes.
    pub producer: &'a [u8],
    /// Grows with every batch of the producer; 0 … 2^63 − 1.
    pub seq: u64,
}

/// The last batch number of each of the most recent producers, the latest last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Producers {
    latest: Vec<(Box<[u8]>, u64)>,
}

impl Producers {
    /// Producers as they were saved.
    pub const fn loaded(latest: Vec<(Box<[u8]>, u64)>) -> Self {
        Self { latest }
    }

    /// Whether the batch `seq` of `producer` was seen, or a later one.
    pub fn has_seen(&self, producer: &[u8], seq: u64) -> bool {
        self.latest.iter().any(|(name, latest)| **name == *producer && *latest >= seq)
    }

    /// Remembers a batch.
    pub fn saw(&mut self, producer: &[u8], seq: u64) {
        let known = self.latest.iter().position(|(name, _)| **name == *producer);
        let name = match known {
            Some(place) => self.latest.remove(place).0,
            None => producer.into(),
        };
        if self.latest.len() == MAX_PRODUCERS {
            self.latest.remove(0);
        }
        self.latest.push((name, seq));
    }

    /// All, the latest last.
    pub fn latest(&self) -> &[(Box<[u8]>, u64)] {
        &self.latest
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.latest, measure);
        self.latest.iter().for_each(|(name, _)| measure(name.as_ptr(), name.len()));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.latest);
        self.latest.iter_mut().for_each(|(name, _)| mover.slice(name));
    }
}
