//! The exchanges of a series by number, and the producers whose batches it has seen.

use super::heap::{self, Measure};
use crate::relocation::Mover;

/// Names that a series tells apart; events of further exchanges are recorded as `other`.
pub const MAX_EXCHANGES: usize = 64;
/// Number of the events whose exchange has no number of its own.
pub const OTHER_EXCHANGE: u8 = MAX_EXCHANGES as u8 + 1;
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

/// Exchanges in the order in which they were first seen; numbers begin at 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchanges {
    names: Vec<Box<[u8]>>,
    overflowed: bool,
}

impl Exchanges {
    /// Exchanges as they were saved.
    pub const fn loaded(names: Vec<Box<[u8]>>, overflowed: bool) -> Self {
        Self { names, overflowed }
    }

    /// The number of `name`: 0 for none; `None` when it has none yet.
    pub fn number(&self, name: Option<&[u8]>) -> Option<u8> {
        let Some(name) = name else { return Some(0) };
        let place = self.names.iter().position(|known| **known == *name);
        match place {
            Some(place) => Some(place as u8 + 1),
            None if name == b"other" && self.overflowed => Some(OTHER_EXCHANGE),
            None => None,
        }
    }

    /// The number that an event of `name` would be recorded under; `None` when the name would be new.
    pub fn find(&self, name: Option<&[u8]>) -> Option<u8> {
        self.number(name).or_else(|| (self.names.len() == MAX_EXCHANGES).then_some(OTHER_EXCHANGE))
    }

    /// The number of `name`, given to it now if need be.
    pub fn admit(&mut self, name: Option<&[u8]>) -> u8 {
        if let Some(number) = self.number(name) {
            return number;
        }
        if self.names.len() == MAX_EXCHANGES {
            self.overflowed = true;
            return OTHER_EXCHANGE;
        }
        self.names.push(name.unwrap_or_default().into());
        self.names.len() as u8
    }

    /// The name of a number; `None` for 0.
    pub fn name(&self, number: u8) -> Option<&[u8]> {
        if number == OTHER_EXCHANGE {
            return Some(b"other");
        }
        self.names.get(usize::from(number).checked_sub(1)?).map(|name| &**name)
    }

    /// The names told apart.
    pub fn names(&self) -> &[Box<[u8]>] {
        &self.names
    }

    /// Whether there were more names than are told apart.
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.names, measure);
        self.names.iter().for_each(|name| measure(name.as_ptr(), name.len()));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.names);
        self.names.iter_mut().for_each(|name| mover.slice(name));
    }
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
